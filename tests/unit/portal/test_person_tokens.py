"""Which tokens of Guacamole's a person uses, and that all of them end with their sign-on."""

from __future__ import annotations

import asyncio

import pytest

from blendersessions.model.errors import System, Unavailable
from blendersessions_portal.departures import Departures
from blendersessions_portal.identity import ProviderSession, Visitor
from blendersessions_portal.person_tokens import PersonTokens
from unit.portal.fakes import FakeGuacamole
from waiting import DEADLINE_SECONDS, until_set

DOWN = Unavailable("Guacamole does not answer.", System.GUACAMOLE)


def visitor(owner: str, browser: str = "") -> Visitor:
    session = ProviderSession(owner, f"{owner}-at-home")
    return Visitor(owner=owner, browser=browser or f"browser of {owner}", known=True, session=session)


async def show(tokens: PersonTokens, guacamole: FakeGuacamole, who: Visitor, times: int = 1) -> list[str]:
    """Have a person show new tokens of the own."""
    made = [guacamole.token_of(who.owner) for _ in range(times)]
    for token in made:
        assert await tokens.admits(who, token)
    return made


@pytest.fixture
def guacamole() -> FakeGuacamole:
    return FakeGuacamole()


@pytest.fixture
def tokens(guacamole: FakeGuacamole) -> PersonTokens:
    return PersonTokens(guacamole, Departures())


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what failed be tried again at once."""
    monkeypatch.setattr("blendersessions_portal.person_tokens._RETRY_SECONDS", 0.0)


async def test_one_person_pushes_nobodys_tokens_out(
    tokens: PersonTokens, guacamole: FakeGuacamole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.person_tokens.MAX_OF_ONE", 5)
    alice, bob = visitor("alice"), visitor("bob")
    (desktop,) = await show(tokens, guacamole, alice)
    made = await show(tokens, guacamole, bob, 7)
    assert guacamole.alive == {desktop, *made[2:]}, "those of bob that are too many end, so that none is forgotten"
    await tokens.end_session("alice", "")
    await tokens.end_session("bob", "")
    assert guacamole.alive == set()


async def test_many_people_push_out_whoever_has_most(
    tokens: PersonTokens, guacamole: FakeGuacamole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.person_tokens.MAX_TOKENS", 6)
    (desktop,) = await show(tokens, guacamole, visitor("alice"))
    for number in range(3):
        await show(tokens, guacamole, visitor(f"other-{number}"), 3)
    assert desktop in guacamole.alive
    assert len(guacamole.alive) == 6


@pytest.mark.usefixtures("prompt")
async def test_a_revocation_that_guacamole_did_not_answer_is_carried_out_later(
    tokens: PersonTokens, guacamole: FakeGuacamole
) -> None:
    alice = visitor("alice")
    (desktop,) = await show(tokens, guacamole, alice)
    guacamole.failure = DOWN
    await tokens.end_session("alice", "")
    assert not await tokens.admits(alice, desktop), "it opens nothing from now on"
    guacamole.failure = None
    await until_set("the tokens have ended", guacamole.all_ended)
    assert await tokens.admits(alice, desktop), "Guacamole itself answers a dead token"


async def test_nobody_waits_for_a_guacamole_that_hangs(
    tokens: PersonTokens, guacamole: FakeGuacamole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.person_tokens._PATIENCE_SECONDS", 0.0)
    alice = visitor("alice")
    desktops = await show(tokens, guacamole, alice, 9)
    answers = asyncio.Event()
    signs_out = guacamole.sign_out

    async def sign_out(token: str) -> None:
        await answers.wait()
        await signs_out(token)

    monkeypatch.setattr(guacamole, "sign_out", sign_out)
    await tokens.end_session("alice", "")
    assert not any([await tokens.admits(alice, desktop) for desktop in desktops])
    answers.set()
    await until_set("the tokens have ended", guacamole.all_ended)


async def test_whoever_opens_something_in_a_browser_ends_what_another_person_opened_there(
    tokens: PersonTokens, guacamole: FakeGuacamole
) -> None:
    await show(tokens, guacamole, visitor("alice", "at school"))
    (elsewhere,) = await show(tokens, guacamole, visitor("alice", "at home"))
    (bobs,) = await show(tokens, guacamole, visitor("bob", "at school"))
    assert guacamole.alive == {elsewhere, bobs}


async def test_nobody_takes_up_all_that_guacamole_answers_at_a_time(
    tokens: PersonTokens, guacamole: FakeGuacamole, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = asyncio.Event()

    async def username_of(token: str) -> str:
        asked.append(token)
        if not token.startswith("ALICE"):
            await answers.wait()
        return "alice" if token.startswith("ALICE") else ""

    monkeypatch.setattr(guacamole, "username_of", username_of)
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(tokens.admits(visitor("bob"), f"BOB{number}"))
        await asyncio.sleep(0)
        assert await tokens.admits(visitor("alice"), "ALICE")
        assert len(asked) == 3
        answers.set()


async def test_a_page_that_shows_a_token_many_times_has_it_looked_up_once(
    tokens: PersonTokens, guacamole: FakeGuacamole, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def username_of(token: str) -> str:
        asked.append(token)
        await asyncio.sleep(0)
        return "alice"

    monkeypatch.setattr(guacamole, "username_of", username_of)
    assert all(await asyncio.gather(*(tokens.admits(visitor("alice"), "ALICE") for _ in range(20))))
    assert len(asked) <= 2
