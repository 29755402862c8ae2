"""A turn of the sweep over a Guacamole that holds connections of a namespace that is served no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from blendersessions.model.access import ConnectionRecord, SessionAccess, UserRecord
from blendersessions.model.names import name_for
from blendersessions_operator.controller.sweep import MAX_REMOVALS, Sweeper
from blendersessions_operator.planning.sweep import GracePeriod
from unit.operator.api_server import Server
from unit.operator.contexts import context_of

if TYPE_CHECKING:
    import pytest

    from blendersessions_operator.controller.context import ReconcilerContext

ORPHAN = name_for("ffffffff-ffff-4fff-8fff-ffffffffffff")
STRANDED = [name_for(f"00000000-0000-4000-8000-{number:012}") for number in range(MAX_REMOVALS + 1)]


class FakeGuacamole:
    """Guacamole with connections that belong to no session, by the namespace that they lead to."""

    def __init__(self, connections: dict[str, str]) -> None:
        self.records = {
            name: ConnectionRecord(name, name, "vnc", {}, {"hostname": f"{name}.{namespace}.svc"})
            for name, namespace in connections.items()
        }
        self.checked: list[str] = []

    def known_connections(self) -> dict[str, ConnectionRecord]:
        return {name: replace(record, parameters=None) for name, record in self.records.items()}

    def known_users(self) -> dict[str, UserRecord]:
        return {}

    async def recheck_connection(self, name: str) -> ConnectionRecord:
        self.checked.append(name)
        return self.records[name]

    async def remove_connection(self, name: str, access: SessionAccess) -> int:
        assert access.connections == (name,)
        del self.records[name]
        return 0


def swept(guacamole: FakeGuacamole) -> tuple[Sweeper, ReconcilerContext]:
    context, _ = context_of(Server(), guacamole)
    context.namespaces = ["art"]
    return Sweeper("Remove", GracePeriod(0), GracePeriod(0)), context


async def test_stranded_connections_are_told_of_once_and_stay(caplog: pytest.LogCaptureFixture) -> None:
    guacamole = FakeGuacamole(dict.fromkeys(STRANDED[:3], "formerly"))
    sweeper, context = swept(guacamole)
    for now in range(3):
        await sweeper.turn(context, now)
    assert len(guacamole.records) == 3
    assert caplog.text.count("The namespace formerly is not served") == 1
    assert guacamole.checked == STRANDED[:3], "each is looked at once"


async def test_many_stranded_connections_do_not_keep_an_orphan() -> None:
    guacamole = FakeGuacamole({**dict.fromkeys(STRANDED, "formerly"), ORPHAN: "art"})
    sweeper, context = swept(guacamole)
    for now in range(2):
        await sweeper.turn(context, now)
    assert ORPHAN not in guacamole.records
    assert len(guacamole.records) == len(STRANDED)
