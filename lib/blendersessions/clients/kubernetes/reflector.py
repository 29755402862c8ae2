"""Keep a copy of one collection current: list it, then watch it from where the list ended."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from blendersessions.clients.backoff import backoff
from blendersessions.model.errors import DomainError, Expired, System, Unauthorised

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from blendersessions.clients.kubernetes.answers import Change

logger = logging.getLogger(__name__)

MAX_WATCH_DELAY_SECONDS: Final = 10.0
"""Longest pause between two attempts to watch. Changes during the pause are seen late."""
MIN_WATCH_DELAY_SECONDS: Final = 0.1
"""Pause before a watch continues that received an event and ended in order."""
WATCH_ATTEMPTS: Final = 3
"""After this number of failures in a row the collection is listed again, because the resource version may be wrong."""


class Collection(NamedTuple):
    """All objects of one kind in one namespace, or in all, which are listed and watched together."""

    kind: str
    namespace: str
    """Empty: all namespaces."""


class Watches(Protocol):
    """The one request of a reflector's own; `Kubernetes` sends it."""

    def watch(
        self, kind: str, namespace: str, selector: str, version: str, opened: Callable[[], None]
    ) -> AsyncGenerator[Change, None]:
        """Yield the changes of the objects of a kind after a resource version."""
        ...


class Copy(Protocol):
    """What a reflector keeps current."""

    async def relist(self) -> str:
        """Take over the whole collection as it is now, and return the resource version of the list."""
        ...

    def apply(self, change: Change) -> None:
        """Take over one change. It has a manifest."""
        ...


class WatchObserver:
    """Hears how a reflector's watch goes. This one does nothing with it."""

    def listed(self) -> None:
        """The collection was listed."""

    def opened(self) -> None:
        """The API server began to answer a watch."""

    def heard(self) -> None:
        """A change or a bookmark came."""

    def ended(self, error: DomainError | None) -> None:
        """A list failed, or a watch is over; without an error it ended in order."""


class WentBack(Expired):
    """The API server is at an earlier state than before, as after a restore of etcd."""


class Reflector:
    """Watches one collection for as long as its task runs.

    Args:
        kubernetes: sends the watch.
        collection: what is watched.
        selector: which of its objects.
        copy: what is kept current.
        meanwhile: what happens while the watch fails, for the log: `the operator watches again`.
        attempts: failures in a row after which the collection is listed again.
        observer: hears how it goes.
    """

    def __init__(
        self,
        kubernetes: Watches,
        collection: Collection,
        selector: str,
        copy: Copy,
        *,
        meanwhile: str,
        attempts: int = WATCH_ATTEMPTS,
        observer: WatchObserver | None = None,
    ) -> None:
        self._kubernetes = kubernetes
        self._collection = collection
        self._selector = selector
        self._copy = copy
        self._meanwhile = meanwhile
        self._attempts = attempts
        self._observer = observer or WatchObserver()
        self._version = ""
        self._failures = 0
        self._logged = ""

    async def run(self, version: str = "") -> None:
        """Watch for ever, from this resource version on; list first without one."""
        self._version = version
        while True:
            self._failures += 1
            error = await self._watch_once()
            self._observer.ended(error)
            if self._failures >= self._attempts:
                self._version = ""
            delay = min(backoff(self._failures), MAX_WATCH_DELAY_SECONDS) if self._failures else MIN_WATCH_DELAY_SECONDS
            await asyncio.sleep(delay)

    async def _watch_once(self) -> DomainError | None:
        """List if there is no version, then watch until the watch is over; return why, unless it ended in order."""
        try:
            if not self._version:
                self._version = await self._copy.relist()
                self._observer.listed()
            await self._follow()
        except Expired as error:
            self._version = ""
            return error
        except DomainError as error:
            self._log(error)
            return error
        except Exception:
            # An unexpected answer must not end the watch for the rest of the process's life.
            logger.exception("The watch of %s failed unexpectedly; it starts again.", self._collection.kind)
            self._version = ""
            return DomainError("The watch failed unexpectedly.", System.OWN)
        return None

    async def _follow(self) -> None:
        changes = self._kubernetes.watch(*self._collection, self._selector, self._version, self._observer.opened)
        async with aclosing(changes):
            async for change in changes:
                if _is_before(change.version, self._version):
                    raise WentBack(f"{self._collection.kind}: an older state than before.", System.KUBERNETES)
                if change.manifest is not None:
                    self._copy.apply(change)
                self._failures, self._version, self._logged = 0, change.version, ""
                self._observer.heard()

    def _log(self, error: DomainError) -> None:
        """Log a lasting failure, once. A single broken watch is normal."""
        lasting = self._failures >= WATCH_ATTEMPTS or isinstance(error, Unauthorised)
        if lasting and str(error) != self._logged:
            self._logged = str(error)
            kind = self._collection.kind
            logger.warning("Changes of kind %s are not seen; %s. %s", kind, self._meanwhile, error)


def _is_before(version: str, other: str) -> bool:
    """Return whether a resource version is older than another one. One watch sends them in their order."""
    return version.isdigit() and other.isdigit() and int(version) < int(other)
