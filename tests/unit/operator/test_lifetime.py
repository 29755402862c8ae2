"""When a session ends: a forgotten tab must not keep it, and a render with the tab closed must not be killed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blendersessions.model.conditions import Reason
from blendersessions.model.status import KeepAliveReason
from blendersessions_operator.planning.lifetime import (
    ASK_INTERVAL,
    SILENCE_FACTOR,
    Activity,
    LifetimeDecision,
    evaluate_lifetime,
)

T0 = datetime(2026, 11, 24, 9, tzinfo=UTC)
WORK = (KeepAliveReason.RENDER, KeepAliveReason.BAKE, KeepAliveReason.SIMULATION, KeepAliveReason.OPERATION)
IDLE = timedelta(minutes=30)
AGE = timedelta(hours=8)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


READY = Activity(started_at=T0, ready_at=T0)


def answered(activity: Activity, now: datetime, **answer: object) -> Activity:
    return replace(activity, asked_at=now, **answer)  # type: ignore[arg-type]


def idle(activity: Activity, now: datetime) -> LifetimeDecision:
    return evaluate_lifetime(None, IDLE, activity, now)


def test_without_limits_no_agent_is_asked_and_no_session_expires() -> None:
    decision = evaluate_lifetime(None, None, READY, at(10_000))
    assert (decision.expires_at, decision.ask, decision.expired, decision.requeue_after) == (None, False, False, None)


def test_a_session_that_is_not_ready_is_not_idle() -> None:
    decision = idle(Activity(started_at=T0), at(600))
    assert (decision.kept_alive_by, decision.expired, decision.ask) == (KeepAliveReason.STARTING, False, False)


def test_a_desktop_that_does_not_look_idle_is_not_asked() -> None:
    decision = idle(READY, at(20))
    assert not decision.ask
    assert decision.expires_at == at(30)
    assert decision.requeue_after == timedelta(minutes=5)


def test_no_session_expires_before_its_desktop_was_asked() -> None:
    decision = idle(READY, at(31))
    assert decision.ask
    assert not decision.expired


def test_input_that_only_the_desktop_knows_of_keeps_the_session() -> None:
    now = at(31)
    decision = idle(answered(READY, now, last_input_at=at(29)), now)
    assert (decision.kept_alive_by, decision.expires_at, decision.expired) == (KeepAliveReason.INPUT, at(59), False)


def test_an_idle_session_expires_once_its_desktop_has_answered() -> None:
    now = at(31)
    decision = idle(answered(READY, now, last_input_at=T0), now)
    assert (decision.kept_alive_by, decision.reason, decision.expired) == (
        KeepAliveReason.NOTHING,
        Reason.IDLE,
        True,
    )


def test_an_open_tab_counts_from_when_it_was_opened_and_not_for_ever() -> None:
    opened = replace(READY, opened_at=(at(20),))
    assert (idle(opened, at(31)).kept_alive_by, idle(opened, at(31)).expires_at) == (KeepAliveReason.TUNNEL, at(50))
    now = at(51)
    assert idle(answered(opened, now, last_input_at=T0), now).expired, "a forgotten tab must not keep it"


@pytest.mark.parametrize("work", WORK)
def test_work_keeps_a_session_with_nobody_connected(work: KeepAliveReason) -> None:
    now = at(600)
    decision = idle(answered(READY, now, last_input_at=T0, work=work, last_work=work, last_work_at=now), now)
    assert (decision.kept_alive_by, decision.expires_at, decision.expired) == (work, None, False)
    assert decision.requeue_after == ASK_INTERVAL, "it must be seen when the work ends"


def test_the_end_of_a_render_counts_as_activity() -> None:
    decision = idle(answered(READY, at(100), last_work=KeepAliveReason.RENDER, last_work_at=at(100)), at(110))
    assert (decision.kept_alive_by, decision.expires_at) == (KeepAliveReason.RENDER, at(130))


def test_the_maximum_age_ends_a_session_whatever_happens() -> None:
    now = T0 + AGE
    busy = answered(
        READY, now, last_input_at=now, work=KeepAliveReason.RENDER, last_work=KeepAliveReason.RENDER, last_work_at=now
    )
    decision = evaluate_lifetime(AGE, IDLE, busy, now)
    assert (decision.reason, decision.expired) == (Reason.MAX_AGE, True)


def test_a_warning_comes_first_and_a_movement_revokes_the_expiry() -> None:
    now = at(27)
    quiet = answered(READY, now, last_input_at=T0)
    decision = idle(quiet, now)
    assert decision.warn
    assert decision.requeue_after == timedelta(seconds=3)
    later = now + timedelta(seconds=4)
    assert idle(quiet, later).ask, "during the warning it is asked at each poll"
    moved = idle(answered(quiet, later, last_input_at=later), later)
    assert (moved.warn, moved.expires_at) == (False, later + IDLE)


@pytest.mark.parametrize(("minutes", "ended"), [(89, False), (90, True)])
def test_a_silent_desktop_expires_after_three_times_the_idle_time(minutes: int, ended: bool) -> None:
    assert idle(READY, at(minutes)).expired is ended


def test_a_silent_desktop_is_asked_once_more_before_it_expires() -> None:
    """An operator that was stopped has no answer from any desktop, including those in use."""
    now = at(91)
    assert (idle(READY, now).expired, idle(READY, now).ask) == (True, True)
    assert not idle(answered(READY, now, last_input_at=at(90)), now).expired
    assert not idle(answered(READY, now, last_input_at=T0), now).ask, "a desktop that answered is not asked again"


@pytest.mark.parametrize(("minutes", "ended"), [(34, False), (35, True)])
def test_a_silent_desktop_does_not_outlive_the_maximum_age(minutes: int, ended: bool) -> None:
    decision = evaluate_lifetime(timedelta(minutes=35), IDLE, READY, at(minutes))
    assert decision.expired is ended
    assert decision.reason is (Reason.MAX_AGE if ended else Reason.IDLE)


@pytest.mark.parametrize(("minutes", "ended"), [(94, False), (95, True)])
def test_a_desktop_that_fell_silent_during_a_render_expires_too(minutes: int, ended: bool) -> None:
    rendered = answered(READY, at(5), work=KeepAliveReason.RENDER, last_work=KeepAliveReason.RENDER, last_work_at=at(5))
    assert idle(rendered, at(minutes)).expired is ended


def test_after_a_clock_was_set_back_the_desktop_is_asked_and_gets_no_extra_hour() -> None:
    known = answered(READY, at(120), last_input_at=at(120))
    now = at(60)
    assert idle(known, now).ask
    corrected = idle(answered(known, now, last_input_at=now), now + timedelta(minutes=1))
    assert (corrected.ask, corrected.expires_at) == (False, now + IDLE)


@pytest.mark.parametrize("ahead", [{}, {"last_work_at": at(120)}], ids=["readiness", "work"])
def test_times_ahead_of_a_clock_set_back_keep_nothing_once_the_desktop_answered(
    ahead: dict[str, datetime],
) -> None:
    known = replace(READY, ready_at=at(119), **ahead)
    assert idle(known, at(60)).ask
    answer = answered(known, at(60), last_input_at=at(60) - 2 * IDLE)
    assert (idle(answer, at(60)).kept_alive_by, idle(answer, at(60)).expired) == (KeepAliveReason.NOTHING, True)


def test_a_clock_that_was_set_back_ends_no_session_early() -> None:
    known = answered(READY, at(60), last_input_at=at(60))
    decision = idle(known, at(0))
    assert (decision.expired, decision.expires_at) == (False, at(30))
    aged = evaluate_lifetime(AGE, None, replace(READY, started_at=at(60)), at(0))
    assert aged.expires_at == at(0) + AGE


moments = st.integers(min_value=-7200, max_value=36_000).map(lambda seconds: T0 + timedelta(seconds=seconds))
activities = st.builds(
    Activity,
    started_at=st.just(T0),
    ready_at=st.none() | moments,
    failed_at=st.none() | moments,
    last_input_at=st.none() | moments,
    work=st.none() | st.sampled_from(WORK),
    last_work_at=st.none() | moments,
    opened_at=st.lists(moments, max_size=3).map(tuple),
    asked_at=st.none() | moments,
)
spans = st.integers(min_value=1, max_value=20_000).map(lambda seconds: timedelta(seconds=seconds))


@given(activities, spans, moments, moments)
def test_more_activity_never_ends_a_session_earlier(
    activity: Activity, idle_after: timedelta, more: datetime, now: datetime
) -> None:
    before = evaluate_lifetime(None, idle_after, activity, now)
    after = evaluate_lifetime(None, idle_after, replace(activity, opened_at=(*activity.opened_at, more)), now)
    if before.expires_at is not None:
        assert after.expires_at is not None
        assert after.expires_at >= before.expires_at
    assert before.expired or not after.expired


@given(activities, st.none() | spans, st.none() | spans, moments)
def test_every_decision_is_consistent(
    activity: Activity, max_age: timedelta | None, idle_after: timedelta | None, now: datetime
) -> None:
    decision = evaluate_lifetime(max_age, idle_after, activity, now)
    if decision.expired:
        assert decision.expires_at is not None
        assert decision.expires_at <= now
        assert decision.reason is not None
    elif max_age is not None or idle_after is not None:
        waits_for_news = activity.begun_at is None and max_age is None
        assert waits_for_news or decision.requeue_after is not None, "time alone must not be missed"
    if decision.requeue_after is not None:
        assert decision.requeue_after > timedelta()
    heard = activity.last_work_at or activity.asked_at or now
    if activity.work and max_age is None and idle_after is not None and now - heard < SILENCE_FACTOR * idle_after:
        assert not decision.expired
    if max_age is not None and activity.started_at is not None and now >= activity.started_at + max_age:
        assert decision.expired, "the oldest age ends it, whoever is silent"


@given(spans, st.lists(st.integers(min_value=0, max_value=5000), max_size=20))
def test_a_desktop_that_answers_expires_exactly_at_its_idle_time(idle_after: timedelta, pauses: list[int]) -> None:
    """Follow a desktop, evaluated each time that the last decision's `requeue_after` asks for."""
    assume(idle_after not in [timedelta(seconds=pause) for pause in pauses])
    inputs = [T0]
    for pause in pauses:
        inputs.append(inputs[-1] + timedelta(seconds=pause))
    activity, now = READY, T0
    for _ in range(20_000):
        decision = evaluate_lifetime(None, idle_after, activity, now)
        if decision.expired:
            break
        if decision.ask:
            activity = answered(activity, now, last_input_at=max(moment for moment in inputs if moment <= now))
            continue
        assert decision.requeue_after is not None
        now += decision.requeue_after
    gaps = [
        later - earlier for earlier, later in zip(inputs, [*inputs[1:], datetime.max.replace(tzinfo=UTC)], strict=True)
    ]
    last = next(moment for moment, gap in zip(inputs, gaps, strict=True) if gap > idle_after)
    assert timedelta() <= now - (last + idle_after) <= timedelta(seconds=5)
