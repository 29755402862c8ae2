"""Running the command, and the states of sessions that it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from blendersessions_cli.commands import cli

if TYPE_CHECKING:
    from click.testing import Result

CID = "MQBjAHBvc3RncmVzcWw"
"""Guacamole's identifier of a connection, as links have it."""


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run the command as a script does: its standard input is no terminal."""
    return CliRunner().invoke(cli, arguments, input=stdin, catch_exceptions=False)


def done(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run the command, and check that it did what it was asked for."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result


def failure(*arguments: str, stdin: bytes | None = None) -> str:
    """Run the command, check that it failed, and return what it said."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.split())


def ready(url: str = "https://desk.example/guacamole/", **more: object) -> dict[str, object]:
    """Return the status of a session that is ready at a Guacamole."""
    condition = {"type": "Ready", "status": "True", "reason": "SessionReady", "message": "It runs."}
    return {"phase": "Ready", "clientURL": f"{url}#/client/{CID}", "conditions": [condition], **more}


def waiting(reason: str, message: str, **more: object) -> dict[str, object]:
    """Return the status of a session that is not ready."""
    condition = {"type": "Ready", "status": "False", "reason": reason, "message": message}
    return {"phase": "Starting", "conditions": [condition], **more}


def awaiting(reason: str = "AwaitingUpload") -> dict[str, object]:
    """Return the status of a session that waits for its scene, or has waited too long."""
    message = "Bring the scene."
    scene = {"type": "SceneReady", "status": "False", "reason": reason, "message": message}
    whole = {"type": "Ready", "status": "False", "reason": reason, "message": message}
    return {"phase": "Starting", "conditions": [whole, scene]}
