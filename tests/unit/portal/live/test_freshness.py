"""When what a watch shows counts as old, and when it is current again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import SignedOut, System, Unauthorised, Unavailable
from blendersessions_portal import freshness
from blendersessions_portal.freshness import Freshness
from unit.portal.fakes import NOW
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import Iterator

AWAY = Unavailable("The API server does not answer.", System.KUBERNETES)


class Watched:
    """A state whose time a test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.changes = 0
        self.changed = asyncio.Event()
        self.state = Freshness(self._note, lambda: self.now)

    def _note(self) -> None:
        self.changes += 1
        self.changed.set()

    async def becomes(self, what: str) -> None:
        """Wait for the next change."""
        await until_set(what, self.changed)
        self.changed.clear()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(freshness, "GRACE_SECONDS", 0.01)
    monkeypatch.setattr(freshness, "SETTLED_SECONDS", 3600.0)
    watched = Watched()
    yield watched
    watched.state.close()


async def test_before_the_first_list_there_is_nothing(watched: Watched) -> None:
    state = watched.state
    assert (state.is_filled, state.is_current, state.old_since) == (False, False, None)
    state.ended(AWAY)
    await watched.becomes("old")
    assert (state.is_filled, state.fails, state.old_since) == (False, True, None)
    state.listed()
    assert state.is_filled


async def test_a_watch_that_breaks_makes_it_old_from_the_last_news_on(watched: Watched) -> None:
    state = watched.state
    state.listed()
    state.opened()
    watched.now += timedelta(seconds=10)
    state.heard()
    watched.now += timedelta(seconds=50)
    state.ended(AWAY)
    assert state.is_current, "for a moment"
    await watched.becomes("old")
    assert (state.is_current, state.old_since) == (False, NOW + timedelta(seconds=10))
    state.opened()
    assert not state.is_current, "it may break at once"
    state.heard()
    assert (state.is_current, state.old_since) == (True, None)
    assert watched.changes == 2


@pytest.mark.parametrize("error", [AWAY, None])
async def test_a_watch_that_is_opened_and_over_again_and_again_does_not_work(
    watched: Watched, error: Unavailable | None
) -> None:
    state = watched.state
    for _ in range(5):
        state.listed()
        state.opened()
        state.ended(error)
    await watched.becomes("old")
    watched.now += timedelta(minutes=1)
    for _ in range(5):
        state.listed()
        state.opened()
        state.ended(error)
    assert state.old_since == watched.now, "the list is of then"
    assert not state.is_current


async def test_a_watch_that_stays_open_works(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    state = watched.state
    state.listed()
    state.ended(AWAY)
    await watched.becomes("old")
    monkeypatch.setattr(freshness, "SETTLED_SECONDS", 0.01)
    state.opened()
    await watched.becomes("current")
    assert state.is_current


async def test_a_watch_that_worked_may_end_in_order(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "GRACE_SECONDS", 0.0)
    state = watched.state
    state.listed()
    for _ in range(3):
        state.opened()
        state.heard()
        state.ended(None)
    reached = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, reached.set)
    await until_set("a later moment", reached)
    assert state.is_current
    assert watched.changes == 0


async def test_a_refused_watch_leaves_nothing_to_show_until_it_is_allowed(watched: Watched) -> None:
    state = watched.state
    state.listed()
    state.ended(Unauthorised("You may not watch.", System.KUBERNETES))
    assert (state.is_filled, state.refused, watched.changes) == (False, True, 1)
    state.listed()
    assert not state.is_filled, "a list is not a watch"
    state.opened()
    assert (state.is_filled, state.refused, watched.changes) == (True, False, 2)


async def test_a_token_that_has_expired_says_nothing_of_rights(watched: Watched) -> None:
    watched.state.listed()
    watched.state.ended(SignedOut("Who are you?", System.KUBERNETES))
    assert watched.state.is_filled
