# ruff: noqa: INP001 - beside a script, no package
"""Renders the conditions' types and reasons as a page, from the constants that the operator uses."""

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
    types, reasons = [], []
    for name, value, text in constants():
        row = f"| `{value}` | {' '.join(text.split())} |"
        (types if name in TYPES else reasons).append(row)
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


TYPES = frozenset({"READY", "DESKTOP_READY", "SCENE_READY", "CONNECTION_READY", "SUSPENDED", "STALLED"})


def constants() -> list[tuple[str, str, str]]:
    """Return name, value and documentation of each constant.

    Raises:
        ValueError: a constant has no documentation below it.
    """
    body = ast.parse(SOURCE.read_text()).body
    found = []
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if not isinstance(statement.value, ast.Constant):
            continue
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
        if not text:
            raise ValueError(f"{statement.target.id} in {SOURCE.name} is not documented: write a string below it.")
        found.append((statement.target.id, str(statement.value.value), str(text)))
    return found
