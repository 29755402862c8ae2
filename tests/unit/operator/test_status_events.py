"""A status that did not change is not written, and each change that matters to a person is an Event."""

from __future__ import annotations

from dataclasses import replace

from blendersessions.model.errors import System, Unavailable
from blendersessions.model.status import SessionStatus
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.status_events import events_of_change, steps_done
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import NOW, everything_observed, nothing_observed, session


def test_an_unchanged_status_equals_the_former_one() -> None:
    made = status(session(), everything_observed(session()))
    assert made == status(replace(session(), status=made), everything_observed(session()))


def test_start_and_readiness_are_one_event_each() -> None:
    first = status(session(), nothing_observed())
    assert [event.reason for event in events_of_change(SessionStatus(), first, NOW)] == ["Started"]
    ready = status(replace(session(), status=first), everything_observed(session()))
    events = events_of_change(first, ready, NOW)
    assert {(event.type, event.start_step) for event in events} == {("Normal", True)}
    assert [event.reason for event in events] == ["DesktopRunning", "SceneVisible", "Registered", "Ready"]
    assert ready.client_url in events[-1].message
    assert [step for step, _ in steps_done(first, ready, NOW)] == ["Desktop", "Scene", "Connection", "Ready"]
    assert steps_done(ready, ready, NOW) == []
    assert events_of_change(ready, ready, NOW) == []


def reported(former: SessionStatus, wanted: SessionStatus) -> list[tuple[str, str, str]]:
    return [(event.type, event.reason, event.message) for event in events_of_change(former, wanted, NOW)]


def test_a_failure_with_a_new_reason_is_an_event() -> None:
    first = status(session(), nothing_observed())
    away = replace(nothing_observed(), failures={Area.ACCESS: Unavailable("Guacamole is away", System.GUACAMOLE)})
    failed = status(replace(session(), status=first), away)
    assert reported(first, failed) == [("Warning", "GuacamoleUnavailable", "Guacamole is away")]
    assert events_of_change(failed, failed, NOW) == []


def test_what_all_sessions_share_is_no_event_on_each() -> None:
    observed = everything_observed(session())
    ready = status(session(), observed)
    down = status(replace(session(), status=ready), replace(observed, guacd_error="guacd is down"))
    assert events_of_change(ready, down, NOW) == []
    assert events_of_change(down, status(replace(session(), status=down), observed), NOW) == []


def test_a_start_that_waited_for_guacd_reports_its_steps() -> None:
    observed = everything_observed(session())
    down = status(session(), replace(observed, guacd_error="guacd is down"))
    ready = status(replace(session(), status=down), observed)
    assert [reason for _, reason, _ in reported(down, ready)] == ["Registered", "Ready"]


def test_a_deletion_that_waits_is_an_event() -> None:
    first = status(session(), everything_observed(session()))
    away = replace(nothing_observed(), failures={Area.ACCESS: Unavailable("Guacamole is away", System.GUACAMOLE)})
    waiting = status(replace(session(deleting=True), status=first), away)
    assert ("Warning", "GuacamoleUnavailable", "Guacamole is away") in reported(first, waiting)
