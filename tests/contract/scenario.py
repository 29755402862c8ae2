"""What happened around the recorded exchanges, and which of them the stand-in leaves out.

The recording holds single calls. Between them tunnels were opened, things were cleaned up, and a few calls were not
written down; the steps here do the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contract.replay import Replay

RECORDING = Path(__file__).parent / "guacamole" / "exchanges.json"


@dataclass(frozen=True)
class Exchange:
    """One recorded call."""

    name: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: object
    status: int
    content_type: str
    answer: object


def exchanges() -> list[Exchange]:
    """Return the recorded calls in the order in which they were made."""
    return [
        Exchange(
            name=entry["name"],
            method=entry["request"]["method"],
            path=entry["request"]["path"],
            query=entry["request"]["query"],
            headers=entry["request"]["headers"],
            body=entry["request"].get("body"),
            status=entry["response"]["status"],
            content_type=entry["response"]["headers"].get("Content-Type", ""),
            answer=entry["response"].get("body"),
        )
        for entry in json.loads(RECORDING.read_text(encoding="utf-8"))
    ]


# Explanation an exchange is left out, by the beginning of its name.
LEFT_OUT = {
    "json-": "auth-json: nobody here signs in by it; a shared secret that equals the administrator's is not wanted",
    "usergroup": "user groups: access is granted to users",
    "user-sees-via-group": "user groups: access is granted to users",
    "user-effective-via-group": "user groups: access is granted to users",
    "user-after-group-removal": "user groups: access is granted to users",
    "user-groups-of-user": "user groups: access is granted to users",
    "permissions-usergroup": "user groups: access is granted to users",
    "schema-": "schema: only Apache's own administration pages read it",
    **dict.fromkeys(
        (
            "share",
            "sharing",
            "connection-sharing",
            "tree-with-sharing",
            "permissions-sharing",
            "activeconnections-list-with-viewer",
        ),
        "sharing: a viewer gets a connection of its own (docs/decisions/0003-viewers-by-a-second-connection.md)",
    ),
    **dict.fromkeys(
        ("history-", "connection-history", "user-history", "user-get-history"),
        "history: nothing here reads who was connected in the past",
    ),
}


def left_out(name: str) -> str | None:
    """Return why an exchange is left out, or nothing if the stand-in must answer it as recorded."""
    return next((reason for prefix, reason in LEFT_OUT.items() if name.startswith(prefix)), None)


# The recorder replaced every dead token by the administrator's placeholder; here it must be a dead one.
DEAD_TOKEN = ("token-header-wins-over-query", "token-validity-head-dead")

ADMIN, ALICE2, BOB, CAROL = "<token>", "<token:alice2>", "<token:bob-new>", "<token:carol>"


def before() -> dict[str, Callable[[Replay], None]]:
    """Return what has to be done before an exchange, by its name."""
    return {
        "connection-create-for-list": lambda replay: replay.clean("connections"),
        "user-create": lambda replay: replay.clean("connections", "connectionGroups"),
        "activeconnections-list-admin": _alice_works,
        "activeconnection-delete-verb": lambda replay: replay.open(ALICE2, "<id:28>", "<uuid:4>"),
        "connection-delete-while-tunnel-open": lambda replay: replay.open(ALICE2, "<id:28>", "<uuid:5>"),
        "connection-create-bad-attribute-values": lambda replay: replay.clean("connections", "connectionGroups"),
        "connection-create-q1": lambda replay: replay.clean("connections"),
        "activeconnections-other-user-with-read": _bob_works_and_carol_may_look,
        "group-delete-with-tunnel": _a_connection_in_the_group,
    }


def _alice_works(replay: Replay) -> None:
    # The recorded grant stands in an exchange about sharing, which is left out.
    replay.grant("rec-alice", "<id:28>")
    replay.open(ALICE2, "<id:28>", "<uuid:1>")


def _bob_works_and_carol_may_look(replay: Replay) -> None:
    replay.grant("rec-carol", "<id:39>")
    replay.open(BOB, "<id:39>", "<uuid:6>")


def _a_connection_in_the_group(replay: Replay) -> None:
    replay.create("rec-tgc", "<id:41>", "<id:42>")
    replay.open(ADMIN, "<id:42>", "<uuid:7>")
