"""Shows the text from standard input until its time is over or soon after the first input.

Run as `python3 -m agent.banner SECONDS`. It prints `shown` once the text is on the screen.
"""

import sys
import time
from typing import Final

from agent.banner.timeout import BannerTimeout
from agent.banner.window import Banner
from agent.idle import InputClock

_POLL_SECONDS: Final = 0.2


def main(seconds: float, text: str) -> None:
    """Show a text and return when its time is over.

    Args:
        seconds: the longest time that it is shown.
        text: the text.
    """
    clock = InputClock()
    banner = Banner(text)
    banner.refresh()
    print("shown", flush=True)  # noqa: T201 - the agent waits for this line
    timeout = BannerTimeout(time.monotonic(), seconds)
    while not timeout.is_over(time.monotonic(), clock.seconds()):
        time.sleep(_POLL_SECONDS)
        banner.refresh()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.stdin.read())
