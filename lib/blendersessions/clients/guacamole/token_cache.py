"""One living token for each browser and user, kept for the next link.

A browser holds one token for each Guacamole. A link with another token signs the first one out and closes its desktops,
even for the same user. A link with a dead token makes every log-in impossible. So a token is requested once, checked
before each use, and used again while it works. A token also outlives its user (exchange
`user-token-after-user-delete`), and opens nothing then. So each is kept with a fingerprint of its user's password.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from blendersessions.model.errors import DomainError, System, Unauthorised, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from blendersessions.model.user_credentials import UserCredentials

logger = logging.getLogger(__name__)

REFUSED_SIGN_IN_PAUSE_SECONDS = 90.0
"""Pause before refused credentials are tried again. Guacamole's ban extension bars an address after five refusals
within five minutes, and all users of the portal share its address."""
MAX_RECENT_REFUSALS = 3
"""After so many refusals within `RECENT_SECONDS` nobody is signed in for a while, so that the ban is never reached."""
RECENT_SECONDS = 300.0
MAX_AT_ONCE = 2
"""Sign-ins under way at the same time. Together with the refusals that are known they stay below five."""
MAX_REFUSALS = 10_000
"""Refused credentials that are remembered."""


class SignIn(Protocol):
    """The three requests that a token cache makes; `SignInClient` sends them to Guacamole."""

    async def sign_in(self, credentials: UserCredentials) -> str:
        """Return a new token."""
        ...

    async def is_alive(self, token: str) -> bool:
        """Return whether the token still works."""
        ...

    async def sign_out(self, token: str) -> None:
        """End the token and the tunnels that were opened with it; a dead token is accepted."""
        ...


@dataclass(frozen=True)
class CachedToken:
    """A token, and the fingerprint of its user and password."""

    token: str = field(repr=False)
    fingerprint: str = field(repr=False)


class TokenStore(Protocol):
    """The place for one user's token in one browser. The caller must not use it twice at the same time."""

    def candidates(self) -> Sequence[CachedToken]:
        """Return the tokens that may still work, the likeliest first."""
        ...

    def keep(self, token: CachedToken) -> None:
        """Keep this token, and forget all others."""
        ...


class TokenCache:
    """Finds a living token in a store, and signs in if the store has none.

    Args:
        guacamole: signs in and out.
        secret: makes a fingerprint useless to the browser that holds it; empty for a store that only we can read.
        clock: a monotonic clock in seconds.
    """

    def __init__(self, guacamole: SignIn, *, secret: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._guacamole = guacamole
        self._secret = secret
        self._clock = clock
        self._refusal_key = secrets.token_hex()
        self._refusals: OrderedDict[str, tuple[float, Unauthorised]] = OrderedDict()
        self._refused_at: deque[float] = deque(maxlen=MAX_RECENT_REFUSALS)
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)

    async def token(self, store: TokenStore, credentials: UserCredentials) -> str:
        """Return the user's token; a new one only if no kept token works.

        Raises:
            Unauthorised: Guacamole refuses the credentials, or did so less than 90 seconds ago.
            Unavailable: Guacamole does not answer, or it refused so many sign-ins lately that none is tried for now.
        """
        for kept in store.candidates():
            expected = self._fingerprint(kept.token, credentials)
            if not hmac.compare_digest(kept.fingerprint.encode(), expected.encode()):
                await self.sign_out(kept)
            elif await self._guacamole.is_alive(kept.token):
                store.keep(kept)
                return kept.token
        token = await self._sign_in(credentials)
        store.keep(CachedToken(token, self._fingerprint(token, credentials)))
        return token

    async def sign_out(self, kept: CachedToken) -> None:
        """End a token. If Guacamole does not answer, the token ends by itself after an hour without use."""
        try:
            await self._guacamole.sign_out(kept.token)
        except DomainError as error:
            logger.warning("A token could not be signed out: %s", error)

    async def _sign_in(self, credentials: UserCredentials) -> str:
        attempt = self._fingerprint(self._refusal_key, credentials)
        until, refusal = self._refusals.get(attempt, (0.0, None))
        if refusal is not None and self._clock() < until:
            raise refusal
        async with self._at_once:
            token = await self._try(attempt, credentials)
        self._refusals.pop(attempt, None)
        logger.info("%s was signed in at Guacamole.", credentials.username)
        return token

    async def _try(self, attempt: str, credentials: UserCredentials) -> str:
        self._check_recent_refusals()
        try:
            return await self._guacamole.sign_in(credentials)
        except Unauthorised as error:
            self._refused_at.append(self._clock())
            self._refusals[attempt] = (self._clock() + REFUSED_SIGN_IN_PAUSE_SECONDS, error)
            if len(self._refusals) > MAX_REFUSALS:
                self._refusals.popitem(last=False)
            raise

    def _check_recent_refusals(self) -> None:
        """Refuse to sign anybody in while Guacamole might bar our address, which all our users share."""
        if len(self._refused_at) == MAX_RECENT_REFUSALS and self._clock() - self._refused_at[0] < RECENT_SECONDS:
            raise Unavailable(
                "Guacamole refused several sign-ins within a few minutes, so nobody is signed in for now. Try again in"
                " five minutes, and tell your administrator if it stays.",
                System.GUACAMOLE,
            )

    def _fingerprint(self, key: str, credentials: UserCredentials) -> str:
        """Return 64 hexadecimal digits that change with the user and the password, and disclose neither."""
        parts = (credentials.username, credentials.password)
        message = b"".join(hashlib.sha256(part.encode()).digest() for part in parts)
        return hmac.new((self._secret + key).encode(), message, hashlib.sha256).hexdigest()
