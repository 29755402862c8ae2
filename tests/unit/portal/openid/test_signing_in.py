"""People sign in at an OpenID provider: who gets in, and who does not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions_portal.openid.flows import Flows
from blendersessions_portal.openid.identity import OpenIDIdentifier
from blendersessions_portal.rendering import STATIC
from openid_provider import CLIENT, SECRET, Provider
from unit.portal.openid.signing_in import ALICE, back_from_provider, is_signed_in, signed_in, visit

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal


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
