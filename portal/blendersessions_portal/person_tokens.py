"""Guacamole's tokens of people who signed on: each is used by its own person alone, and ends with the sign-on.

Guacamole's page gets its tokens by itself, through the chart's proxy. The proxy asks the portal about each request to
Guacamole, and shows the token. So the portal knows the tokens, and need not make any. It knows them longer than the
sign-ons, so that a desktop that outlives its sign-on still ends when the provider or the person says so.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from blendersessions.model.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions_portal.identity import ProviderSession, Visitor

logger = logging.getLogger(__name__)

MAX_TOKENS: Final = 10_000
"""Tokens that are remembered. One beyond them is looked up again, and ends by itself after an hour without use."""


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
    """The tokens that browsers showed."""

    def __init__(self, guacamole: Guacamole) -> None:
        self._guacamole = guacamole
        self._seen: OrderedDict[str, _Use] = OrderedDict()

    async def admits(self, visitor: Visitor, token: str) -> bool:
        """Return whether a person may use a token. One of another person's ends, for it stayed in a shared browser.

        Raises:
            Unavailable: Guacamole does not answer, so it is not known.
        """
        use = self._seen.get(token)
        username = use.username if use else await self._guacamole.username_of(token)
        if not username:
            # Dead. Guacamole itself says so, in words that its page understands.
            return True
        if username != visitor.owner:
            logger.warning("A token of %s came from the browser of %s, and was ended.", username, visitor.owner)
            await self._end(token)
            return False
        self._seen[token] = _Use(username, visitor.browser, visitor.session)
        self._seen.move_to_end(token)
        if len(self._seen) > MAX_TOKENS:
            self._seen.popitem(last=False)
        return True

    async def end(self, owner: str, browser: str) -> None:
        """End the tokens of one browser of a person, with the desktops that are open by them."""
        await self._end_all(lambda use: (use.username, use.browser) == (owner, browser))

    async def end_others(self, owner: str, browser: str) -> None:
        """End the tokens that other people than the owner have in a browser, since the owner uses it now."""
        await self._end_all(lambda use: use.browser == browser and use.username != owner)

    async def end_session(self, subject: str, name: str) -> None:
        """End the tokens of a provider's session, of all of a person's sessions, or of both together."""
        await self._end_all(lambda use: use.session.is_meant(subject, name))

    async def _end_all(self, ends: Callable[[_Use], bool]) -> None:
        for token in [token for token, use in self._seen.items() if ends(use)]:
            await self._end(token)

    async def _end(self, token: str) -> None:
        try:
            await self._guacamole.sign_out(token)
        except DomainError as error:
            # It stays known, so that it ends with the next word.
            logger.warning("A token could not be signed out: %s", error)
        else:
            self._seen.pop(token, None)
