"""A page with many pictures reads once where its desktop is, and soon anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.agent import AgentEndpoint
from blendersessions.model.errors import System, Unavailable
from blendersessions_portal.known_desktops import KNOWN_SECONDS, KnownDesktops
from blendersessions_portal.scene_choice import SceneChoice
from blendersessions_portal.session_view import new_session, read_session

if TYPE_CHECKING:
    from blendersessions_portal.session_view import SessionView


@dataclass
class Cluster:
    """Counts what is read of it. The test moves the clock."""

    reads: list[str] = field(default_factory=list)
    seconds: float = 1000.0
    failure: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self.known = KnownDesktops(self.find, lambda: self.seconds)

    async def find(self, session: SessionView) -> AgentEndpoint:
        self.reads.append(session.uid)
        number = len(self.reads)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return AgentEndpoint("blender-d", f"10.0.0.{number}", "the-token")

    async def address(self, session: SessionView, *, may_be_known: bool = True) -> str:
        return (await self.known.of(session, may_be_known=may_be_known)).address


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def session_with(uid: str) -> SessionView:
    body = new_session("blender", "guest-a", SceneChoice(), no_middle_button=False)
    body["metadata"] |= {"uid": uid, "creationTimestamp": "2026-11-24T12:00:00Z"}
    return read_session(body)


ONE, OTHER = session_with("6f9619ff-8b86-4011-b42d-00c04fc964ff"), session_with("7f9619ff-8b86-4011-b42d-00c04fc964ff")


async def test_it_is_read_once_in_some_seconds_for_each_session(cluster: Cluster) -> None:
    assert [await cluster.address(ONE) for _ in range(3)] == ["10.0.0.1"] * 3
    assert await cluster.address(OTHER) == "10.0.0.2"
    cluster.seconds += KNOWN_SECONDS - 0.1
    assert await cluster.address(ONE) == "10.0.0.1"
    cluster.seconds += 0.2
    assert await cluster.address(ONE) == "10.0.0.3"
    assert cluster.reads == [ONE.uid, OTHER.uid, ONE.uid]


async def test_all_who_ask_meanwhile_share_what_is_read(cluster: Cluster) -> None:
    cluster.gate.clear()
    begun = [asyncio.create_task(cluster.address(ONE, may_be_known=bool(number % 2))) for number in range(60)]
    gone = asyncio.create_task(cluster.address(ONE))
    await asyncio.sleep(0)
    begun[0].cancel()
    gone.cancel()
    await asyncio.sleep(0)
    cluster.gate.set()
    assert set(await asyncio.gather(*begun[1:])) == {"10.0.0.1"}
    assert len(cluster.reads) == 1


async def test_who_wants_it_as_it_is_now_has_it_read_and_the_others_get_that_too(cluster: Cluster) -> None:
    assert await cluster.address(ONE) == "10.0.0.1"
    assert await cluster.address(ONE, may_be_known=False) == "10.0.0.2"
    assert await cluster.address(ONE) == "10.0.0.2"


async def test_a_failure_is_not_remembered(cluster: Cluster) -> None:
    cluster.failure = Unavailable("It does not run.", System.OWN)
    with pytest.raises(Unavailable):
        await cluster.address(ONE)
    cluster.failure = None
    assert await cluster.address(ONE) == "10.0.0.2"
