"""The parts of pages that are on screens now: each is rendered once when it changes, for all who look at it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from blendersessions_portal.rules_shown import rules_shown
from blendersessions_portal.session_cache import EVERYBODY

if TYPE_CHECKING:
    from blendersessions_portal.departures import Departures, Whose
    from blendersessions_portal.identity import Visitor
    from blendersessions_portal.rendering import Part, Renderer
    from blendersessions_portal.session_cache import SessionCache
    from blendersessions_portal.session_store import SessionStore

logger = logging.getLogger(__name__)

GATHER_SECONDS: Final = 0.03
"""How long a change waits for others that belong to it: the operator writes several in a moment."""
PAUSE_SECONDS: Final = 0.2
"""Shortest time between two renderings of a part. People read no faster."""
SPREAD_SECONDS: Final = 0.005
"""Time between two parts where all change at once, so that other requests are answered meanwhile."""
CHANGING_SECONDS: Final = 5.0
"""A part that waits for something says so in other words after some time, though nothing happens."""
STEADY_SECONDS: Final = 30.0
"""The same of any other part, which tells times in minutes."""
MAX_WATCHERS: Final = 1000
"""Streams to all browsers together. Each takes some tens of kilobytes."""
MAX_WATCHERS_OF_ONE: Final = 24
"""Streams of one person. A browser keeps one for each window, since tabs that are hidden close theirs."""


class PartKey(NamedTuple):
    """Which part of whose page. Nothing else decides what is in it."""

    owner: str
    name: str = ""
    """The session; empty: the list of them."""
    stay: bool = False


class TooManyError(Exception):
    """There are as many streams as there may be.

    Attributes:
        of_one: whether they are all of one person.
    """

    def __init__(self, *, of_one: bool) -> None:
        super().__init__()
        self.of_one = of_one


class Watcher:
    """Somebody who looks at a part.

    Attributes:
        is_out: whether the visitor has signed out, or was signed out.
    """

    def __init__(self, visitor: Visitor, part: LivePart) -> None:
        self.visitor = visitor
        self.part = part
        self.is_out = False
        self.news = asyncio.Event()


class LivePart:
    """A part that somebody looks at.

    Attributes:
        text: the part as HTML, with `LiveParts.token_place` where the tokens of forms go; None before it is rendered.
        is_gone: whether its session was removed. `text` says so then.
    """

    def __init__(self, key: PartKey) -> None:
        self.key = key
        self.text: str | None = None
        self.is_gone = False
        self.watchers: set[Watcher] = set()
        self.shown: Part | None = None
        self.rendered_at = float("-inf")
        self.next: asyncio.TimerHandle | None = None
        """When it is rendered because time has passed."""
        self.soon: asyncio.TimerHandle | None = None
        """When it is rendered because something has changed."""
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Render it no more."""
        for timer in (self.next, self.soon, self.task):
            if timer is not None:
                timer.cancel()


