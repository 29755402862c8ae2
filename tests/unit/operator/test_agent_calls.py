"""Requests to agents run beside the workers, and a bounded number at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from blendersessions.clients.agent import AgentEndpoint, AgentStatus
from blendersessions.model.errors import Busy, DomainError, Invalid, System, Unauthorised, Unavailable
from blendersessions.model.session import parse_session
from blendersessions_operator.controller.activity import ActivityTracker
from blendersessions_operator.controller.agent_calls import SAVES_PER_NAMESPACE, SILENT_SAVE_SECONDS, AgentCalls
from blendersessions_operator.controller.scene_tracker import SceneTracker
from blendersessions_operator.planning.save_progress import SaveOutcome, SaveProgress
from unit.operator.factories import NOW, body
from waiting import until_set

if TYPE_CHECKING:
    from blendersessions.clients.agent import AgentClient
    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session

LONGEST = timedelta(seconds=90)


class Agents:
    """Agents with one state and one answer to a save. With `gate`, saves end when it is opened."""

    def __init__(self, state: AgentStatus | DomainError, saved: DomainError | None = None) -> None:
        self.state, self.saved = state, saved
        self.timeouts: list[float] = []
        self.gate, self.begun = asyncio.Event(), 0
        self.full, self.beyond = asyncio.Event(), asyncio.Event()
        """Set when as many saves run as a namespace has places for, and when one more does."""
        self.gate.set()

    async def status(self, desktop: AgentEndpoint) -> AgentStatus:
        del desktop
        if isinstance(self.state, DomainError):
            raise self.state
        return self.state

    async def save(self, desktop: AgentEndpoint, timeout_seconds: float) -> str:
        del desktop
        self.timeouts.append(timeout_seconds)
        self.begun += 1
        if self.begun >= SAVES_PER_NAMESPACE:
            (self.full if self.begun == SAVES_PER_NAMESPACE else self.beyond).set()
        await self.gate.wait()
        if self.saved is not None:
            raise self.saved
        return "/home/blender/cart.blend"


def suspended(number: int = 0, namespace: str = "art", at: str = NOW.isoformat()) -> Session:
    made = body({"suspend": True, "workspace": {"size": "1Gi"}})
    made["metadata"] |= {"name": f"cart-{number}", "uid": f"uid-{number}", "namespace": namespace}
    return parse_session(made | {"status": {"suspension": {"reason": "Requested", "at": at}}})


def calls_of(agents: Agents) -> tuple[AgentCalls, list[Ref]]:
    enqueued: list[Ref] = []
    endpoint = AgentEndpoint("blender-1", "127.0.0.1", "token")
    calls = AgentCalls(
        cast("AgentClient", agents), ActivityTracker(), SceneTracker(), lambda _: endpoint, enqueued.append
    )
    return calls, enqueued


@pytest.mark.parametrize("state", [AgentStatus(0.0), Unavailable("No answer.", System.AGENT)])
@pytest.mark.parametrize("gone", [False, True])
async def test_what_an_agent_answers_is_kept_unless_its_session_is_gone(
    state: AgentStatus | DomainError, gone: bool
) -> None:
    activity, scenes = ActivityTracker(), SceneTracker()
    endpoint = AgentEndpoint("blender-1", "127.0.0.1", "token", "pod")
    calls = AgentCalls(cast("AgentClient", Agents(state)), activity, scenes, lambda _: endpoint, lambda _: None)
    session = suspended()
    calls.ask(session)
    assert calls.is_asking(session.uid)
    if gone:
        calls.forget(session.uid)
    await calls.idle()
    answered = isinstance(state, AgentStatus) and not gone
    assert (session.uid in activity.reported, scenes.report_of(session.uid, "pod") is not None) == (answered,) * 2
    assert (session.uid in activity.silent) == (isinstance(state, DomainError) and not gone)


async def saved_by(agents: Agents, *, final: bool = False) -> SaveProgress:
    calls, enqueued = calls_of(agents)
    calls.save(suspended(), "pod", LONGEST, final=final)
    await calls.idle()
    assert enqueued == [suspended().ref], "the session is looked at again"
    progress = calls.save_of(suspended(), "pod")
    assert progress is not None
    return progress


WORKS = AgentStatus(0.0, "Bake", 720.0, "A bake has run for 12 minutes.")
STUCK = AgentStatus(0.0, stuck=True, work_message="Blender has stood still for 3 minutes.")
AWAY, FULL = Unavailable("No answer.", System.AGENT), Invalid("The disk is full.", System.AGENT)


@pytest.mark.parametrize(
    ("state", "saved", "outcome", "message"),
    [
        (AgentStatus(0.0), None, SaveOutcome.SAVED, ""),
        (AgentStatus(0.0), FULL, SaveOutcome.REFUSED, "The disk is full."),
        (AgentStatus(0.0), Busy("Busy with an import.", System.AGENT), SaveOutcome.BUSY, "Busy with an import."),
        (WORKS, None, SaveOutcome.BUSY, "A bake runs."),
        (STUCK, Busy("Busy.", System.AGENT), SaveOutcome.SILENT, STUCK.work_message),
        (AWAY, AWAY, SaveOutcome.SILENT, "No answer."),
        (AWAY, Unauthorised("Another token.", System.AGENT), SaveOutcome.SILENT, "Another token."),
        (AWAY, None, SaveOutcome.SAVED, ""),
    ],
)
async def test_how_an_attempt_ends(
    state: AgentStatus | DomainError, saved: DomainError | None, outcome: SaveOutcome, message: str
) -> None:
    progress = await saved_by(Agents(state, saved))
    assert (progress.running, progress.outcome, progress.message, progress.row) == (False, outcome, message, 1)


async def test_work_is_not_interrupted_by_a_save_before_the_last_attempt() -> None:
    agents = Agents(WORKS)
    assert (await saved_by(agents)).outcome is SaveOutcome.BUSY
    assert agents.timeouts == []
    assert (await saved_by(agents, final=True)).outcome is SaveOutcome.SAVED


@pytest.mark.parametrize(("state", "seconds"), [(AgentStatus(0.0), 90.0), (AWAY, SILENT_SAVE_SECONDS)])
async def test_a_save_may_take_as_long_as_the_class_says_if_the_agent_answers(
    state: AgentStatus | DomainError, seconds: float
) -> None:
    agents = Agents(state)
    await saved_by(agents)
    assert agents.timeouts == [seconds]


async def test_attempts_that_end_alike_are_a_row() -> None:
    agents = Agents(AWAY, AWAY)
    calls, _ = calls_of(agents)
    found = []
    for _ in range(3):
        calls.save(suspended(), "pod", LONGEST, final=False)
        calls.save(suspended(), "pod", LONGEST, final=False)
        await calls.idle()
        found.append(calls.save_of(suspended(), "pod"))
    rows = [(each.row, each.row_since) for each in found if each is not None]
    assert [row for row, _ in rows] == [1, 2, 3], "one at a time"
    assert len({since for _, since in rows}) == 1
    agents.saved = FULL
    calls.save(suspended(), "pod", LONGEST, final=False)
    await calls.idle()
    refused = calls.save_of(suspended(), "pod")
    assert refused is not None
    assert refused.row == 1


async def test_a_save_counts_for_one_pod_and_one_suspension() -> None:
    calls, _ = calls_of(Agents(AgentStatus(0.0)))
    calls.save(suspended(), "pod", LONGEST, final=False)
    await calls.idle()
    assert calls.save_of(suspended(), "pod") is not None
    assert calls.save_of(suspended(), "another pod") is None
    assert calls.save_of(suspended(at=(NOW + timedelta(hours=1)).isoformat()), "pod") is None
    assert calls.save_of(replace(suspended(), deleted_at=NOW), "pod") is None


async def test_saves_are_bounded_in_a_namespace_and_hold_up_neither_others_nor_questions() -> None:
    agents = Agents(AgentStatus(0.0))
    agents.gate.clear()
    calls, enqueued = calls_of(agents)
    for number in range(50):
        calls.save(suspended(number), "pod", LONGEST, final=False)
    await until_set("the first saves run", agents.full)
    asked, elsewhere = suspended(77), suspended(99, "music")
    calls.ask(asked)
    calls.save(elsewhere, "pod", LONGEST, final=False)
    await until_set("the other namespace has places of its own", agents.beyond)
    assert not calls.is_asking(asked.uid)
    assert enqueued == [asked.ref]
    assert agents.begun == SAVES_PER_NAMESPACE + 1
    agents.gate.set()
    await calls.idle()
    assert agents.begun == 51
    assert len(enqueued) == 52


async def test_an_answer_tells_of_the_scene_of_the_pod_that_was_asked() -> None:
    agents, tracker = Agents(AgentStatus(0.0, scene_reason="SceneFetching", blender_version="4.3.2")), SceneTracker()
    endpoint = AgentEndpoint("blender-1", "127.0.0.1", "token", "pod")
    calls = AgentCalls(cast("AgentClient", agents), ActivityTracker(), tracker, lambda _: endpoint, lambda _: None)
    calls.ask(suspended())
    await calls.idle()
    found = tracker.report_of(suspended().uid, "pod")
    assert found is not None
    assert (found.reason, found.blender_version) == ("SceneFetching", "4.3.2")
    assert tracker.report_of(suspended().uid, "the next pod") is None
    agents.state = AWAY
    calls.ask(suspended())
    await calls.idle()
    assert tracker.report_of(suspended().uid, "pod") == found, "no answer says nothing"


async def test_the_end_of_the_operator_ends_all_requests() -> None:
    agents = Agents(AgentStatus(0.0))
    agents.gate.clear()
    calls, _ = calls_of(agents)
    calls.save(suspended(), "pod", LONGEST, final=False)
    await calls.close()
    await calls.idle()
