"""A sign-on ends by its time, by the person, or by the provider; and desktops that it opened are closed."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions_portal.identity import ProviderSession
from blendersessions_portal.openid.identity import OpenIDIdentifier
from blendersessions_portal.openid.sign_ons import MAX_OF_ONE, SignOns
from unit.portal.openid.signing_in import ALICE, back_from_provider, is_signed_in, signed_in, visit

if TYPE_CHECKING:
    from clock import Clock
    from openid_provider import Provider
    from unit.portal.portals import Browser, Portal

HALF_A_DAY = 12 * 3600
SESSION = ProviderSession("alice-1", "at-home")


async def test_what_is_open_goes_on_when_the_same_person_signs_in_again(portal: Portal, browser: Browser) -> None:
    backs = [await back_from_provider(browser) for _ in range(2)]
    await browser.get(backs[0])
    token = portal.guacamole.token_of("alice-1")
    await browser.get("/internal/person", headers={"Guacamole-Token": token})
    await browser.get(backs[1])
    assert portal.guacamole.alive == {token}
    await browser.see("/")
    await browser.submit("/sign-out")
    assert portal.guacamole.alive == set(), "the later sign-on knows the token too"


async def test_what_is_open_ends_when_another_person_signs_in(
    portal: Portal, provider: Provider, browser: Browser
) -> None:
    backs = [await back_from_provider(browser) for _ in range(2)]
    await browser.get(backs[0])
    await browser.get("/internal/person", headers={"Guacamole-Token": portal.guacamole.token_of("alice-1")})
    provider.person = ALICE | {"sub": "bob-1"}
    await browser.get(backs[1])
    assert portal.guacamole.alive == set()


@pytest.fixture
async def token(portal: Portal, browser: Browser) -> str:
    """A token of Guacamole's that the browser of Alice uses."""
    await signed_in(browser)
    token = portal.guacamole.token_of("alice-1")
    answer = await browser.get("/internal/person", headers={"Guacamole-Token": token})
    assert (answer.status_code, answer.headers["x-person"]) == (200, "alice-1")
    return token


async def test_signing_out_ends_it_here_and_at_the_provider(
    portal: Portal, provider: Provider, browser: Browser, token: str
) -> None:
    await browser.see("/")
    answer = await browser.submit("/sign-out")
    place = unescape(answer.text.partition('content="0; url=')[2].partition('"')[0])
    assert place.startswith(provider.url + "/end?id_token_hint=ey")
    assert answer.headers["clear-site-data"] == '"storage"'
    assert token not in portal.guacamole.alive
    page = await browser.get(await visit(place))
    assert "You are signed out." in page.text
    assert not await is_signed_in(browser)
    assert (await browser.get("/internal/person")).status_code == 401


async def test_signing_out_needs_the_forms_token(browser: Browser, token: str) -> None:
    assert token
    assert (await browser.post("/sign-out")).status_code == 403
    assert await is_signed_in(browser)


async def test_a_provider_that_is_down_does_not_keep_anybody_in(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.provider._DISCOVERY_SECONDS", 0.0)
    await signed_in(browser)
    await browser.see("/")
    provider.down = True
    answer = await browser.submit("/sign-out")
    assert "url=http://portal.test/signed-out" in answer.text
    assert not await is_signed_in(browser)


@pytest.mark.parametrize("words", [{"sub": "alice-1"}, {"sid": "at-home"}, {"sub": "alice-1", "sid": "at-home"}])
async def test_the_provider_ends_it_by_the_back_channel(
    portal: Portal, provider: Provider, browser: Browser, token: str, words: dict[str, str]
) -> None:
    provider.person = {"sub": "bob-1", "sid": "at-work"}
    other = portal.browser()
    await signed_in(other)
    sender = portal.browser()
    answer = await sender.post("/sign-on/back-channel", data={"logout_token": provider.logout_token(**words)})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert not await is_signed_in(browser)
    assert token not in portal.guacamole.alive
    assert await is_signed_in(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.test"},
        {"aud": "another-client"},
        {"events": {}},
        {"events": "text"},
        {"nonce": "a"},
        {"sub": None},
        {"jti": None},
        {"exp": 1},
        {"iat": 1},
        {"iat": "text"},
    ],
)
async def test_a_logout_token_that_is_not_right_ends_nothing(
    provider: Provider, browser: Browser, token: str, changes: dict[str, Any]
) -> None:
    assert token
    sent = provider.logout_token(**({"sub": "alice-1"} | changes))
    answer = await browser.post("/sign-on/back-channel", data={"logout_token": sent})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert await is_signed_in(browser)


async def test_other_tokens_of_the_provider_end_nothing(provider: Provider, browser: Browser, token: str) -> None:
    assert token
    for sent in ("", "a.b.c", provider.id_token("a"), provider.logout_token(sub="alice-1", events=None)):
        answer = await browser.post("/sign-on/back-channel", data={"logout_token": sent})
        assert answer.status_code == 400
    assert await is_signed_in(browser)


