# ruff: noqa: INP001 - a module beside a script, not in a package
"""Renders the conditions' types and reasons as a page, from the enumerations that the operator uses."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "lib" / "blendersessions" / "model" / "conditions.py"
_INTRODUCTION = """\
# Conditions of a session

Made by `make generate` from `lib/blendersessions/model/conditions.py`: change that.

`kubectl describe bs NAME` shows them all. Each message names the object, what is wrong with it, and what to do. `Ready`
sums up the others, and every status has it. `lastTransitionTime` moves only when the condition's status does. Reasons
that Kubernetes gives for a pod (Unschedulable, ImagePullBackOff and so on) are passed on.
"""


def page() -> str:
    """Return the page as Markdown."""
    types, reasons = (
        [f"| `{value}` | {' '.join(text.split())} |" for value, text in members(name)]
        for name in ("ConditionType", "Reason")
    )
    return "\n".join(
        [
            _INTRODUCTION,
            "## Types\n\n| type | true when |\n| --- | --- |",
            *types,
            "\n## Reasons\n\n| reason | where and why |\n| --- | --- |",
            *sorted(reasons),
            "",
        ]
    )


def members(enumeration: str) -> list[tuple[str, str]]:
    """Return the value and the documentation of each member of an enumeration in `SOURCE`.

    Raises:
        ValueError: a member has no documentation below it.
    """
    tree = ast.parse(SOURCE.read_text())
    [found] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == enumeration]
    result = []
    for statement, after in zip(found.body, [*found.body[1:], None], strict=True):
        if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)):
            continue
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
        if not text:
            value = statement.value.value
            raise ValueError(f"{enumeration} {value} in {SOURCE.name} is not documented: write a string below it.")
        result.append((str(statement.value.value), str(text)))
    return result
