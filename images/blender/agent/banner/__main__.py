"""Shows the text from standard input until the given seconds are over or somebody gave input.

`python3 -m agent.banner SECONDS`; prints `shown` once the text is on the screen.
"""

import sys
import time
from typing import Final

from agent.banner.timeout import BannerTimeout
from agent.banner.window import Banner
from agent.idle import InputClock

_LOOK_SECONDS: Final = 0.2


def main(seconds: float, text: str) -> None:
    """Show the text, and return when its time is over."""
    clock = InputClock()
    banner = Banner(text)
    banner.refresh()
    print("shown", flush=True)  # noqa: T201 - whoever started this program waits for it
    timeout = BannerTimeout(time.monotonic(), seconds)
    while not timeout.is_over(time.monotonic(), clock.seconds()):
        time.sleep(_LOOK_SECONDS)
        banner.refresh()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.stdin.read())
