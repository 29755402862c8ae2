"""A notice stays until its time is over or somebody has had the time to read it."""

from agent.banner.timeout import READING_SECONDS, BannerTimeout

SHOWN = 100.0


def test_it_stays_for_its_time_while_nobody_is_there() -> None:
    timeout = BannerTimeout(SHOWN, 60)
    assert not timeout.is_over(SHOWN + 59.9, idle_seconds=500)
    assert timeout.is_over(SHOWN + 60, idle_seconds=500)


def test_it_goes_soon_after_the_first_input() -> None:
    timeout = BannerTimeout(SHOWN, 60)
    assert not timeout.is_over(SHOWN + 10, idle_seconds=500)
    assert not timeout.is_over(SHOWN + 20, idle_seconds=0)
    assert not timeout.is_over(SHOWN + 20 + READING_SECONDS - 0.1, idle_seconds=READING_SECONDS)
    assert timeout.is_over(SHOWN + 20 + READING_SECONDS, idle_seconds=READING_SECONDS)


def test_who_works_on_cannot_keep_it() -> None:
    timeout = BannerTimeout(SHOWN, 60)
    looks = [timeout.is_over(SHOWN + 0.2 * n, idle_seconds=0.0) for n in range(1, 30)]
    assert looks.index(True) * 0.2 <= READING_SECONDS + 0.2


def test_input_near_its_end_does_not_make_it_longer() -> None:
    timeout = BannerTimeout(SHOWN, 10)
    assert not timeout.is_over(SHOWN + 9, idle_seconds=0)
    assert timeout.is_over(SHOWN + 10, idle_seconds=1)
