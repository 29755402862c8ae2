"""Batches: lists of JSON Patch operations (RFC 6902) that a collection applies in one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from standin.answers import GuacamoleError, UnreadableBodyError
from standin.calls import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from standin.answers import JSON

JSON_PATCH = ("add", "remove", "replace", "move", "copy", "test")


@dataclass(frozen=True)
class Operation:
    """One entry of a batch."""

    op: str
    path: str
    value: JSON

    @property
    def identifier(self) -> str:
        """The identifier in the path."""
        return self.path[1:]


def apply(entries: list[dict[str, JSON]], run: Callable[[Operation], str]) -> JSON:
    """Run all operations of a batch, and return the answer. ``run`` returns the identifier of an operation's object.

    Raises:
        GuacamoleError: An operation is not supported (recorded: batch-op-move, batch-bad-path), or at least one failed.
            Then the answer lists each operation with its error (recorded: batch-add-atomic-failure-duplicate,
            batch-replace-unknown, activeconnection-kill-denied).
        UnreadableBodyError: An operation is not one of JSON Patch's (recorded: batch-bad-op).
    """
    outcomes: list[dict[str, JSON]] = []
    for operation in [_read(entry) for entry in entries]:
        outcome: dict[str, JSON] = {"op": operation.op, "identifier": operation.identifier, "path": operation.path}
        try:
            outcome["identifier"] = run(operation)
        except GuacamoleError as error:
            if error.status == 500:
                raise
            outcome["error"] = error.translatable
        outcomes.append(outcome)
    if not any("error" in outcome for outcome in outcomes):
        return {"patches": [*outcomes]}
    for outcome in outcomes:
        if outcome["op"] == "add":
            outcome["identifier"] = None
    raise GuacamoleError(400, "The provided patches failed to apply.", patches=[*outcomes])


def _read(entry: dict[str, JSON]) -> Operation:
    op, path = text(entry.get("op")), text(entry.get("path")) or ""
    if op not in JSON_PATCH:
        raise UnreadableBodyError("Cannot deserialize value of type `APIPatch$Operation` from this value")
    if not path.startswith("/"):
        raise GuacamoleError(400, 'Patch paths must start with "/".')
    if op not in ("add", "replace", "remove"):
        raise GuacamoleError(501, f'Unsupported patch operation "{op}". Only add, replace, and remove are supported.')
    return Operation(op, path, entry.get("value"))
