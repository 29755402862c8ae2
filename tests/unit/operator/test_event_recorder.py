"""Events are posted behind the work, and what follows one another at once is told together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from blendersessions.model.errors import System, Unavailable
from blendersessions.model.manifest import Ref
from blendersessions_operator.controller.event_recorder import MAX_EVENT_AGE, EventRecorder
from blendersessions_operator.planning.status_events import Event
from unit.operator.factories import NOW, OTHER_UID, session
from unit.operator.simulation import clock
from waiting import until_set

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes import Kubernetes
    from blendersessions.model.manifest import Manifest

START = Event("Normal", "Started", "The session is being started.", NOW, start_step=True)
REGISTERED = Event("Normal", "Registered", "The connection is registered.", NOW, start_step=True)
FAILED = Event("Warning", "ImagePullBackOff", "The image is not there.", NOW)


class FakeApi:
    """Takes Events, refuses them, or hangs."""

    def __init__(self) -> None:
        self.posted: list[Manifest] = []
        self.error: Exception | None = None
        self.hangs = False
        self.asked = asyncio.Event()

    async def create(self, manifest: Manifest) -> Manifest:
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.posted.append(manifest)
        return manifest

    async def until_asked(self) -> None:
        await until_set("an Event is posted", self.asked)
        self.asked.clear()

    def said(self) -> list[tuple[str, str]]:
        return [(event["reason"], event["message"]) for event in self.posted]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


def events(api: FakeApi, pod: Ref | None = None) -> EventRecorder:
    return EventRecorder(cast("Kubernetes", api), pod, delay=0.0)


def idle() -> bool:
    return False


async def test_steps_that_follow_at_once_are_one_event(api: FakeApi) -> None:
    told = events(api)
    told.event(session(), START)
    told.event(session(), REGISTERED)
    await told.flush()
    assert api.said() == [("Registered", f"{START.message} {REGISTERED.message}")]
    assert api.posted[0]["involvedObject"]["uid"] == session().uid


async def test_steps_that_take_their_time_are_told_as_they_happen(api: FakeApi) -> None:
    told = events(api)
    told.event(session(), START)
    await told.flush()
    told.event(session(), REGISTERED)
    await told.flush()
    assert [reason for reason, _ in api.said()] == ["Started", "Registered"]


async def test_a_warning_stands_alone(api: FakeApi) -> None:
    told = events(api)
    for note in (START, FAILED, REGISTERED):
        told.event(session(), note)
    await told.flush()
    assert [reason for reason, _ in api.said()] == ["Started", "ImagePullBackOff", "Registered"]
    assert [event["type"] for event in api.posted] == ["Normal", "Warning", "Normal"]


async def test_they_are_posted_without_anybody_waiting(api: FakeApi) -> None:
    told = events(api)
    runner = asyncio.create_task(told.run(idle))
    for number in range(3):
        told.event(session(), Event("Normal", f"Reason{number}", "text", NOW))
        await api.until_asked()
        assert len(api.posted) == number + 1
    runner.cancel()


async def test_they_let_waiting_work_go_first_until_they_are_late(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_operator.controller.event_recorder.datetime", clock(lambda: NOW))
    told, long_ago = events(api), NOW - MAX_EVENT_AGE - timedelta(seconds=1)
    told.event(session(), replace(START, at=long_ago))
    told.event(session(), REGISTERED)
    told.event(replace(session(), uid=OTHER_UID), FAILED)
    busy, asked = True, asyncio.Event()

    def is_busy() -> bool:
        asked.set()
        return busy

    runner = asyncio.create_task(told.run(is_busy))
    await api.until_asked()
    for _ in range(10):
        asked.clear()
        await until_set("the recorder asks whether work waits", asked)
    late = [(REGISTERED.reason, f"{START.message} {REGISTERED.message}")]
    assert api.said() == late, "a step that follows puts off nothing"
    busy = False
    await api.until_asked()
    assert api.said() == [*late, (FAILED.reason, FAILED.message)]
    runner.cancel()


@pytest.mark.parametrize("error", [Unavailable("away", System.GUACAMOLE), ZeroDivisionError("a fault of ours")])
async def test_one_that_fails_does_not_silence_the_next(api: FakeApi, error: Exception) -> None:
    told = events(api)
    runner = asyncio.create_task(told.run(idle))
    api.error = error
    told.event(session(), START)
    await api.until_asked()
    api.error = None
    told.event(session(), FAILED)
    await api.until_asked()
    assert api.said() == [(FAILED.reason, FAILED.message)]
    runner.cancel()


async def test_an_api_server_that_hangs_does_not_hold_up_the_end(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_operator.controller.event_recorder.FLUSH_TIMEOUT_SECONDS", 0.01)
    told = events(api)
    api.hangs = True
    told.event(session(), START)
    await told.flush()
    assert api.posted == []


async def test_what_the_end_interrupts_is_posted_by_the_last_flush(api: FakeApi) -> None:
    told = events(api)
    runner = asyncio.create_task(told.run(idle))
    api.hangs = True
    told.event(session(), FAILED)
    told.event(session(), START)
    await api.until_asked()
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)
    api.hangs = False
    await told.flush()
    assert [reason for reason, _ in api.said()] == [FAILED.reason, START.reason]


async def test_the_operators_own_events_are_about_its_pod(api: FakeApi) -> None:
    told = events(api, Ref("Pod", "blender", "operator-0"))
    told.operator_event(FAILED)
    await told.flush()
    assert api.posted[0]["involvedObject"]["name"] == "operator-0"
    outside = events(api)
    outside.operator_event(FAILED)
    await outside.flush()
    assert len(api.posted) == 1


async def test_a_message_is_as_long_as_the_api_server_takes(api: FakeApi) -> None:
    told = events(api)
    told.event(session(), Event("Warning", "Long", "x" * 2000, NOW))
    await told.flush()
    assert len(api.said()[0][1]) == 1024
