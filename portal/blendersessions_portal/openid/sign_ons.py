"""Who is signed in, by which browser, and until when. It is kept in memory, so that a sign-on can be taken away.

After a restart of the portal, browsers go to the provider again, which knows its people and asks them nothing.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions_portal.identity import ProviderSession

MAX_SIGN_ONS: Final = 10_000
"""Sign-ons that are kept. Beyond them, the first one goes of whoever has most."""
MAX_OF_ONE: Final = 50
"""Sign-ons that are kept of one person, so that nobody pushes the others out."""
_LONGEST_ID_TOKEN: Final = 8192
"""A longer one, with many groups, is not kept: who signs out is then known to the provider by its own cookie alone."""


@dataclass(frozen=True)
class SignedOn:
    """One person in one browser.

    Attributes:
        key: what the browser's cookie holds.
        browser: a word for the browser, which opens nothing.
        owner: the Guacamole user of the person.
        name: what the person is called.
        groups: the person's groups.
        session: what the provider calls it.
        id_token: shown to the provider when the person signs out; empty if it was too long.
        until: when it ends, by the clock of the sign-ons.
    """

    key: str = field(repr=False)
    browser: str
    owner: str
    name: str
    groups: tuple[str, ...]
    session: ProviderSession
    id_token: str = field(repr=False)
    until: float


class SignOns:
    """All sign-ons.

    Args:
        seconds: how long one lasts.
        clock: a monotonic clock in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[str, SignedOn] = OrderedDict()

    def add(
        self,
        owner: str,
        name: str,
        groups: tuple[str, ...],
        session: ProviderSession,
        id_token: str,
        browser: str,
    ) -> SignedOn:
        """Keep a new sign-on, under a key that nobody can guess.

        Args:
            owner: the Guacamole user of the person.
            name: what the person is called.
            groups: the person's groups.
            session: what the provider calls it.
            id_token: shown to the provider when the person signs out.
            browser: the browser's own word, which stays the same at the next sign-on.
        """
        signed_on = SignedOn(
            key=secrets.token_urlsafe(32),
            browser=browser,
            owner=owner,
            name=name,
            groups=groups,
            session=session,
            id_token=id_token if len(id_token) <= _LONGEST_ID_TOKEN else "",
            until=self._clock() + self._seconds,
        )
        self._drop_what_is_over()
        own = [key for key, kept in self._kept.items() if kept.owner == owner]
        for key in own[: max(0, len(own) - MAX_OF_ONE + 1)]:
            del self._kept[key]
        self._kept[signed_on.key] = signed_on
        if len(self._kept) > MAX_SIGN_ONS:
            (most, _), *_ = Counter(kept.owner for kept in self._kept.values()).most_common(1)
            del self._kept[next(key for key, kept in self._kept.items() if kept.owner == most)]
        return signed_on

    def _drop_what_is_over(self) -> None:
        # Each lasts as long as the others, so they end in the order in which they came.
        while self._kept and self._clock() >= next(iter(self._kept.values())).until:
            self._kept.popitem(last=False)

    def find(self, key: str) -> SignedOn | None:
        """Return the sign-on of a cookie; None if it never was, was taken away, or is over."""
        found = self._kept.get(key)
        if found is not None and self._clock() >= found.until:
            del self._kept[key]
            return None
        return found

    def seconds_left(self, signed_on: SignedOn) -> float:
        """Return how long a sign-on still lasts."""
        return max(0.0, signed_on.until - self._clock())

    def end(self, key: str) -> SignedOn | None:
        """Take a sign-on away, and return it if it was there."""
        return self._kept.pop(key, None)

    def end_all(self, subject: str, name: str) -> list[SignedOn]:
        """Take away the sign-ons of a person, of one of the provider's sessions, or of both together; return them."""
        ended = [each for each in self._kept.values() if each.session.is_meant(subject, name)]
        for each in ended:
            del self._kept[each.key]
        return ended
