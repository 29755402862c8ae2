"""One algorithm for all token stores: keep what lives, sign out what was made for another password, and wait."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from blendersessions.clients.guacamole.token_cache import (
    RECENT_SECONDS,
    REFUSED_SIGN_IN_PAUSE_SECONDS,
    CachedToken,
    TokenCache,
)
from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions.model.user_credentials import UserCredentials

ANN = UserCredentials("ann", "planted-password")


@dataclass
class Store:
    tokens: list[CachedToken] = field(default_factory=list)

    def candidates(self) -> list[CachedToken]:
        return list(self.tokens)

    def keep(self, token: CachedToken) -> None:
        self.tokens = [token]


@dataclass
class Guacamole:
    alive: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    failure: Exception | None = None

    async def sign_in(self, credentials: UserCredentials) -> str:
        self.requests.append("sign in")
        await asyncio.sleep(0)  # others run here, as they do while the real Guacamole answers
        if self.failure:
            raise self.failure
        token = f"PLANTED{len(self.requests)}-of-{credentials.username}"
        self.alive.add(token)
        return token

    async def is_alive(self, token: str) -> bool:
        self.requests.append("check")
        return token in self.alive

    async def sign_out(self, token: str) -> None:
        self.requests.append("sign out")
        if self.failure:
            raise self.failure
        self.alive.discard(token)


async def test_a_living_token_is_checked_and_used_again() -> None:
    guacamole, store = Guacamole(), Store()
    cache = TokenCache(guacamole)
    first = await cache.token(store, ANN)
    assert await cache.token(store, ANN) == first
    assert guacamole.requests == ["sign in", "check"]


async def test_a_dead_token_is_replaced() -> None:
    guacamole, store = Guacamole(), Store()
    cache = TokenCache(guacamole)
    first = await cache.token(store, ANN)
    guacamole.alive.clear()
    second = await cache.token(store, ANN)
    assert second != first
    assert [kept.token for kept in store.tokens] == [second]


@pytest.mark.parametrize("other", [UserCredentials("ann", "another"), UserCredentials("bob", ANN.password)])
async def test_a_token_that_was_made_for_others_is_signed_out(other: UserCredentials) -> None:
    guacamole, store = Guacamole(), Store()
    cache = TokenCache(guacamole)
    first = await cache.token(store, ANN)
    assert await cache.token(store, other) != first
    assert guacamole.requests == ["sign in", "sign out", "sign in"]
    assert first not in guacamole.alive


async def test_a_token_that_cannot_be_signed_out_is_replaced_too(caplog: pytest.LogCaptureFixture) -> None:
    guacamole, store = Guacamole(), Store()
    kept = CachedToken("PLANTED", "of another password")
    store.keep(kept)
    guacamole.failure = Unavailable("Guacamole does not answer.", System.GUACAMOLE)
    with caplog.at_level(logging.DEBUG):
        await TokenCache(guacamole).sign_out(kept)
        guacamole.failure = None
        assert await TokenCache(guacamole).token(store, ANN) in guacamole.alive
    assert "could not be signed out" in caplog.text
    assert "PLANTED" not in caplog.text
    assert ANN.password not in caplog.text
    assert "PLANTED" not in repr(store)


async def test_refused_credentials_are_tried_again_after_a_pause_and_others_at_once() -> None:
    guacamole, now = Guacamole(), 0.0
    cache = TokenCache(guacamole, clock=lambda: now)
    guacamole.failure = Unauthorised("Guacamole refused the sign-in of ann.", System.GUACAMOLE)
    for _ in range(5):
        with pytest.raises(Unauthorised, match="refused the sign-in of ann"):
            await cache.token(Store(), ANN)
    assert guacamole.requests == ["sign in"]
    guacamole.failure = None
    await cache.token(Store(), UserCredentials("ann", "another"))
    assert guacamole.requests == ["sign in"] * 2
    now = REFUSED_SIGN_IN_PAUSE_SECONDS
    await cache.token(Store(), ANN)
    assert guacamole.requests == ["sign in"] * 3


async def test_the_number_of_remembered_refusals_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions.clients.guacamole.token_cache.MAX_REFUSALS", 2)
    guacamole, now = Guacamole(failure=Unauthorised("refused", System.GUACAMOLE)), 0.0
    cache = TokenCache(guacamole, clock=lambda: now)
    for number in (1, 2, 3, 1):
        now += RECENT_SECONDS
        with pytest.raises(Unauthorised):
            await cache.token(Store(), UserCredentials("ann", str(number)))
    assert guacamole.requests == ["sign in"] * 4, "the first one was forgotten"


async def test_several_refusals_stop_all_sign_ins_before_guacamole_bars_the_address() -> None:
    """Guacamole bars an address after five refusals within five minutes, and then nobody can open anything."""
    guacamole, store, now = Guacamole(), Store(), 0.0
    cache = TokenCache(guacamole, clock=lambda: now)
    ann = await cache.token(store, ANN)
    guacamole.failure = Unauthorised("refused", System.GUACAMOLE)
    guests = [UserCredentials(f"guest-{number}", "old") for number in range(20)]
    outcomes = await asyncio.gather(*(cache.token(Store(), guest) for guest in guests), return_exceptions=True)
    assert all(isinstance(outcome, Unauthorised | Unavailable) for outcome in outcomes)
    refused = guacamole.requests.count("sign in") - 1
    assert refused < 5
    with pytest.raises(Unavailable, match="nobody is signed in for now"):
        await cache.token(Store(), UserCredentials("bob", "right"))
    assert await cache.token(store, ANN) == ann, "whoever is signed in stays so"
    guacamole.failure, now = None, RECENT_SECONDS
    assert await cache.token(Store(), UserCredentials("bob", "right"))


async def test_a_fingerprint_reveals_nothing_without_the_installations_secret() -> None:
    guacamole, store = Guacamole(), Store()
    token = await TokenCache(guacamole, secret="of one portal").token(store, ANN)
    assert await TokenCache(guacamole, secret="of another").token(store, ANN) != token
