"""Whether a copy of the cluster's objects is current, and from when it is otherwise."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.clients.kubernetes.reflector import WatchObserver
from blendersessions.model.errors import SignedOut, Unauthorised

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.model.errors import DomainError

GRACE_SECONDS: Final = 5.0
"""How long a watch may be broken before the copy counts as old. A restart of an API server takes less."""
SETTLED_SECONDS: Final = 2.0
"""A watch that stays open for this time works, though it has nothing to say."""


def _now() -> datetime:
    return datetime.now(UTC)


class Freshness(WatchObserver):
    """Hears how a watch goes, and says from when its copy is.

    A watch that is opened and fails at once, again and again, does not count as one that works.

    Args:
        changed: called when the copy became old, or current again.
        now: the current time.
    """

    def __init__(self, changed: Callable[[], None], now: Callable[[], datetime] = _now) -> None:
        self._changed = changed
        self._now = now
        self._known: datetime | None = None
        """The last moment at which the copy was certainly current; None before the first list."""
        self._is_old = False
        self._works = False
        """Whether the watch that is open, or was last, has shown that it works."""
        self._grace: asyncio.TimerHandle | None = None
        self._settling: asyncio.TimerHandle | None = None
        self.refused = False
        """Whether the API server does not let us list or watch."""
        self.fails = False
        """Whether the last list or watch failed, and none has worked since."""

    @property
    def is_filled(self) -> bool:
        """Whether there is a copy that may be used: it was listed, and the API server lets us watch it."""
        return self._known is not None and not self.refused

    @property
    def is_current(self) -> bool:
        """Whether there is a copy, and it is current."""
        return self.is_filled and not self._is_old

    @property
    def old_since(self) -> datetime | None:
        """From when the copy is, if it is old; None if it is current, or if there is none."""
        return self._known if self.is_filled and self._is_old else None

    def listed(self) -> None:
        """Take over that the copy is new. Whether the watch works, the list does not show."""
        self._known = self._now()
        if self._is_old:
            self._changed()

    def opened(self) -> None:
        """Wait for whether the watch stays open."""
        self._stop_timers(grace=False)
        self._works = False
        self._set_refused(refused=False)
        self._settling = asyncio.get_running_loop().call_later(SETTLED_SECONDS, self._recover)

    def heard(self) -> None:
        """Take over that the watch works."""
        self._recover()

    def ended(self, error: DomainError | None) -> None:
        """Take over that nothing is watched now."""
        self._stop_timers(grace=False)
        works, self._works = self._works, False
        if works and error is None:
            # The API server ends each watch after some minutes.
            return
        self._set_refused(refused=isinstance(error, Unauthorised) and not isinstance(error, SignedOut))
        self.fails = True
        if self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._become_old)

    def close(self) -> None:
        """Stop the timers."""
        self._stop_timers(grace=True)

    def _recover(self) -> None:
        self._stop_timers(grace=True)
        was_old, self._is_old = self._is_old, False
        self._works, self._known, self.fails = True, self._now(), False
        if was_old:
            self._changed()

    def _set_refused(self, *, refused: bool) -> None:
        was_refused, self.refused = self.refused, refused
        if was_refused != refused:
            self._changed()

    def _become_old(self) -> None:
        self._is_old = True
        self._changed()

    def _stop_timers(self, *, grace: bool) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if grace and self._grace is not None:
            self._grace.cancel()
            self._grace = None
