"""What happened around the recorded exchanges.

The recordings hold the calls that our programs and the stand-in's page make. Between them other calls were made,
tunnels were opened and things were cleaned up; the steps here do the same. The second recording is of a Guacamole with
the header extension before its database, and with ``PERSON_HEADER`` as the header that names people.
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
HEADER_RECORDING = RECORDING.with_name("header-exchanges.json")
PERSON_HEADER = "X-Person"


@dataclass(frozen=True)
class Exchange:
    """One recorded call."""

    name: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str | list[str]]
    """A list stands for a header with several lines."""
    body: object
    status: int
    content_type: str
    answer: object


def exchanges(recording: Path = RECORDING) -> list[Exchange]:
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
        for entry in json.loads(recording.read_text(encoding="utf-8"))
    ]


# The recorder replaced every dead token by the administrator's placeholder; here it must be a dead one.
DEAD_TOKEN = ("token-validity-head-dead",)

ADMIN, ALICE2, BOB, CAROL = "<token>", "<token:alice2>", "<token:bob-new>", "<token:carol>"


def before() -> dict[str, Callable[[Replay], None]]:
    """Return what has to be done before an exchange, by its name."""
    return {
        "connection-get-deleted": lambda replay: replay.remove("connections", "<id:2>"),
        "connection-create-for-list": lambda replay: replay.clean("connections"),
        "user-create": lambda replay: replay.clean("connections", "connectionGroups"),
        "permissions-revoke-create": lambda replay: replay.remove("connections", "<id:32>"),
        "permissions-get-after-connection-delete": lambda replay: replay.remove("connections", "<id:29>"),
        "activeconnections-list-admin": _alice_works,
        "activeconnections-after-connection-delete": _alice_works_in_a_deleted_connection,
        "user-token-after-user-delete": lambda replay: replay.remove("users", "rec-alice"),
        "activeconnections-final": lambda replay: replay.remove("connections", "<id:34>"),
        "connection-create-bad-attribute-values": lambda replay: replay.clean("connections", "connectionGroups"),
        "connection-create-q1": lambda replay: replay.clean("connections"),
        "login-bob-new-password": lambda replay: replay.set_password("rec-bob", "bob-pw2"),
        "activeconnections-other-user-with-read": _bob_works_and_carol_may_look,
        "deleted-user-list": lambda replay: replay.remove("users", "rec-bob"),
        "group-delete-with-tunnel": _a_connection_in_the_group,
    }


def before_with_header() -> dict[str, Callable[[Replay], None]]:
    """Return what has to be done before an exchange of the second recording, by its name."""
    return {
        "header-tunnel-is-the-persons": lambda replay: replay.open("<token:alice>", "<id:1>", "<uuid:1>"),
        "header-tunnel-does-not-ask-the-header": lambda replay: replay.open(
            "<token:alice2>", "<id:1>", "<uuid:2>", {PERSON_HEADER: "hdr-bob"}
        ),
    }


def _alice_works(replay: Replay) -> None:
    replay.grant("rec-alice", "<id:28>")
    replay.open(ALICE2, "<id:28>", "<uuid:1>")


def _alice_works_in_a_deleted_connection(replay: Replay) -> None:
    replay.open(ALICE2, "<id:28>", "<uuid:5>")
    replay.remove("connections", "<id:28>")


def _bob_works_and_carol_may_look(replay: Replay) -> None:
    replay.grant("rec-carol", "<id:39>")
    replay.open(BOB, "<id:39>", "<uuid:6>")


def _a_connection_in_the_group(replay: Replay) -> None:
    replay.create("rec-tgc", "<id:41>", "<id:42>")
    replay.open(ADMIN, "<id:42>", "<uuid:7>")