async def test_a_session_that_the_provider_names_only_at_its_end_is_ended(
    portal: Portal, provider: Provider, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """A name for the session may stand in the logout token alone."""
    provider.person = {"sub": "alice-1"}
    await signed_in(browser)
    token = portal.guacamole.token_of("alice-1")
    await browser.get("/internal/person", headers={"Guacamole-Token": token})
    sent = {"logout_token": provider.logout_token(sub="alice-1", sid="at-home")}
    assert (await browser.post("/sign-on/back-channel", data=sent)).status_code == 200
    assert not await is_signed_in(browser)
    assert token not in portal.guacamole.alive
    assert "does not know" not in caplog.text
    sent = {"logout_token": provider.logout_token(sub="alice-1", sid="at-home")}
    await browser.post("/sign-on/back-channel", data=sent)
    assert "does not know" in caplog.text, "an end that ends nothing is said"


async def test_a_logout_token_counts_once(provider: Provider, browser: Browser, token: str) -> None:
    assert token
    sent = {"logout_token": provider.logout_token(sub="alice-1")}
    assert (await browser.post("/sign-on/back-channel", data=sent)).status_code == 200
    await signed_in(browser)
    assert (await browser.post("/sign-on/back-channel", data=sent)).status_code == 400
    assert await is_signed_in(browser)


async def test_the_provider_ends_it_by_a_frame(portal: Portal, provider: Provider, browser: Browser) -> None:
    await signed_in(browser)
    frame = portal.browser()
    for query in ({}, {"sid": "at-home"}, {"iss": provider.url}, {"iss": "https://other.test", "sid": "at-home"}):
        await frame.get("/sign-on/front-channel", params=query)
        assert await is_signed_in(browser), query
    await frame.get("/sign-on/front-channel", params={"iss": provider.url, "sid": "at-home"})
    assert not await is_signed_in(browser)


async def test_a_desktop_that_outlives_its_sign_on_ends_with_the_providers_word(
    portal: Portal, provider: Provider, browser: Browser, token: str, clock: Clock
) -> None:
    clock.now += HALF_A_DAY
    assert not await is_signed_in(browser)
    assert token in portal.guacamole.alive
    sent = {"logout_token": provider.logout_token(sid="at-home")}
    assert (await portal.browser().post("/sign-on/back-channel", data=sent)).status_code == 200
    assert token not in portal.guacamole.alive


async def test_a_desktop_that_outlives_its_sign_on_ends_with_the_sign_out_after_it(
    portal: Portal, browser: Browser, token: str, clock: Clock
) -> None:
    clock.now += HALF_A_DAY
    browser.cookies.delete(OpenIDIdentifier.COOKIE)
    await signed_in(browser)
    assert token in portal.guacamole.alive, "what is open goes on"
    await browser.see("/")
    await browser.submit("/sign-out")
    assert token not in portal.guacamole.alive


async def test_a_desktop_that_outlives_its_sign_on_ends_when_another_person_comes(
    portal: Portal, provider: Provider, browser: Browser, token: str, clock: Clock
) -> None:
    clock.now += HALF_A_DAY
    provider.person = ALICE | {"sub": "bob-1"}
    await signed_in(browser)
    assert token not in portal.guacamole.alive


async def test_a_sign_on_that_had_to_go_still_ends_its_desktop(
    portal: Portal, provider: Provider, browser: Browser, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.sign_ons.MAX_OF_ONE", 1)
    provider.person = ALICE | {"sid": "at-work"}
    await signed_in(portal.browser())
    assert not await is_signed_in(browser)
    sent = {"logout_token": provider.logout_token(sid="at-home")}
    assert (await portal.browser().post("/sign-on/back-channel", data=sent)).status_code == 200
    assert token not in portal.guacamole.alive


async def test_nothing_opens_by_a_sign_on_that_ends_while_guacamole_is_asked(
    portal: Portal, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed_in(browser)

    async def end_meanwhile(_token: str) -> str:
        sent = {"logout_token": provider.logout_token(sub="alice-1")}
        assert (await portal.browser().post("/sign-on/back-channel", data=sent)).status_code == 200
        return "alice-1"

    monkeypatch.setattr(portal.guacamole, "username_of", end_meanwhile)
    token = portal.guacamole.token_of("alice-1")
    assert (await browser.get("/internal/person", headers={"Guacamole-Token": token})).status_code == 401


def test_its_time_ends_it() -> None:
    now = 0.0
    sign_ons = SignOns(60, lambda: now)
    key = sign_ons.add("alice", "Alice", (), SESSION, "", "browser").key
    now = 59.9
    assert sign_ons.find(key)
    now = 60.0
    assert sign_ons.find(key) is None


def test_the_memory_for_them_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.sign_ons.MAX_SIGN_ONS", 5)
    sign_ons = SignOns(60, lambda: 0.0)
    keys = [sign_ons.add(f"person-{number}", "", (), SESSION, "", "browser").key for number in range(6)]
    assert sign_ons.find(keys[0]) is None
    assert all(sign_ons.find(key) for key in keys[1:])


def test_many_people_with_many_sign_ons_push_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.sign_ons.MAX_SIGN_ONS", 20)
    sign_ons = SignOns(60, lambda: 0.0)
    alice = sign_ons.add("alice", "Alice", (), SESSION, "", "browser").key
    others = [sign_ons.add(f"other-{number % 10}", "", (), SESSION, "", "").key for number in range(40)]
    assert sign_ons.find(alice)
    assert sum(sign_ons.find(key) is not None for key in others) == 19


def test_one_person_pushes_nobody_out() -> None:
    sign_ons = SignOns(60, lambda: 0.0)
    alice = sign_ons.add("alice", "Alice", (), SESSION, "", "browser").key
    bobs = [sign_ons.add("bob", "Bob", (), SESSION, "", "browser").key for _ in range(MAX_OF_ONE + 1)]
    assert sign_ons.find(alice)
    assert sign_ons.find(bobs[0]) is None
    assert sign_ons.find(bobs[-1])


async def test_after_a_restart_of_the_portal_people_come_back_by_the_provider(portal: Portal, browser: Browser) -> None:
    await signed_in(browser)
    portal.restart()
    assert not await is_signed_in(browser)
    await signed_in(browser)
    assert await is_signed_in(browser)
