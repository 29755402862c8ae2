"""What goes on in Blender is found without anybody at the mouse, and a Blender that works is never called stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.blender import BlenderState
from agent.process import WINDOW_SECONDS, Activity
from agent.work import (
    BUSY_SECONDS,
    COMPUTING_CORES,
    RECENT_SECONDS,
    SLEEPLESS,
    STUCK_SECONDS,
    WORKING_BYTES,
    WORKING_CORES,
    Work,
    WorkTracker,
)

READY = BlenderState(pid=7, ready=True)
RENDERING = BlenderState(pid=7, ready=True, rendering=True)
BAKING = BlenderState(pid=7, ready=True, baking=True)
PLAYING = BlenderState(pid=7, ready=True, playing=True)
STARTING = BlenderState(pid=7)
NOTHING = Activity()
CORE = Activity(1.0, 0)


def observed(state: BlenderState, silent_seconds: float, activity: Activity) -> Work:
    tracker = WorkTracker()
    tracker.observe(1000.0, state, silent_seconds, activity)
    return tracker.current


@pytest.mark.parametrize(
    ("state", "silent_seconds", "activity", "kind"),
    [
        (READY, 0.1, NOTHING, ""),
        (RENDERING, 0.1, NOTHING, "Render"),
        (BAKING, 0.1, NOTHING, "Bake"),
        (RENDERING, 300.0, CORE, "Render"),
        (BAKING, 300.0, Activity(0.0, WORKING_BYTES), "Bake"),
        (RENDERING, STUCK_SECONDS - 0.1, NOTHING, "Render"),
        (READY, BUSY_SECONDS - 0.1, Activity(0.2, 0), ""),
        (READY, BUSY_SECONDS, Activity(WORKING_CORES, 0), "Operation"),
        (READY, BUSY_SECONDS, Activity(0.0, WORKING_BYTES), "Operation"),
        (READY, BUSY_SECONDS, NOTHING, ""),
        (READY, 3600.0, CORE, "Operation"),
        (STARTING, 30.0, CORE, "Operation"),
        (READY, 0.1, Activity(COMPUTING_CORES, 0), "Simulation"),
        (READY, 0.1, Activity(COMPUTING_CORES - 0.01, 0), ""),
        (READY, 0.1, Activity(0.01, 0, SLEEPLESS), "Simulation"),
        (READY, 0.1, Activity(0.01, 0, SLEEPLESS - 0.01), ""),
        (READY, BUSY_SECONDS, Activity(0.01, 0, SLEEPLESS), "Operation"),
        # The first frames take processor time too.
        (STARTING, 0.1, CORE, ""),
        (PLAYING, 0.1, CORE, ""),
    ],
)
def test_the_kind_of_work(state: BlenderState, silent_seconds: float, activity: Activity, kind: str) -> None:
    work = observed(state, silent_seconds, activity)
    assert (work.kind, work.stuck) == (kind, False)
    assert bool(work.message) == bool(kind)


@pytest.mark.parametrize("state", [READY, RENDERING, BAKING, PLAYING, STARTING])
def test_a_silent_blender_that_does_nothing_is_stuck(state: BlenderState) -> None:
    assert not observed(state, STUCK_SECONDS - 0.1, NOTHING).stuck
    work = observed(state, STUCK_SECONDS, NOTHING)
    expected = "Blender has not responded for 60 seconds, and its process does nothing."
    assert work == Work("", 0.0, expected, stuck=True)


def test_a_view_that_is_drawn_again_and_again_is_no_work() -> None:
    tracker = WorkTracker()
    for second in range(60):
        tracker.observe(float(second), BlenderState(pid=7, ready=True, draws=second + 1), 0.1, CORE)
        assert tracker.current == Work()
    tracker.observe(60.0 + WINDOW_SECONDS, BlenderState(pid=7, ready=True, draws=60), 0.1, CORE)
    assert tracker.current.kind == "Simulation"


def test_the_time_of_an_operation_counts_from_blenders_last_report() -> None:
    tracker = WorkTracker()
    tracker.observe(1000.0, READY, 8.0, CORE)
    assert tracker.current == Work("Operation", 8.0, "An operation has kept Blender busy for 8 seconds.")
    tracker.observe(1712.0, READY, 720.0, CORE)
    assert tracker.current == Work("Operation", 720.0, "An operation has kept Blender busy for 12 minutes.")


def test_the_time_of_a_render_counts_from_its_first_report() -> None:
    tracker = WorkTracker()
    tracker.observe(1000.0, RENDERING, 0.1, CORE)
    tracker.observe(1090.0, RENDERING, 0.1, CORE)
    assert tracker.current == Work("Render", 90.0, "A render has run for 90 seconds.")


def test_work_counts_for_a_while_after_its_end_and_its_time_stands_still() -> None:
    tracker = WorkTracker()
    tracker.observe(1000.0, RENDERING, 0.1, CORE)
    tracker.observe(1010.0, RENDERING, 0.1, CORE)
    tracker.observe(1010.0 + RECENT_SECONDS - 0.1, READY, 0.1, NOTHING)
    assert (tracker.current.kind, tracker.current.seconds) == ("Render", 10.0)
    tracker.observe(1010.0 + RECENT_SECONDS, READY, 0.1, NOTHING)
    assert tracker.current == Work()


def test_a_row_of_short_renders_is_one_work() -> None:
    tracker = WorkTracker()
    for second in range(0, 200, 10):
        tracker.observe(float(second), RENDERING, 0.1, CORE)
        tracker.observe(second + 5.0, READY, 0.1, NOTHING)
        assert tracker.current.kind == "Render"
    assert tracker.current.seconds == 190.0


def test_no_blender_is_neither_busy_nor_stuck() -> None:
    assert observed(BlenderState(), 0.0, NOTHING) == Work()


STATES = st.builds(
    BlenderState,
    pid=st.just(7),
    ready=st.booleans(),
    draws=st.integers(0, 3),
    rendering=st.booleans(),
    baking=st.booleans(),
    playing=st.booleans(),
)
WORKING = st.one_of(
    st.builds(Activity, st.floats(WORKING_CORES, 64), st.integers(0, 10**12)),
    st.builds(Activity, st.floats(0, 64), st.integers(WORKING_BYTES, 10**12)),
)
STEPS = st.tuples(st.floats(0.1, 100), STATES, st.floats(0, 10**6), WORKING)


@given(st.lists(STEPS, max_size=20), STATES, st.floats(BUSY_SECONDS, 10**6), WORKING)
def test_a_busy_blender_that_works_is_never_stuck_and_never_idle(
    history: list[tuple[float, BlenderState, float, Activity]], state: BlenderState, silent: float, activity: Activity
) -> None:
    tracker, now = WorkTracker(), 0.0
    for pause, *observation in history:
        now += pause
        tracker.observe(now, *observation)
    tracker.observe(now + 1.0, state, silent, activity)
    assert tracker.current.kind
    assert not tracker.current.stuck


@given(st.lists(st.tuples(st.floats(0.1, 100), STATES, st.floats(0, 10**6), st.builds(Activity)), max_size=20))
def test_the_status_never_contradicts_itself(history: list[tuple[float, BlenderState, float, Activity]]) -> None:
    tracker, now = WorkTracker(), 0.0
    for pause, *observation in history:
        now += pause
        tracker.observe(now, *observation)
        work = tracker.current
        assert not (work.stuck and work.kind)
        assert bool(work.message) == bool(work.kind or work.stuck)
        assert work.seconds >= 0.0
        assert work.kind or work.seconds == 0.0
