"""The sweep looks at an orphan that stays once, and not in every turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.access import ConnectionRecord, UserRecord
from blendersessions.model.names import name_for
from blendersessions_operator.controller.sweep import Mode, Sweeper
from blendersessions_operator.planning.sweep import GracePeriod
from unit.operator.api_server import Server
from unit.operator.contexts import context_of
from unit.operator.factories import OTHER_UID, UID

if TYPE_CHECKING:
    from blendersessions.model.access import SessionAccess
    from blendersessions_operator.controller.context import ReconcilerContext

GONE, OTHER = name_for(OTHER_UID), name_for(UID)


class Guacamole:
    """A Guacamole with what nobody needs."""

    def __init__(self) -> None:
        self.rechecked: list[str] = []
        self.connections = {GONE: ConnectionRecord("7", GONE, "vnc", {}, {"hostname": f"{GONE}.art.svc"})}
        self.users = {"bob": UserRecord("bob", exists=True, made_for="art")}

    def known_connections(self) -> dict[str, ConnectionRecord]:
        return dict(self.connections)

    def known_users(self) -> dict[str, UserRecord]:
        return dict(self.users)

    async def recheck_connection(self, name: str) -> ConnectionRecord | None:
        self.rechecked.append(name)
        return self.connections.get(name)

    async def remove_connection(self, name: str, access: SessionAccess) -> int:
        del access, self.connections[name]
        return 0


def world() -> tuple[ReconcilerContext, Server, Guacamole]:
    api, guacamole = Server(), Guacamole()
    context, _ = context_of(api, guacamole)
    context.events = RecordedEvents()  # type: ignore[assignment]
    return context, api, guacamole


class RecordedEvents:
    """Events of the operator."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def operator_event(self, event: Any) -> None:  # noqa: ANN401 - an Event
        self.messages.append(event.message)


def lists_of(api: Server) -> int:
    """How often the sessions were listed."""
    return api.requests.count("LIST BlenderSession")


def sweeper(mode: Mode) -> Sweeper:
    return Sweeper(mode, GracePeriod(0), GracePeriod(0))


async def turns(sweep: Sweeper, context: ReconcilerContext, count: int = 3) -> None:
    for now in range(count):
        await sweep.turn(context, float(now))


async def test_a_report_lists_the_sessions_once_for_each_orphan() -> None:
    context, api, guacamole = world()
    sweep = sweeper("Report")
    await turns(sweep, context)
    assert (lists_of(api), guacamole.rechecked) == (1, [GONE])
    guacamole.connections[OTHER] = ConnectionRecord("8", OTHER, "vnc", {}, {"hostname": f"{OTHER}.art.svc"})
    await turns(sweep, context)
    assert (lists_of(api), guacamole.rechecked) == (2, [GONE, OTHER]), "another orphan is looked at"


async def test_an_orphan_that_comes_back_is_reported_again() -> None:
    context, api, guacamole = world()
    sweep = sweeper("Report")
    await turns(sweep, context)
    orphan = guacamole.connections.pop(GONE)
    await turns(sweep, context)
    guacamole.connections[GONE] = orphan
    await turns(sweep, context)
    assert lists_of(api) == 2
    assert guacamole.rechecked == [GONE, GONE]


@pytest.mark.parametrize(("hostname", "namespaces"), [("elsewhere", []), (f"{GONE}.art.svc", ["music"])])
async def test_what_is_not_ours_to_remove_is_looked_at_once(hostname: str, namespaces: list[str]) -> None:
    context, api, guacamole = world()
    context.namespaces = namespaces
    guacamole.users = {}
    guacamole.connections = {GONE: ConnectionRecord("7", GONE, "vnc", {}, {"hostname": hostname})}
    await turns(sweeper("Remove"), context)
    assert (lists_of(api), guacamole.rechecked) == (1, [GONE])
    assert GONE in guacamole.connections


async def test_an_orphan_is_removed() -> None:
    context, _, guacamole = world()
    guacamole.users = {}
    await turns(sweeper("Remove"), context)
    assert guacamole.connections == {}
