"""Events are posted in the background, and steps that follow one another at once are merged."""

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
    from blendersessions.clients.kubernetes.client import Kubernetes
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
        self.called = asyncio.Event()

    async def create(self, manifest: Manifest) -> Manifest:
        self.called.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.posted.append(manifest)
        return manifest

    async def until_called(self) -> None:
        await until_set("an Event is posted", self.called)
        self.called.clear()

    def messages(self) -> list[tuple[str, str]]:
        return [(event["reason"], event["message"]) for event in self.posted]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


def events(api: FakeApi, pod: Ref | None = None) -> EventRecorder:
    return EventRecorder(cast("Kubernetes", api), pod, delay=0.0)


def is_idle() -> bool:
    return False


async def test_steps_that_follow_at_once_are_one_event(api: FakeApi) -> None:
    recorder = events(api)
    recorder.event(session(), START)
    recorder.event(session(), REGISTERED)
    await recorder.flush()
    assert api.messages() == [("Registered", f"{START.message} {REGISTERED.message}")]
    assert api.posted[0]["involvedObject"]["uid"] == session().uid


async def test_slow_steps_are_posted_as_they_happen(api: FakeApi) -> None:
    recorder = events(api)
    recorder.event(session(), START)
    await recorder.flush()
    recorder.event(session(), REGISTERED)
    await recorder.flush()
    assert [reason for reason, _ in api.messages()] == ["Started", "Registered"]


async def test_a_warning_is_not_merged(api: FakeApi) -> None:
    recorder = events(api)
    for event in (START, FAILED, REGISTERED):
        recorder.event(session(), event)
    await recorder.flush()
    assert [reason for reason, _ in api.messages()] == ["Started", "ImagePullBackOff", "Registered"]
    assert [event["type"] for event in api.posted] == ["Normal", "Warning", "Normal"]


async def test_events_are_posted_in_the_background(api: FakeApi) -> None:
    recorder = events(api)
    runner = asyncio.create_task(recorder.run(is_idle))
    for number in range(3):
        recorder.event(session(), Event("Normal", f"Reason{number}", "text", NOW))
        await api.until_called()
        assert len(api.posted) == number + 1
    runner.cancel()


async def test_waiting_work_goes_first_until_events_are_late(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_operator.controller.event_recorder.datetime", clock(lambda: NOW))
    recorder, long_ago = events(api), NOW - MAX_EVENT_AGE - timedelta(seconds=1)
    recorder.event(session(), replace(START, at=long_ago))
    recorder.event(session(), REGISTERED)
    recorder.event(replace(session(), uid=OTHER_UID), FAILED)
    busy, called = True, asyncio.Event()

    def is_busy() -> bool:
        called.set()
        return busy

    runner = asyncio.create_task(recorder.run(is_busy))
    await api.until_called()
    for _ in range(10):
        called.clear()
        await until_set("the recorder asks whether work waits", called)
    late = [(REGISTERED.reason, f"{START.message} {REGISTERED.message}")]
    assert api.messages() == late, "a step that follows does not delay it"
    busy = False
    await api.until_called()
    assert api.messages() == [*late, (FAILED.reason, FAILED.message)]
    runner.cancel()


@pytest.mark.parametrize("error", [Unavailable("away", System.GUACAMOLE), ZeroDivisionError("a fault of ours")])
async def test_a_failed_event_does_not_stop_the_next(api: FakeApi, error: Exception) -> None:
    recorder = events(api)
    runner = asyncio.create_task(recorder.run(is_idle))
    api.error = error
    recorder.event(session(), START)
    await api.until_called()
    api.error = None
    recorder.event(session(), FAILED)
    await api.until_called()
    assert api.messages() == [(FAILED.reason, FAILED.message)]
    runner.cancel()


async def test_an_api_server_that_hangs_does_not_delay_the_exit(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_operator.controller.event_recorder.FLUSH_TIMEOUT_SECONDS", 0.01)
    recorder = events(api)
    api.hangs = True
    recorder.event(session(), START)
    await recorder.flush()
    assert api.posted == []


async def test_an_interrupted_event_is_posted_by_the_last_flush(api: FakeApi) -> None:
    recorder = events(api)
    runner = asyncio.create_task(recorder.run(is_idle))
    api.hangs = True
    recorder.event(session(), FAILED)
    recorder.event(session(), START)
    await api.until_called()
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)
    api.hangs = False
    await recorder.flush()
    assert [reason for reason, _ in api.messages()] == [FAILED.reason, START.reason]


async def test_the_operators_own_events_are_about_its_pod(api: FakeApi) -> None:
    recorder = events(api, Ref("Pod", "blender", "operator-0"))
    recorder.operator_event(FAILED)
    await recorder.flush()
    assert api.posted[0]["involvedObject"]["name"] == "operator-0"
    outside = events(api)
    outside.operator_event(FAILED)
    await outside.flush()
    assert len(api.posted) == 1


async def test_a_message_is_cut_to_the_api_servers_limit(api: FakeApi) -> None:
    recorder = events(api)
    recorder.event(session(), Event("Warning", "Long", "x" * 2000, NOW))
    await recorder.flush()
    assert len(api.messages()[0][1]) == 1024
