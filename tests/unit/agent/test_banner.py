"""A notice stays until its time is over, or until somebody at the desktop has had time to read it."""

from agent.banner.timeout import READING_SECONDS, BannerTimeout

SHOWN = 100.0
"""When the banner appeared, in seconds."""


def test_the_banner_stays_for_its_time_without_input() -> None:
    timeout = BannerTimeout(SHOWN, 60)
    assert not timeout.is_over(SHOWN + 59.9, idle_seconds=500)
    assert timeout.is_over(SHOWN + 60, idle_seconds=500)


def test_the_banner_goes_soon_after_the_first_input() -> None:
    timeout = BannerTimeout(SHOWN, 60)
    assert not timeout.is_over(SHOWN + 10, idle_seconds=500)
    assert not timeout.is_over(SHOWN + 20, idle_seconds=0)
    assert not timeout.is_over(SHOWN + 20 + READING_SECONDS - 0.1, idle_seconds=READING_SECONDS)
    assert timeout.is_over(SHOWN + 20 + READING_SECONDS, idle_seconds=READING_SECONDS)


def test_further_input_does_not_keep_the_banner() -> None:
    timeout = BannerTimeout(SHOWN, 60)
    answers = [timeout.is_over(SHOWN + 0.2 * n, idle_seconds=0.0) for n in range(1, 30)]
    assert answers.index(True) * 0.2 <= READING_SECONDS + 0.2


def test_input_near_the_end_does_not_keep_the_banner() -> None:
    timeout = BannerTimeout(SHOWN, 10)
    assert not timeout.is_over(SHOWN + 9, idle_seconds=0)
    assert timeout.is_over(SHOWN + 10, idle_seconds=1)
