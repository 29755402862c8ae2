"""A desktop is ready once the picture is complete, not earlier, and stays ready."""

from bridge.readiness import (
    DRAWING,
    MAX_DRAWING_SECONDS,
    NO_DRAW_SECONDS,
    ON_SCREEN,
    SETTLE_SECONDS,
    STARTING,
    ReadinessTracker,
)

TICK_SECONDS = 0.1


def test_not_ready_before_blender_has_had_time_to_draw_its_window() -> None:
    tracker = ReadinessTracker()
    assert [tracker.tick(now, 0) for now in (600.0, 601.0, 600.0 + NO_DRAW_SECONDS - 0.01)] == [STARTING] * 3


def test_a_window_whose_editors_draw_nothing_is_ready_after_a_while() -> None:
    tracker = ReadinessTracker()
    tracker.tick(600.0, 0)
    assert tracker.tick(600.0 + NO_DRAW_SECONDS, 0) == ON_SCREEN


def test_a_main_loop_that_comes_late_to_its_first_draw_is_not_ready_early() -> None:
    tracker = ReadinessTracker()
    tracker.tick(600.0, 0)
    assert tracker.tick(700.0, 1) == DRAWING


def test_not_ready_while_the_first_frames_are_drawn() -> None:
    tracker = ReadinessTracker()
    assert [tracker.tick(TICK_SECONDS * n, draws=n) for n in range(1, 6)] == [DRAWING] * 5


def test_ready_when_the_draws_have_settled() -> None:
    tracker = ReadinessTracker()
    tracker.tick(1.0, 1)
    tracker.tick(1.1, 2)
    assert tracker.tick(1.1 + SETTLE_SECONDS - 0.01, 2) == DRAWING
    assert tracker.tick(1.1 + SETTLE_SECONDS, 2) == ON_SCREEN


def test_a_late_draw_starts_the_wait_anew() -> None:
    tracker = ReadinessTracker()
    tracker.tick(1.0, 1)
    tracker.tick(1.2, 2)
    assert tracker.tick(1.0 + SETTLE_SECONDS, 2) == DRAWING


def test_the_tick_that_sees_the_first_draw_is_never_ready() -> None:
    """The main loop may have been busy for long before that tick, so time alone proves nothing about the picture."""
    tracker = ReadinessTracker()
    tracker.tick(0.0, 0)
    assert tracker.tick(100.0, 3) == DRAWING


def test_a_scene_that_never_stops_drawing_is_ready_after_a_while() -> None:
    tracker = ReadinessTracker()
    now, draws = 0.0, 1
    while tracker.tick(now, draws) == DRAWING:
        now, draws = now + TICK_SECONDS, draws + 1
    assert MAX_DRAWING_SECONDS <= now < MAX_DRAWING_SECONDS + 2 * TICK_SECONDS


def test_ready_stays_ready_when_the_person_works() -> None:
    tracker = ReadinessTracker()
    tracker.tick(0.0, 1)
    tracker.tick(1.0, 1)
    assert [tracker.tick(2.0 + TICK_SECONDS * n, 1 + n) for n in range(5)] == [ON_SCREEN] * 5


def test_another_scene_is_ready_once_it_is_drawn() -> None:
    tracker = ReadinessTracker()
    tracker.tick(1.0, 5)
    assert tracker.tick(1.0 + SETTLE_SECONDS, 5) == ON_SCREEN
    tracker.restart(100.0, 5)
    assert tracker.tick(100.0, 5) == DRAWING
    assert tracker.tick(101.0, 6) == DRAWING
    assert tracker.tick(101.0 + SETTLE_SECONDS, 6) == ON_SCREEN


def test_another_scene_whose_editors_draw_nothing_is_ready_after_a_while() -> None:
    tracker = ReadinessTracker()
    tracker.tick(1.0, 5)
    tracker.restart(100.0, 5)
    assert tracker.tick(100.0 + NO_DRAW_SECONDS - 0.01, 5) == DRAWING
    assert tracker.tick(100.0 + NO_DRAW_SECONDS, 5) == ON_SCREEN
