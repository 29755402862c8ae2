"""The picture of the screen: made when somebody asks, for all who ask, and not often."""

import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from agent.messages import Refused
from agent.thumbnails.making import NotMade
from agent.thumbnails.thumbnail import Thumbnail, etag_of

EVERY_SECONDS: Final = 30.0
"""Nothing new is made in this time after the last making began."""
AFTER_FAILURE_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 5.0
"""How long somebody who asks waits for a picture that is being made. Then the former one is sent."""


@dataclass(frozen=True)
class ScreenThumbnail:
    """A picture of the screen, as it is sent."""

    thumbnail: Thumbnail
    age_seconds: int

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer with it."""
        return self.thumbnail.headers() | {"Age": str(self.age_seconds)}


class Screen:
    """Has the screen's picture made.

    While Blender is away or still starts, the last picture stays: the screen shows nothing of a scene then.

    Args:
        take: makes a picture. It raises `NotMade`.
        is_drawn: whether Blender shows a scene.
        clock: returns seconds on a monotonic clock.
        now: returns seconds since 1970.
    """

    def __init__(
        self,
        take: Callable[[], Awaitable[bytes]],
        is_drawn: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._take = take
        self._is_drawn = is_drawn
        self._clock = clock
        self._now = now
        self._last: Thumbnail | None = None
        self._made_at = 0.0
        self._due_at = -math.inf
        self._making: asyncio.Task[None] | None = None

    async def current(self, *, may_be_old: bool = False, seconds: float = WAIT_SECONDS) -> ScreenThumbnail:
        """Return the picture.

        Args:
            may_be_old: whether the last one will do, however old it is. Then nobody waits if there is one, and a new
                one is made for those who ask next.
            seconds: how long to wait for a new one.

        Raises:
            Refused: there is none yet.
        """
        if self._making is None and self._clock() >= self._due_at and self._is_drawn():
            self._making = asyncio.create_task(self._make())
        if self._making is not None and not (may_be_old and self._last):
            # It goes on if whoever asks goes away.
            await asyncio.wait({self._making}, timeout=seconds)
        if self._last is None:
            raise self._refusal()
        return ScreenThumbnail(self._last, max(0, int(self._clock() - self._made_at)))

    async def _make(self) -> None:
        began, now = self._clock(), self._now()
        self._due_at = began + EVERY_SECONDS
        try:
            content = await self._take()
        except NotMade as error:
            print(error, file=sys.stderr)  # noqa: T201
            self._due_at = self._clock() + AFTER_FAILURE_SECONDS
        else:
            self._made_at = began
            self._last = Thumbnail(content, etag_of(content), now)
        finally:
            self._making = None

    def _refusal(self) -> Refused:
        if not self._is_drawn():
            message = "Blender shows no scene yet, so there is no picture of it. Try again in a moment."
        else:
            message = "The picture of the screen is not made yet. Try again in a moment."
        return Refused(503, message, headers={"Retry-After": str(math.ceil(AFTER_FAILURE_SECONDS))})
