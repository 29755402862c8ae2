"""People who sign in at an OpenID provider: who gets in, who does not, and how a sign-on ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
import requests

from blendersessions_portal.identity import ProviderSession
from blendersessions_portal.openid.flows import Flows
from blendersessions_portal.openid.identity import ClaimNames, OpenIDIdentifier
from blendersessions_portal.openid.sign_ons import MAX_OF_ONE, SignOns
from blendersessions_portal.openid.tokens import RefusedError
from blendersessions_portal.rendering import STATIC
from blendersessions_portal.sign_on_settings import SignOnMode, SignOnSettings
from openid_provider import CLIENT, SECRET, Provider, running_provider
from unit.portal.conftest import Portal
from unit.portal.fakes import FakeGuacamole, FakeStore, write_samples
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import httpx

    from clock import Clock
    from unit.portal.conftest import Browser

ALICE = {"sub": "alice-1", "name": "Alice", "sid": "at-home"}
HALF_A_DAY = 12 * 3600
SESSION = ProviderSession("alice-1", "at-home")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        provider.person = dict(ALICE)
        yield provider


def settings(provider: Provider, folder: Path, **more: Any) -> SignOnSettings:  # noqa: ANN401 - a setting
    secret = folder / "client-secret"
    secret.write_text(SECRET + "\n")
    return SignOnSettings(
        mode=SignOnMode.OPENID,
        openid_issuer=provider.url,
        openid_client_id=CLIENT,
        openid_client_secret_file=secret,
        **more,
    )


@pytest.fixture(autouse=True)
def _sign_ons_end_by_the_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(
        "blendersessions_portal.openid.build.SignOns", lambda seconds, _clock: SignOns(seconds, clock=clock)
    )


@pytest.fixture
async def portal(tmp_path: Path, provider: Provider) -> AsyncIterator[Portal]:
    sign_on = settings(provider, tmp_path)
    made = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path), sign_on=sign_on)
    yield made
    await made.close()


async def visit(place: str) -> str:
    """Go to the provider, as the browser does; return where it sends the browser."""
    answer = await asyncio.to_thread(requests.get, place, allow_redirects=False, timeout=DEADLINE_SECONDS)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


async def back_from_provider(browser: Browser, target: str = "/") -> str:
    """Begin a sign-in; return where the provider sends the browser back to."""
    answer = await browser.get("/sign-in", params={"next": target})
    assert answer.status_code == 303, answer.text
    return await visit(answer.headers["location"])


async def signed_in(browser: Browser, target: str = "/") -> httpx.Response:
    """Sign in, and return the last answer of it."""
    return await browser.get(await back_from_provider(browser, target))


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/")).status_code == 200


async def test_who_comes_for_a_page_signs_in_and_gets_it(portal: Portal, browser: Browser) -> None:
    first = await browser.get("/view?blender_file=shopping_cart.blend")
    assert first.headers["location"] == "/sign-in?next=%2Fview%3Fblender_file%3Dshopping_cart.blend"
    place = await browser.get(first.headers["location"])
    answer = await browser.get(await visit(place.headers["location"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/view?blender_file=shopping_cart.blend")
    page = await browser.get("/")
    assert "Alice" in page.text
    name = await browser.start()
    assert portal.store.objects[name]["spec"]["owner"] == "alice-1"


async def test_one_person_has_the_same_sessions_in_two_browsers(portal: Portal, browser: Browser) -> None:
    other = portal.browser()
    for each in (browser, other):
        await signed_in(each)
    name = await browser.start()
    assert (await other.get(f"/sessions/{name}?stay=yes")).status_code == 200
    assert await is_signed_in(browser), "nothing threw the first one out"


async def test_two_people_of_one_name_are_two(portal: Portal, provider: Provider, browser: Browser) -> None:
    await signed_in(browser)
    name = await browser.start()
    provider.person = ALICE | {"sub": "alice-2"}
    other = portal.browser()
    await signed_in(other)
    assert (await other.get(f"/sessions/{name}")).status_code == 404


async def test_the_sign_in_proves_itself_and_shows_no_secret(provider: Provider, browser: Browser) -> None:
    place = (await browser.get("/sign-in")).headers["location"]
    for part in ("code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "scope=openid+profile+email"):
        assert part in place
    assert SECRET not in place
    answer = await browser.get(await visit(place))
    cookies = "".join(answer.headers.get_list("set-cookie"))
    assert not any(token in answer.text + cookies for token in provider.tokens)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.test"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": ""},
        {"sub": None},
        {"sub": ["alice-1"]},
        {"nbf": 2**33},
    ],
)
async def test_a_token_that_is_not_right_lets_nobody_in(
    provider: Provider, browser: Browser, changes: dict[str, Any]
) -> None:
    provider.changes = changes
    answer = await signed_in(browser)
    assert answer.status_code == 403
    assert "did not let you in" in answer.text
    assert OpenIDIdentifier.COOKIE not in browser.cookies
    assert not await is_signed_in(browser)


@pytest.mark.parametrize(("skew", "lets_in"), [(-55.0, True), (55.0, True), (-400.0, False), (400.0, False)])
async def test_clocks_may_differ_a_little(provider: Provider, browser: Browser, skew: float, *, lets_in: bool) -> None:
    provider.skew = skew
    await signed_in(browser)
    assert await is_signed_in(browser) is lets_in


@pytest.mark.parametrize("algorithm", ["none", "ES256-with-another-key"])
async def test_a_signature_that_is_not_the_providers_lets_nobody_in(
    provider: Provider, browser: Browser, algorithm: str
) -> None:
    back = await back_from_provider(browser)
    if algorithm == "none":
        provider.algorithm = "none"
    else:
        shown = provider.key
        provider.renew_key()
        provider.key.as_dict = shown.as_dict  # type: ignore[method-assign] - it shows the old one
    assert (await browser.get(back)).status_code == 403


async def test_the_provider_may_change_its_key(
    portal: Portal, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.provider._KEYS_PAUSE_SECONDS", 0.0)
    await signed_in(browser)
    provider.renew_key()
    other = portal.browser()
    await signed_in(other)
    assert await is_signed_in(other)
    assert provider.asked.count("/keys") == 2


async def test_tokens_with_unknown_keys_do_not_make_the_portal_ask_without_end(
    provider: Provider, browser: Browser
) -> None:
    await signed_in(browser)
    for _ in range(5):
        provider.renew_key()
        sent = {"logout_token": provider.logout_token(sub="alice-1")}
        assert (await browser.post("/sign-on/back-channel", data=sent)).status_code == 400
    assert provider.asked.count("/keys") == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"code": "made-up"},
        {"code": ""},
        {"error": "access_denied", "code": "", "error_description": "<script>alert(1)</script>"},
        {"iss": "https://other.test"},
    ],
)
async def test_an_answer_that_is_not_right_lets_nobody_in(
    provider: Provider, browser: Browser, answer: dict[str, str]
) -> None:
    provider.answer = answer
    page = await signed_in(browser)
    assert page.status_code == 403
    assert "<script>alert" not in page.text
    assert "/sign-in?next=%2F" in page.text
    assert not await is_signed_in(browser)


async def test_an_answer_belongs_to_the_browser_that_asked(portal: Portal, browser: Browser) -> None:
    back = await back_from_provider(browser)
    other = portal.browser()
    assert (await other.get(back)).status_code == 403, "somebody else's sign-in is not taken over"
    assert (await browser.get(back)).status_code == 303


@pytest.mark.parametrize("state", ["", "made-up", "\u00e9"])
async def test_an_unknown_state_lets_nobody_in(browser: Browser, state: str) -> None:
    await browser.get("/sign-in")
    assert (await browser.get("/sign-in/callback", params={"state": state, "code": "a"})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Requested-With": "portal", "Accept": "text/html"},
        {"Accept": "image/avif,image/webp,*/*;q=0.8"},
        {"Sec-Fetch-Dest": "image", "Accept": "*/*"},
    ],
)
async def test_only_documents_are_led_to_the_provider(browser: Browser, headers: dict[str, str]) -> None:
    """Browsers say what a request is for by https alone."""
    for address in ("/sessions", "/sessions/a/progress", "/sessions/a/screen"):
        answer = await browser.get(address, headers=headers)
        assert answer.status_code in {401, 404}, address
        assert Flows.COOKIE not in browser.cookies


def test_each_script_says_that_it_is_one() -> None:
    asks = 0
    for file in STATIC.glob("*.js"):
        text = file.read_text()
        asks += text.count("fetch(") + text.count("new XMLHttpRequest")
        assert text.count("fetch(") == text.count("headers: FROM_SCRIPT"), file.name
        assert text.count("new XMLHttpRequest") == text.count('setRequestHeader("X-Requested-With"'), file.name
    assert asks >= 3


async def test_the_back_button_and_a_second_click_do_no_harm(browser: Browser) -> None:
    back = await back_from_provider(browser)
    assert (await browser.get(back)).status_code == 303
    again = await browser.get(back)
    assert (again.status_code, again.headers["location"]) == (303, "/")
    assert await is_signed_in(browser)


async def test_two_tabs_can_sign_in_at_once(browser: Browser) -> None:
    first, second = await back_from_provider(browser, "/artists"), await back_from_provider(browser, "/view")
    assert (await browser.get(first)).headers["location"] == "/artists"
    assert (await browser.get(second)).headers["location"] == "/view"


async def test_a_script_and_a_form_are_told_that_nobody_is_signed_in(browser: Browser) -> None:
    script = await browser.get("/sessions", headers={"Sec-Fetch-Dest": "empty"})
    assert script.status_code == 401
    assert "Sign in" in script.json()["message"]
    form = await browser.post("/sessions", data={"sample": ""})
    assert form.status_code == 401
    assert 'href="/sign-in?next=%2F"' in form.text


@pytest.mark.parametrize("value", ["", "made-up", "\xff", "a" * 4000])
async def test_a_cookie_of_another_version_is_no_sign_on(browser: Browser, value: str) -> None:
    cookie = f"{OpenIDIdentifier.COOKIE}={value}; {Flows.COOKIE}={value}".encode("latin-1")
    answer = await browser.get("/", headers={"Cookie": cookie})  # type: ignore[dict-item]
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2F")


async def test_each_sign_in_has_a_new_cookie_and_the_old_one_opens_nothing(portal: Portal, browser: Browser) -> None:
    backs = [await back_from_provider(browser) for _ in range(2)]
    await browser.get(backs[0])
    old = browser.cookies[OpenIDIdentifier.COOKIE]
    await browser.get(backs[1])
    assert browser.cookies[OpenIDIdentifier.COOKIE] != old
    thief = portal.browser()
    thief.cookies.set(OpenIDIdentifier.COOKIE, old)
    assert not await is_signed_in(thief)


async def test_where_https_is_the_cookies_are_of_this_host_alone(portal: Portal) -> None:
    portal.public_url = "https://portal.test/"
    portal.restart()
    browser = portal.browser()
    begun = await browser.get("/sign-in")
    place = await visit(begun.headers["location"])
    answer = await browser.get(place)
    for line, name in ((begun, Flows.COOKIE), (answer, OpenIDIdentifier.COOKIE)):
        (found,) = [each for each in line.headers.get_list("set-cookie") if each.startswith(f"__Host-{name}=")]
        assert all(word in found for word in ("Path=/", "Secure", "HttpOnly", "SameSite=lax"))
        assert "Domain" not in found


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


class TestEnds:
    """A sign-on ends by its time, by the person, or by the provider; and desktops that it opened are closed."""

    @pytest.fixture
    async def token(self, portal: Portal, browser: Browser) -> str:
        """A token of Guacamole's that the browser of Alice uses."""
        await signed_in(browser)
        token = portal.guacamole.token_of("alice-1")
        answer = await browser.get("/internal/person", headers={"Guacamole-Token": token})
        assert (answer.status_code, answer.headers["x-person"]) == (200, "alice-1")
        return token

    async def test_signing_out_ends_it_here_and_at_the_provider(
        self, portal: Portal, provider: Provider, browser: Browser, token: str
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

    async def test_signing_out_needs_the_forms_token(self, browser: Browser, token: str) -> None:
        assert token
        assert (await browser.post("/sign-out")).status_code == 403
        assert await is_signed_in(browser)

    async def test_a_provider_that_is_down_does_not_keep_anybody_in(
        self, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
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
        self, portal: Portal, provider: Provider, browser: Browser, token: str, words: dict[str, str]
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
        self, provider: Provider, browser: Browser, token: str, changes: dict[str, Any]
    ) -> None:
        assert token
        sent = provider.logout_token(**({"sub": "alice-1"} | changes))
        answer = await browser.post("/sign-on/back-channel", data={"logout_token": sent})
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
        assert await is_signed_in(browser)

    async def test_other_tokens_of_the_provider_end_nothing(
        self, provider: Provider, browser: Browser, token: str
    ) -> None:
        assert token
        for sent in ("", "a.b.c", provider.id_token("a"), provider.logout_token(sub="alice-1", events=None)):
            answer = await browser.post("/sign-on/back-channel", data={"logout_token": sent})
            assert answer.status_code == 400
        assert await is_signed_in(browser)

    async def test_a_session_that_the_provider_names_only_at_its_end_is_ended(
        self, portal: Portal, provider: Provider, browser: Browser, caplog: pytest.LogCaptureFixture
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

    async def test_a_logout_token_counts_once(self, provider: Provider, browser: Browser, token: str) -> None:
        assert token
        sent = {"logout_token": provider.logout_token(sub="alice-1")}
        assert (await browser.post("/sign-on/back-channel", data=sent)).status_code == 200
        await signed_in(browser)
        assert (await browser.post("/sign-on/back-channel", data=sent)).status_code == 400
        assert await is_signed_in(browser)

    async def test_the_provider_ends_it_by_a_frame(self, portal: Portal, provider: Provider, browser: Browser) -> None:
        await signed_in(browser)
        frame = portal.browser()
        for query in ({}, {"sid": "at-home"}, {"iss": provider.url}, {"iss": "https://other.test", "sid": "at-home"}):
            await frame.get("/sign-on/front-channel", params=query)
            assert await is_signed_in(browser), query
        await frame.get("/sign-on/front-channel", params={"iss": provider.url, "sid": "at-home"})
        assert not await is_signed_in(browser)

    async def test_a_desktop_that_outlives_its_sign_on_ends_with_the_providers_word(
        self, portal: Portal, provider: Provider, browser: Browser, token: str, clock: Clock
    ) -> None:
        clock.now += HALF_A_DAY
        assert not await is_signed_in(browser)
        assert token in portal.guacamole.alive
        sent = {"logout_token": provider.logout_token(sid="at-home")}
        assert (await portal.browser().post("/sign-on/back-channel", data=sent)).status_code == 200
        assert token not in portal.guacamole.alive

    async def test_a_desktop_that_outlives_its_sign_on_ends_with_the_sign_out_after_it(
        self, portal: Portal, browser: Browser, token: str, clock: Clock
    ) -> None:
        clock.now += HALF_A_DAY
        browser.cookies.delete(OpenIDIdentifier.COOKIE)
        await signed_in(browser)
        assert token in portal.guacamole.alive, "what is open goes on"
        await browser.see("/")
        await browser.submit("/sign-out")
        assert token not in portal.guacamole.alive

    async def test_a_desktop_that_outlives_its_sign_on_ends_when_another_person_comes(
        self, portal: Portal, provider: Provider, browser: Browser, token: str, clock: Clock
    ) -> None:
        clock.now += HALF_A_DAY
        provider.person = ALICE | {"sub": "bob-1"}
        await signed_in(browser)
        assert token not in portal.guacamole.alive

    async def test_a_sign_on_that_had_to_go_still_ends_its_desktop(
        self, portal: Portal, provider: Provider, browser: Browser, token: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blendersessions_portal.openid.sign_ons.MAX_OF_ONE", 1)
        provider.person = ALICE | {"sid": "at-work"}
        await signed_in(portal.browser())
        assert not await is_signed_in(browser)
        sent = {"logout_token": provider.logout_token(sid="at-home")}
        assert (await portal.browser().post("/sign-on/back-channel", data=sent)).status_code == 200
        assert token not in portal.guacamole.alive

    async def test_nothing_opens_by_a_sign_on_that_ends_while_guacamole_is_asked(
        self, portal: Portal, provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await signed_in(browser)

        async def end_meanwhile(_token: str) -> str:
            sent = {"logout_token": provider.logout_token(sub="alice-1")}
            assert (await portal.browser().post("/sign-on/back-channel", data=sent)).status_code == 200
            return "alice-1"

        monkeypatch.setattr(portal.guacamole, "username_of", end_meanwhile)
        token = portal.guacamole.token_of("alice-1")
        assert (await browser.get("/internal/person", headers={"Guacamole-Token": token})).status_code == 401

    def test_its_time_ends_it(self) -> None:
        now = 0.0
        sign_ons = SignOns(60, lambda: now)
        key = sign_ons.add("alice", "Alice", (), SESSION, "", "browser").key
        now = 59.9
        assert sign_ons.find(key)
        now = 60.0
        assert sign_ons.find(key) is None

    def test_the_memory_for_them_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("blendersessions_portal.openid.sign_ons.MAX_SIGN_ONS", 5)
        sign_ons = SignOns(60, lambda: 0.0)
        keys = [sign_ons.add(f"person-{number}", "", (), SESSION, "", "browser").key for number in range(6)]
        assert sign_ons.find(keys[0]) is None
        assert all(sign_ons.find(key) for key in keys[1:])

    def test_many_people_with_many_sign_ons_push_nobody_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("blendersessions_portal.openid.sign_ons.MAX_SIGN_ONS", 20)
        sign_ons = SignOns(60, lambda: 0.0)
        alice = sign_ons.add("alice", "Alice", (), SESSION, "", "browser").key
        others = [sign_ons.add(f"other-{number % 10}", "", (), SESSION, "", "").key for number in range(40)]
        assert sign_ons.find(alice)
        assert sum(sign_ons.find(key) is not None for key in others) == 19

    def test_one_person_pushes_nobody_out(self) -> None:
        sign_ons = SignOns(60, lambda: 0.0)
        alice = sign_ons.add("alice", "Alice", (), SESSION, "", "browser").key
        bobs = [sign_ons.add("bob", "Bob", (), SESSION, "", "browser").key for _ in range(MAX_OF_ONE + 1)]
        assert sign_ons.find(alice)
        assert sign_ons.find(bobs[0]) is None
        assert sign_ons.find(bobs[-1])

    async def test_after_a_restart_of_the_portal_people_come_back_by_the_provider(
        self, portal: Portal, browser: Browser
    ) -> None:
        await signed_in(browser)
        portal.restart()
        assert not await is_signed_in(browser)
        await signed_in(browser)
        assert await is_signed_in(browser)


class TestClaims:
    """What the provider says about a person."""

    NAMES = ClaimNames("sub", "name", "groups", frozenset({"guacadmin"}), fold_case=False)

    async def test_groups_make_administrators(
        self, portal: Portal, provider: Provider, browser: Browser, tmp_path: Path
    ) -> None:
        portal.sign_on = settings(provider, tmp_path, admin_groups=("staff",))
        portal.restart()
        provider.person = ALICE | {"groups": ["film", "staff"]}
        await signed_in(browser)
        assert "Administrator" in (await browser.get("/")).text

    async def test_what_only_userinfo_says_counts_too(
        self, portal: Portal, provider: Provider, browser: Browser, tmp_path: Path
    ) -> None:
        portal.sign_on = settings(provider, tmp_path, admin_groups=("staff",))
        portal.restart()
        provider.userinfo = ALICE | {"groups": ["staff"], "name": "Somebody"}
        await signed_in(browser)
        page = await browser.get("/")
        assert "Administrator" in page.text
        assert "Alice" in page.text, "the signed token goes before it"

    async def test_what_userinfo_says_in_a_signed_token_is_not_needed(
        self, provider: Provider, browser: Browser
    ) -> None:
        provider.signs_userinfo = True
        await signed_in(browser)
        assert await is_signed_in(browser)

    async def test_without_an_access_token_the_id_token_is_enough(self, provider: Provider, browser: Browser) -> None:
        provider.gives_access = False
        await signed_in(browser)
        assert await is_signed_in(browser)

    async def test_userinfo_about_somebody_else_lets_nobody_in(self, provider: Provider, browser: Browser) -> None:
        provider.userinfo = ALICE | {"sub": "bob-1"}
        assert (await signed_in(browser)).status_code == 403

    @pytest.mark.parametrize(
        "verified", [{}, *({"email_verified": value} for value in (False, "false", None, 0, 1, "yes"))]
    )
    async def test_an_address_that_nobody_checked_names_nobody(
        self, portal: Portal, provider: Provider, browser: Browser, tmp_path: Path, verified: dict[str, object]
    ) -> None:
        portal.sign_on = settings(provider, tmp_path, openid_user_claim="email")
        portal.restart()
        provider.person = ALICE | {"email": "alice@example.org"} | verified
        assert (await signed_in(browser)).status_code == 403
        provider.person["email_verified"] = True
        await signed_in(browser)
        assert (await browser.get("/internal/person")).headers["x-person"] == "alice@example.org"

    @pytest.mark.parametrize(
        ("claims", "groups"),
        [
            ({}, ()),
            ({"groups": ["a b", "c"]}, ("a b", "c")),
            ({"groups": "a  b"}, ("a", "b")),
            ({"groups": "a\u00a0b"}, ("a\u00a0b",)),
            ({"groups": [1, None, "a"]}, ("a",)),
            ({"groups": {"a": 1}}, ()),
        ],
    )
    def test_groups_come_in_several_forms(self, claims: dict[str, Any], groups: tuple[str, ...]) -> None:
        assert self.NAMES.groups_of(claims) == groups

    @pytest.mark.parametrize("space", [" ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\u0085", "\x1c", "\x1f"])
    def test_a_space_is_part_of_the_name(self, space: str) -> None:
        assert self.NAMES.owner({"sub": "alice"}) == "alice"
        for name in (f"alice{space}", f"{space}alice"):
            assert self.NAMES.owner({"sub": name}).startswith("person-alice-")
        with pytest.raises(RefusedError):
            self.NAMES.owner({"sub": space})

    def test_what_people_are_called_is_shown_safely(self) -> None:
        assert self.NAMES.called({"sub": "a", "name": "Z\u202eoë\n" + "x" * 500}) == ("Zoë" + "x" * 500)[:128]
        assert self.NAMES.called({"sub": "a", "name": 7}) == "a"


async def test_a_provider_that_does_not_answer_is_said(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.provider._FAILURE_PAUSE_SECONDS", 0.0)
    provider.down = True
    answer = await browser.get("/sign-in")
    assert answer.status_code == 503
    assert "The sign-on does not answer" in answer.text
    provider.down = False
    await signed_in(browser)
    assert await is_signed_in(browser)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/userinfo"])
async def test_no_answer_is_taken_from_elsewhere(provider: Provider, browser: Browser, path: str) -> None:
    """A redirect could lead to http, where anybody on the way answers."""
    provider.moved = {path}
    begun = await browser.get("/sign-in")
    if begun.status_code == 303:
        await browser.get(await visit(begun.headers["location"]))
    assert path in provider.asked
    assert f"/elsewhere{path}" not in provider.asked


async def test_the_provider_is_asked_in_threads_of_its_own(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def get(*given: Any, **named: Any) -> requests.Response:  # noqa: ANN401 - as of the library
        names.append(threading.current_thread().name)
        return requests.request("GET", *given, **named)  # noqa: S113 - it is given

    monkeypatch.setattr("blendersessions_portal.openid.provider.requests.get", get)
    assert (await browser.get("/sign-in")).status_code == 303
    assert names[0].startswith("openid")


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(
    portal: Portal, provider: Provider, browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    portal.sign_on = settings(provider, tmp_path).model_copy(update={"openid_issuer": provider.url + "/"})
    portal.restart()
    assert (await browser.get("/sign-in")).status_code == 503
    assert "write exactly that into signOn.openID.issuer" in caplog.text


async def test_no_line_of_the_log_holds_a_secret(
    portal: Portal, provider: Provider, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "blendersessions_portal")
    caplog.set_level(logging.DEBUG, "blendersessions")
    back = await back_from_provider(browser)
    await browser.get(back)
    key = browser.cookies[OpenIDIdentifier.COOKIE]
    await browser.see("/")
    await browser.submit("/sign-out")
    code = back.partition("code=")[2].partition("&")[0]
    text = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("blendersessions"))
    assert not any(secret in text for secret in (SECRET, key, code, *provider.tokens))
    assert portal.store.objects == {}
