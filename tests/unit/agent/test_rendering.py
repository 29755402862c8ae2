"""A render is seen however short it is, and is over when it is over."""

import pytest

from agent.rendering import LINGER_SECONDS, RenderWatch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> RenderWatch:
    return RenderWatch(clock)


def test_nothing_renders_at_first(watch: RenderWatch) -> None:
    assert not watch.runs
    assert not watch.recent


def test_a_render_that_blocks_the_main_loop_is_seen(watch: RenderWatch) -> None:
    watch.began()
    assert watch.runs


def test_a_bake_of_which_no_handler_tells_is_seen(watch: RenderWatch) -> None:
    watch.observe(job_runs=True)
    assert watch.runs


def test_a_render_between_two_ticks_is_seen_for_a_while(watch: RenderWatch, clock: Clock) -> None:
    watch.began()
    watch.ended()
    assert not watch.runs
    assert watch.recent
    clock.now += LINGER_SECONDS - 0.1
    assert watch.recent
    clock.now += 0.1
    assert not watch.recent


def test_a_row_of_short_renders_never_looks_like_rest(watch: RenderWatch, clock: Clock) -> None:
    for _ in range(10):
        watch.began()
        watch.ended()
        watch.observe(job_runs=False)
        clock.now += LINGER_SECONDS / 2
        assert watch.recent


def test_a_render_whose_end_was_never_told_ends_with_its_job(watch: RenderWatch, clock: Clock) -> None:
    watch.began()
    watch.observe(job_runs=True)
    watch.observe(job_runs=False)
    assert not watch.runs
    clock.now += LINGER_SECONDS
    assert not watch.recent
