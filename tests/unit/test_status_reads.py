"""The product knows the status of a session as a type: no code reads it by a key, or decides by the phase."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from blendersessions.model.conditions import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "lib" / "blendersessions" / "model"
PRODUCT = [
    path
    for folder in ("lib", "operator", "cli", "portal")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path not in (MODEL / "status.py", MODEL / "conditions.py")
]
SHARED = frozenset(
    {
        "activity",
        "at",
        "blender",
        "claimName",
        "conditions",
        "connection",
        "dataSource",
        "desktop",
        "generation",
        "identifier",
        "lastTransitionTime",
        "message",
        "name",
        "observedGeneration",
        "path",
        "phase",
        "reason",
        "replicas",
        "scene",
        "seconds",
        "status",
        "type",
        "users",
        "version",
        "workspace",
    }
)
"""Keys that other objects have as well: pods, a spec, Guacamole's answers."""


READ_FROM_PODS = frozenset({"startedAt"})
"""Keys that the state of a pod's container has as well. One file reads pods."""


def keys_of(schema: dict[str, Any]) -> Iterator[str]:
    """Return the names of all properties."""
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from keys_of(inner)
    yield from keys_of(schema["items"]) if "items" in schema else ()


def own_keys() -> frozenset[str]:
    """Return the keys that only a session's status has."""
    [version] = yaml.safe_load((ROOT / "crds" / "blendersessions.yaml").read_text())["spec"]["versions"]
    return frozenset(keys_of(version["schema"]["openAPIV3Schema"]["properties"]["status"])) - SHARED


OWN = own_keys()


def is_attribute(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in names


def is_untyped_read(node: ast.AST) -> bool:
    """Return whether something is read by a key of the status, or from a `.status` by any key."""
    match node:
        case ast.Constant(value=str(key)):
            return key in OWN
        case ast.Subscript(value=holder) | ast.Attribute(value=holder, attr="get" | "items" | "keys" | "values"):
            return is_attribute(holder, "status")
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[holder]):
            return is_attribute(holder, "status")
    return False


def is_decision_by_phase(node: ast.AST) -> bool:
    """Return whether a phase is compared or looked up."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return any(is_attribute(side, "phase") for side in (left, *others))
        case ast.Subscript(slice=key):
            return is_attribute(key, "phase")
    return False


def offences(source: str) -> list[str]:
    found = [node for node in ast.walk(ast.parse(source)) if is_untyped_read(node) or is_decision_by_phase(node)]
    return [ast.unparse(node) for node in found]


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_reads_a_status_by_its_keys_or_decides_by_the_phase(path: Path) -> None:
    allowed = {repr(key) for key in READ_FROM_PODS} if path.name == "podstate.py" else set()
    assert [found for found in offences(path.read_text()) if found not in allowed] == []


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_repeats_a_reason_as_a_text(path: Path) -> None:
    constants = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert [value for value in constants if isinstance(value, str) and value in set(Reason)] == []


@pytest.mark.parametrize(
    "line",
    [
        'session.status.get("phase")',
        'session.status["conditions"]',
        '"phase" in session.status',
        '"readyAt" not in status',
        'body["status"]["suspension"]',
        "dict(session.status.items())",
        'session.status.phase == "Failed"',
        "status.phase in FAILED",
        "WORDS[status.phase]",
    ],
)
def test_such_a_line_would_be_found(line: str) -> None:
    assert offences(line)


def test_the_whole_product_is_checked() -> None:
    assert {"cache.py", "conditions.py", "progress.py", "sign_in_link.py", "session.py"} <= {
        path.name for path in PRODUCT
    }
    assert {"startedAt", "readyAt", "queuedAt", "queuePosition", "suspension", "clientURL"} <= OWN
