"""Guacamole's tokens of people who signed on: each is used by its own person alone, and ends with the sign-on.

Guacamole's page gets its tokens by itself, through the chart's proxy. The proxy asks the portal about each request to
Guacamole, and shows the token. So the portal knows the tokens, and need not make any. It knows them longer than the
sign-ons, so that a desktop that outlives its sign-on still ends when the provider or the person says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakValueDictionary

from blendersessions.model.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from blendersessions_portal.departures import Departures
    from blendersessions_portal.identity import ProviderSession, Visitor

logger = logging.getLogger(__name__)

MAX_TOKENS: Final = 10_000
"""Tokens that are remembered. Beyond them, the one that was shown longest ago ends of whoever has most."""
MAX_OF_ONE: Final = 100
"""Tokens that are remembered of one person. A desktop whose token is not known would be closed by no sign-out."""
_MAX_LOOKUPS_OF_ONE: Final = 2
"""Guacamole is asked five things at a time. Nobody takes up all of them."""
_MAX_ENDS: Final = 3
_RETRY_SECONDS = 30.0
_PATIENCE_SECONDS = 5.0
"""How long a request waits for tokens to end. They go on ending after it."""


class Guacamole(Protocol):
    """The two requests that are made; `SignInClient` sends them."""

    async def username_of(self, token: str) -> str:
        """Return the user of a token; empty if the token is dead."""
        ...

    async def sign_out(self, token: str) -> None:
        """End the token and the tunnels that were opened with it; a dead token is accepted."""
        ...


@dataclass(frozen=True)
class _Use:
    """Who showed a token last."""

    username: str
    browser: str
    session: ProviderSession


class PersonTokens:
    """The tokens that browsers showed.

    Args:
        guacamole: says whose a token is, and ends it.
        departures: told of whoever has to go, so that what else is open for them ends too.
    """

    def __init__(self, guacamole: Guacamole, departures: Departures) -> None:
        self._guacamole = guacamole
        self._departures = departures
        self._seen: OrderedDict[str, _Use] = OrderedDict()
        self._ending: set[str] = set()
        """Tokens that nobody uses any more, and that Guacamole may still know."""
        self._lookups: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._ends = asyncio.Semaphore(_MAX_ENDS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._retries = False

    async def admits(self, visitor: Visitor, token: str) -> bool:
        """Return whether a person may use a token. One of another person's ends, for it stayed in a shared browser.

        Raises:
            Unavailable: Guacamole does not answer, so it is not known.
        """
        username = await self._username_of(visitor.owner, token)
        if token in self._ending:
            # It was taken away, though Guacamole may not have been told yet.
            return False
        if not username:
            # Dead. Guacamole itself says so, in words that its page understands.
            return True
        if username != visitor.owner:
            logger.warning("A token of %s came from the browser of %s, and was ended.", username, visitor.owner)
            await self._end([token])
            return False
        is_new = token not in self._seen
        self._seen[token] = _Use(username, visitor.browser, visitor.session)
        self._seen.move_to_end(token)
        if is_new:
            await self._end([*self._of_others(visitor.owner, visitor.browser), *self._beyond_limits(username)])
        return True

    async def end(self, owner: str, browser: str) -> None:
        """End the tokens of one browser of a person, with the desktops that are open by them."""
        self._departures.tell(lambda visitor: (visitor.owner, visitor.browser) == (owner, browser))
        await self._end(self._those(lambda use: (use.username, use.browser) == (owner, browser)))

    async def end_others(self, owner: str, browser: str) -> None:
        """End the tokens that other people than the owner have in a browser, since the owner uses it now."""
        self._tell_of_others(owner, browser)
        await self._end(self._of_others(owner, browser))

    def end_others_soon(self, owner: str, browser: str) -> None:
        """End them without a wait. None of them opens anything from now on."""
        self._tell_of_others(owner, browser)
        self._start_to_end(self._of_others(owner, browser))

    async def end_session(self, subject: str, name: str) -> None:
        """End the tokens of a provider's session, of all of a person's sessions, or of both together."""
        self._departures.tell(lambda visitor: visitor.session.is_meant(subject, name))
        await self._end(self._those(lambda use: use.session.is_meant(subject, name)))

    def _tell_of_others(self, owner: str, browser: str) -> None:
        self._departures.tell(lambda visitor: visitor.browser == browser and visitor.owner != owner)

    async def _username_of(self, owner: str, token: str) -> str:
        if use := self._seen.get(token):
            return use.username
        async with self._lookups.setdefault(owner, asyncio.Semaphore(_MAX_LOOKUPS_OF_ONE)):
            # Other requests of a page show the same token. One of them may have asked meanwhile.
            use = self._seen.get(token)
            return use.username if use else await self._guacamole.username_of(token)

    def _those(self, ends: Callable[[_Use], bool]) -> list[str]:
        return [token for token, use in self._seen.items() if ends(use)]

    def _of_others(self, owner: str, browser: str) -> list[str]:
        return self._those(lambda use: use.browser == browser and use.username != owner)

    def _beyond_limits(self, username: str) -> list[str]:
        """Return the tokens that are too many, after a new one of a person's."""
        kept = [(token, use.username) for token, use in self._seen.items() if token not in self._ending]
        own = [token for token, name in kept if name == username]
        if len(own) > MAX_OF_ONE:
            return own[:-MAX_OF_ONE]
        if len(kept) <= MAX_TOKENS:
            return []
        (most, _), *_ = Counter(name for _, name in kept).most_common(1)
        return [next(token for token, name in kept if name == most)]

    async def _end(self, tokens: list[str]) -> None:
        if task := self._start_to_end(tokens):
            await asyncio.wait([task], timeout=_PATIENCE_SECONDS)

    def _start_to_end(self, tokens: list[str]) -> asyncio.Task[None] | None:
        self._ending.update(tokens)
        return self._start(self._sign_out_all(tokens)) if tokens else None

    async def _sign_out_all(self, tokens: list[str]) -> None:
        await asyncio.gather(*(self._sign_out(token) for token in tokens))
        if self._ending and not self._retries:
            self._retries = True
            self._start(self._retry())

    async def _retry(self) -> None:
        """Try again what Guacamole did not answer. For most of it nobody asks a second time."""
        try:
            while self._ending:
                await asyncio.sleep(_RETRY_SECONDS)
                await asyncio.gather(*(self._sign_out(token) for token in list(self._ending)))
        finally:
            self._retries = False

    async def _sign_out(self, token: str) -> None:
        async with self._ends:
            try:
                await self._guacamole.sign_out(token)
            except DomainError as error:
                logger.warning("A token could not be signed out, which is tried again: %s", error)
                return
        self._ending.discard(token)
        self._seen.pop(token, None)

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
