"""The provider's word that somebody signed out (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from blendersessions_portal.openid.tokens import LOGOUT_EVENT, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions_portal.openid.provider import Provider

_MAX_SEEN: Final = 10_000
_LONGEST_SECONDS: Final = 600
"""How old a logout token may be: it is sent at once. The names of those that came are kept as long."""


class LogoutTokens:
    """Reads logout tokens, each once.

    Args:
        provider: whose tokens count.
        skew_seconds: how far its clock may be from ours.
        clock: the time of day in seconds since the epoch.
    """

    def __init__(self, provider: Provider, skew_seconds: int, clock: Callable[[], float] = time.time) -> None:
        self._provider = provider
        self._skew = skew_seconds
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    async def read(self, token: str) -> tuple[str, str]:
        """Return the person (`sub`) and the provider's session (`sid`) that have ended; one of them may be empty.

        Raises:
            RefusedError: the token is not the provider's, no logout token, too old, or came before.
            Unavailable: the provider does not answer.
        """
        claims = await self._provider.logout_claims(token)
        events = claims.get("events")
        if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims:
            # An ID token must not pass for one (section 2.4).
            raise RefusedError("The token is no logout token.")
        if self._clock() - float(claims["iat"]) > _LONGEST_SECONDS + self._skew:
            raise RefusedError("The logout token is old.")
        subject, session = (str(claims.get(key) or "") for key in ("sub", "sid"))
        if not subject and not session:
            raise RefusedError("The logout token names neither a person nor a session.")
        self._once(str(claims.get("jti") or ""))
        return subject, session

    def _once(self, name: str) -> None:
        now = self._clock()
        while self._seen and (len(self._seen) > _MAX_SEEN or now > next(iter(self._seen.values()))):
            self._seen.popitem(last=False)
        if not name or name in self._seen:
            raise RefusedError("The logout token has no name, or came before.")
        self._seen[name] = now + 2 * (_LONGEST_SECONDS + self._skew)
