"""Batches: lists of JSON Patch operations (RFC 6902) that a collection applies in one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from standin import bodies
from standin.errors import GuacamoleError, UnreadableBodyError, bad_request, not_found, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standin.errors import JSON
    from standin.sessions import Session

JSON_PATCH = ("add", "remove", "replace", "move", "copy", "test")


class Removable(Protocol):
    """A collection whose objects a batch can remove."""

    def discard(self, session: Session, identifier: str) -> None:
        """Remove one object, if it exists."""


class Batchable(Removable, Protocol):
    """A collection in which a batch can also create and change objects."""

    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new object, and return a function that inserts it and returns the answer."""

    def update(self, session: Session, identifier: str, body: Mapping[str, JSON]) -> None:
        """Change an object."""


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


def read(body: list[dict[str, JSON]]) -> list[Operation]:
    """Read a batch.

    Raises:
        UnreadableBodyError: An operation is not one of JSON Patch's.
        GuacamoleError: A path does not start with a slash, or an operation is not supported (recorded: batch-bad-path,
            batch-op-move, batch-bad-op).
    """
    operations = []
    for entry in body:
        op, path = bodies.text(entry.get("op")), bodies.text(entry.get("path")) or ""
        if op not in JSON_PATCH:
            raise UnreadableBodyError("Cannot deserialize value of type `APIPatch$Operation` from this value")
        if not path.startswith("/"):
            raise bad_request('Patch paths must start with "/".')
        if op not in ("add", "replace", "remove"):
            raise unsupported(f'Unsupported patch operation "{op}". Only add, replace, and remove are supported.')
        operations.append(Operation(op, path, entry.get("value")))
    return operations


def apply(directory: Batchable, session: Session, operations: list[Operation]) -> JSON:
    """Apply a batch inside the caller's transaction, which makes it all or nothing.

    Raises:
        GuacamoleError: At least one operation failed. The answer lists each operation with its error (recorded:
            batch-add-atomic-failure-duplicate, batch-replace-unknown).
    """

    def run(operation: Operation) -> str:
        if operation.op == "add":
            made = directory.prepare(session, bodies.as_object(operation.value))()
            return str(made.get("identifier", made.get("username")))
        if operation.op == "replace":
            directory.update(session, operation.identifier, bodies.as_object(operation.value))
        else:
            directory.discard(session, operation.identifier)
        return operation.identifier

    return _run(operations, run)


def remove(directory: Removable, session: Session, operations: list[Operation]) -> JSON:
    """Apply a batch that may only remove.

    Raises:
        GuacamoleError: At least one operation failed (recorded: activeconnection-kill-denied). Objects that were
            removed before stay removed.
    """

    def run(operation: Operation) -> str:
        if operation.op != "remove":
            raise not_found(operation.identifier)
        directory.discard(session, operation.identifier)
        return operation.identifier

    return _run(operations, run)


def _run(operations: list[Operation], run: Callable[[Operation], str]) -> JSON:
    outcomes: list[dict[str, JSON]] = []
    failed = False
    for operation in operations:
        outcome: dict[str, JSON] = {
            "op": operation.op,
            "identifier": operation.identifier,
            "path": operation.path,
        }
        try:
            outcome["identifier"] = run(operation)
        except GuacamoleError as error:
            if error.status == 500:
                raise
            outcome["error"] = error.translatable
            failed = True
        outcomes.append(outcome)
    if not failed:
        return {"patches": [*outcomes]}
    for outcome in outcomes:
        if outcome["op"] == "add":
            outcome["identifier"] = None
    raise GuacamoleError(400, "BAD_REQUEST", "The provided patches failed to apply.", patches=[*outcomes])
