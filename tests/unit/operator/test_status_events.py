"""The status is written when it changed, and Events tell what people want to know."""

from __future__ import annotations

from dataclasses import replace

from blendersessions.model.errors import System, Unavailable
from blendersessions.model.status import SessionStatus
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.status_events import events_of_change, steps_done
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import NOW, empty_world, finished_world, session


def test_what_has_not_changed_is_not_written() -> None:
    made = status(session(), finished_world(session()))
    assert made == status(replace(session(), status=made), finished_world(session()))


def test_the_start_and_readiness_are_told_once() -> None:
    first = status(session(), empty_world())
    assert [note.reason for note in events_of_change(SessionStatus(), first, NOW)] == ["Started"]
    ready = status(replace(session(), status=first), finished_world(session()))
    told = events_of_change(first, ready, NOW)
    assert {(note.type, note.start_step) for note in told} == {("Normal", True)}
    assert [note.reason for note in told] == ["DesktopRunning", "SceneVisible", "Registered", "Ready"]
    assert ready.client_url in told[-1].message
    assert [step for step, _ in steps_done(first, ready, NOW)] == ["Desktop", "Scene", "Connection", "Ready"]
    assert steps_done(ready, ready, NOW) == []
    assert events_of_change(ready, ready, NOW) == []


def said(former: SessionStatus, wanted: SessionStatus) -> list[tuple[str, str, str]]:
    return [(note.type, note.reason, note.message) for note in events_of_change(former, wanted, NOW)]


def test_a_failure_is_told_when_its_reason_is_new() -> None:
    first = status(session(), empty_world())
    away = replace(empty_world(), failures={Area.ACCESS: Unavailable("Guacamole is away", System.GUACAMOLE)})
    failed = status(replace(session(), status=first), away)
    assert said(first, failed) == [("Warning", "GuacamoleUnavailable", "Guacamole is away")]
    assert events_of_change(failed, failed, NOW) == []


def test_a_deletion_that_waits_is_told() -> None:
    first = status(session(), finished_world(session()))
    away = replace(empty_world(), failures={Area.ACCESS: Unavailable("Guacamole is away", System.GUACAMOLE)})
    waiting = status(replace(session(deleting=True), status=first), away)
    assert ("Warning", "GuacamoleUnavailable", "Guacamole is away") in said(first, waiting)
