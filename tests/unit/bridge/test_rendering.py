"""A render is seen even if it is short, and its end is seen too."""

import pytest

from bridge.rendering import RECENT_SECONDS, RenderTracker
from clock import Clock


@pytest.fixture
def tracker(clock: Clock) -> RenderTracker:
    return RenderTracker(clock)


def test_nothing_renders_at_first(tracker: RenderTracker) -> None:
    assert not tracker.is_running
    assert not tracker.is_recent


def test_a_render_that_blocks_the_main_loop_is_seen(tracker: RenderTracker) -> None:
    tracker.began()
    assert tracker.is_running


def test_a_bake_that_no_handler_reports_is_seen(tracker: RenderTracker) -> None:
    tracker.observe(job_runs=True)
    assert tracker.is_running


def test_a_render_between_two_ticks_is_seen_for_a_while(tracker: RenderTracker, clock: Clock) -> None:
    tracker.began()
    tracker.ended()
    assert not tracker.is_running
    assert tracker.is_recent
    clock.now += RECENT_SECONDS - 0.1
    assert tracker.is_recent
    clock.now += 0.1
    assert not tracker.is_recent


def test_a_series_of_short_renders_never_looks_idle(tracker: RenderTracker, clock: Clock) -> None:
    for _ in range(10):
        tracker.began()
        tracker.ended()
        tracker.observe(job_runs=False)
        clock.now += RECENT_SECONDS / 2
        assert tracker.is_recent


def test_a_render_whose_end_no_handler_reports_ends_with_its_job(tracker: RenderTracker, clock: Clock) -> None:
    tracker.began()
    tracker.observe(job_runs=True)
    tracker.observe(job_runs=False)
    assert not tracker.is_running
    clock.now += RECENT_SECONDS
    assert not tracker.is_recent
