"""A session whose scene cannot come must not keep its place: idleness counts from the failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.conditions import Reason
from blendersessions.model.session import parse_session
from blendersessions.model.status import KeepAliveReason, ReportedActivity, SessionStatus
from blendersessions_operator.controller.activity import ActivityTracker
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.suspend import plan_lifetime
from unit.operator.factories import NOW, body
from unit.operator.scenes import UPLOAD, URL, bringing, report

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.scene_report import SceneReport

FAILURES = {
    "SceneUnreachable": URL,
    "SceneTooLarge": URL,
    "NoRoomForScene": URL,
    "SceneChecksumMismatch": URL,
    "SceneUnreadable": URL,
    "SceneTooNew": URL,
    "SceneNotFound": URL,
    "UploadTimedOut": UPLOAD,
}
GOES_ON = [(URL, "SceneFetching"), (UPLOAD, "AwaitingUpload"), (UPLOAD, "SceneFetching"), (URL, "")]
ENDS = NOW + timedelta(minutes=30)


def at(
    now: datetime, spec: Manifest, told: SceneReport, former: SessionStatus, on_expiry: str = "Suspend"
) -> tuple[Session, Observed]:
    """The session at a time, as an operator sees it that was started anew and has its status."""
    of, seen = bringing(
        spec, replace(told, asked_at=now), of_class={"lifetime": {"idleAfter": "30m", "onExpiry": on_expiry}}
    )
    of = replace(of, status=parse_session(body(spec) | {"status": former.to_manifest()}).status)
    return of, replace(seen, now=now, activity=ActivityTracker().activity_of(of, told))


def failed(spec: Manifest, told: SceneReport) -> SessionStatus:
    """The status that is written when the failure is first seen."""
    started = status(*at(NOW, spec, report("SceneFetching"), SessionStatus()))
    return status(*at(NOW, spec, told, started))


@pytest.mark.parametrize("reason", FAILURES)
def test_idleness_counts_from_the_failure_and_the_status_tells_the_end(reason: str) -> None:
    spec, told = FAILURES[reason], report(reason, "Seen.")
    first = failed(spec, told)
    assert first.activity == ReportedActivity(0, KeepAliveReason.NOTHING, NOW, ENDS, Reason.IDLE)
    later = status(*at(NOW + timedelta(minutes=20), spec, replace(told, message="Seen again."), first))
    assert later.activity == first.activity, "no write moves it"
    before = at(NOW + timedelta(minutes=20), spec, told, first)
    assert plan_lifetime(*before) == ()
    assert (requeue_after(*before) or timedelta.max) <= timedelta(minutes=10), "the end must not be missed"


@pytest.mark.parametrize("reason", FAILURES)
@pytest.mark.parametrize(
    ("on_expiry", "step"), [("Suspend", steps.RecordSuspension(Reason.IDLE)), ("Delete", steps.DeleteSession())]
)
def test_such_a_session_expires_once_its_desktop_has_answered(reason: str, on_expiry: str, step: steps.Step) -> None:
    spec, told = FAILURES[reason], report(reason, "Seen.")
    of, seen = at(ENDS + timedelta(seconds=1), spec, told, failed(spec, told), on_expiry)
    assert plan(of, seen).stages == ((steps.AskState(),),)
    asked = replace(seen.activity, asked_at=seen.now, last_input_at=NOW - timedelta(minutes=5))
    assert plan(of, replace(seen, activity=asked)).stages == ((step,),)
    moved = replace(asked, last_input_at=seen.now - timedelta(minutes=1))
    assert plan_lifetime(of, replace(seen, activity=moved)) == ()


@pytest.mark.parametrize(("spec", "reason"), GOES_ON)
def test_nothing_expires_while_a_scene_is_awaited_or_on_its_way(spec: Manifest, reason: str) -> None:
    told = report(reason, "12 of 40 MB.")
    first = status(*at(NOW, spec, told, SessionStatus()))
    assert first.activity is None
    of, seen = at(NOW + timedelta(minutes=55), spec, told, first)
    assert not seen.lifetime.expired
    assert plan_lifetime(of, seen) == ()


def test_a_scene_that_comes_at_the_last_moment_takes_the_expiry_back() -> None:
    first = failed(URL, report("SceneUnreachable", "Seen."))
    of, seen = at(ENDS + timedelta(seconds=1), URL, report("SceneFetching", "1 of 40 MB."), first)
    assert plan_lifetime(of, seen) == ()
    during = status(of, seen)
    assert during.activity is None
    again = status(*at(ENDS + timedelta(minutes=1), URL, report("SceneUnreadable", "No."), during))
    assert again.activity is not None
    assert again.activity.expires_at == ENDS + timedelta(minutes=31), "the next failure counts anew"


def test_another_failure_counts_anew_if_nothing_was_seen_between_both() -> None:
    first = failed(URL, report("SceneUnreachable", "Seen."))
    again = status(*at(NOW + timedelta(minutes=29), URL, report("SceneTooNew", "No."), first))
    assert again.activity is not None
    assert again.activity.expires_at == ENDS + timedelta(minutes=29)