class LiveParts:
    """All parts that somebody looks at.

    Args:
        cache: says what changed.
        store: has the rules of classes.
        renderer: renders the parts.
        departures: says who has signed out.
    """

    def __init__(self, cache: SessionCache, store: SessionStore, renderer: Renderer, departures: Departures) -> None:
        self._cache = cache
        self._store = store
        self._renderer = renderer
        self._parts: dict[PartKey, LivePart] = {}
        self._watchers_of: Counter[str] = Counter()
        self.token_place = secrets.token_hex(16)
        """Stands in a part's text where each browser has a token of its own. Nobody can guess it."""
        cache.listen(self._changed)
        departures.listen(self._departed)
        self.is_closed = False

    @property
    def works(self) -> bool:
        """Whether there is a watch that tells of changes."""
        return self._cache.sessions.is_filled and not self.is_closed

    @property
    def count(self) -> int:
        """How many look at something."""
        return self._watchers_of.total()

    def watch(self, visitor: Visitor, key: PartKey) -> Watcher:
        """Look at a part.

        Raises:
            TooManyError: there are as many streams as there may be.
        """
        if self._watchers_of[key.owner] >= MAX_WATCHERS_OF_ONE:
            raise TooManyError(of_one=True)
        if self.count >= MAX_WATCHERS:
            raise TooManyError(of_one=False)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = LivePart(key)
        watcher = Watcher(visitor, part)
        part.watchers.add(watcher)
        self._watchers_of[key.owner] += 1
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Look no more."""
        part = watcher.part
        if watcher not in part.watchers:
            return
        part.watchers.remove(watcher)
        self._watchers_of[part.key.owner] -= 1
        if not self._watchers_of[part.key.owner]:
            del self._watchers_of[part.key.owner]
        if not part.watchers:
            part.stop()
            del self._parts[part.key]

    def begin(self, watcher: Watcher) -> None:
        """Render a part that nobody has looked at before."""
        part = watcher.part
        if part.text is None and part.soon is None and part.task is None:
            self._render_at(part, 0)

    def close(self) -> None:
        """End all streams, since the portal ends."""
        self.is_closed = True
        self._wake_all()

    def _changed(self, owner: str) -> None:
        if owner == EVERYBODY and not self.works:
            # Nothing is watched any more. The pages ask again, and go on without a stream.
            self._wake_all()
        for number, (key, part) in enumerate(self._parts.items()):
            if owner == EVERYBODY:
                self._render_at(part, GATHER_SECONDS + number * SPREAD_SECONDS)
            elif owner == key.owner:
                self._render_at(part, GATHER_SECONDS)

    def _departed(self, whose: Whose) -> None:
        for part in self._parts.values():
            for watcher in part.watchers:
                if whose(watcher.visitor):
                    watcher.is_out = True
                    watcher.news.set()

    def _wake_all(self) -> None:
        for part in self._parts.values():
            for watcher in part.watchers:
                watcher.news.set()

    def _render_at(self, part: LivePart, delay: float) -> None:
        loop = asyncio.get_running_loop()
        at = max(loop.time() + delay, part.rendered_at + PAUSE_SECONDS)
        if part.is_gone or (part.soon is not None and part.soon.when() <= at):
            return
        if part.soon is not None:
            part.soon.cancel()
        part.soon = loop.call_at(at, self._begin_rendering, part)

    def _begin_rendering(self, part: LivePart) -> None:
        part.soon = None
        if part.task is not None:
            # The rules of a class are being read for it. What it shows may be older than the change.
            self._render_at(part, GATHER_SECONDS)
            return
        part.rendered_at = asyncio.get_running_loop().time()
        part.task = asyncio.get_running_loop().create_task(self._render(part))
        part.task.add_done_callback(lambda _task: setattr(part, "task", None))

    async def _render(self, part: LivePart) -> None:
        try:
            shown = await self._what_is_so(part.key)
            if shown is None:
                part.is_gone, part.text = True, self._renderer.removed()
            elif shown != part.shown:
                part.shown, text = shown, self._renderer.part(shown, self.token_place)
                if text == part.text:
                    return
                part.text = text
            else:
                return
            for watcher in part.watchers:
                watcher.news.set()
        except Exception:
            # The part stays as it is, and is tried again at the next change or after some time.
            logger.exception("A part of a page could not be rendered.")
        finally:
            self._plan_next(part)

    def _plan_next(self, part: LivePart) -> None:
        if part.next is not None:
            part.next.cancel()
        if part.watchers and not part.is_gone:
            changing = part.shown is not None and part.shown.changing
            seconds = CHANGING_SECONDS if changing else STEADY_SECONDS
            part.next = asyncio.get_running_loop().call_later(seconds, self._render_at, part, 0)

    async def _what_is_so(self, key: PartKey) -> Part | None:
        """Return what a part shows now; None if its session is gone."""
        if not key.name:
            return self._renderer.list_part(self._cache.of(key.owner))
        session = self._cache.get(key.name)
        if session is None or session.owner != key.owner:
            return None
        rules = await rules_shown(self._store, session)
        return self._renderer.session_part(session, rules, stay=key.stay)
