"""A ready session opens Blender without a second log-in, with one token for each browser."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions.model.user_credentials import UserCredentials
from blendersessions_portal.browser_token_store import BrowserTokens
from blendersessions_portal.cookies import Site
from blendersessions_portal.identity import Visitor
from blendersessions_portal.signing import Signer
from unit.portal.fakes import KEY, FakeGuacamole

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

CLIENT = "http://portal.test/guacamole/#/client/MQBjAHBvc3RncmVzcWw"


async def ready(portal: Portal, browser: Browser) -> str:
    name = await browser.start()
    portal.store.make_ready(name)
    return name


async def test_open_lands_in_blender_signed_in(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{CLIENT}?token=TOKEN0000"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_ready_sessions_page_leads_on_by_itself(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    page = await browser.get(f"/sessions/{name}")
    assert (page.status_code, page.headers["location"]) == (303, f"/sessions/{name}/open")
    assert f'data-next="/sessions/{name}/open"' in (await browser.get(f"/sessions/{name}/progress")).text


async def test_a_session_that_is_not_ready_is_not_opened(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_starting(name)
    answer = await browser.get(f"/sessions/{name}/open")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sessions/{name}")
    assert not portal.guacamole.made


async def test_a_browser_keeps_its_token(portal: Portal, browser: Browser) -> None:
    first, second = await ready(portal, browser), await ready(portal, browser)
    links = {(await browser.get(f"/sessions/{name}/open")).headers["location"] for name in (first, second, first)}
    assert links == {f"{CLIENT}?token=TOKEN0000"}
    assert portal.guacamole.made == ["TOKEN0000"]


async def test_two_clicks_at_once_make_one_token(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    await asyncio.gather(*(browser.get(f"/sessions/{name}/open") for _ in range(5)))
    assert portal.guacamole.made == ["TOKEN0000"]


async def test_the_token_outlives_a_restart_of_the_portal(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    await browser.get(f"/sessions/{name}/open")
    portal.restart()
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0000")
    assert portal.guacamole.made == ["TOKEN0000"]


async def test_a_dead_token_is_replaced(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    await browser.get(f"/sessions/{name}/open")
    portal.guacamole.alive.clear()
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0001")
    portal.restart()
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0001")


async def test_a_token_of_a_user_that_was_deleted_and_made_again_is_replaced(portal: Portal, browser: Browser) -> None:
    # Guacamole keeps such a token alive, but the token opens nothing.
    name = await ready(portal, browser)
    await browser.get(f"/sessions/{name}/open")
    owner = portal.store.objects[name]["spec"]["owner"]
    portal.store.passwords[owner] = "another"
    assert (await browser.get(f"/sessions/{name}/open")).headers["location"].endswith("TOKEN0001")
    assert portal.guacamole.alive == {"TOKEN0001"}


async def test_two_browsers_have_a_token_each(portal: Portal, browser: Browser) -> None:
    other = portal.browser()
    for visitor in (browser, other):
        await visitor.get(f"/sessions/{await ready(portal, visitor)}/open")
    assert portal.guacamole.alive == {"TOKEN0000", "TOKEN0001"}


async def test_a_token_cookie_of_another_browser_is_ignored(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    await browser.get(f"/sessions/{name}/open")
    stolen = browser.cookies[BrowserTokens.COOKIE]
    other = portal.browser()
    foreign = await ready(portal, other)
    other.cookies.set(BrowserTokens.COOKIE, stolen, path="/sessions")
    portal.restart()
    assert (await other.get(f"/sessions/{foreign}/open")).headers["location"].endswith("TOKEN0001")
    assert "TOKEN0000" in portal.guacamole.alive, "the other browser stays signed in"


async def test_the_token_is_in_no_page_and_in_no_log(
    portal: Portal, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        name = await ready(portal, browser)
        opened = await browser.get(f"/sessions/{name}/open")
        assert "TOKEN" not in opened.text
        for address in ("/", "/sessions", f"/sessions/{name}", f"/sessions/{name}/progress"):
            text = (await browser.get(address)).text
            assert "TOKEN" not in text, address
            assert "secret-of-" not in text, address
    assert "TOKEN" not in caplog.text
    assert "secret-of-" not in caplog.text


async def test_the_token_cookie_goes_to_session_pages_only(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    answer = await browser.get(f"/sessions/{name}/open")
    (line,) = [line.lower() for line in answer.headers.get_list("set-cookie") if line.startswith(BrowserTokens.COOKIE)]
    assert "path=/sessions" in line
    assert "httponly" in line
    assert "samesite=lax" in line


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/guacamole/#/client/x",
        "http://portal.test.evil/guacamole/#/",
        "http://portal.test/elsewhere/#/",
    ],
)
async def test_the_token_is_never_sent_to_another_site(portal: Portal, browser: Browser, url: str) -> None:
    name = await browser.start()
    portal.store.make_ready(name, url)
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 503
    assert "PUBLIC_URL" in answer.text
    assert not portal.guacamole.made


async def test_guacamole_being_away_is_explained_with_a_way_to_try_again(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    portal.guacamole.failure = Unavailable("Guacamole does not answer. Try again in a moment.", System.GUACAMOLE)
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 503
    assert "Guacamole does not answer" in answer.text
    assert f'href="/sessions/{name}/open">Try again' in answer.text
    portal.guacamole.failure = None
    assert (await browser.get(f"/sessions/{name}/open")).status_code == 303


async def test_a_refused_sign_in_is_explained(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    portal.guacamole.refuses.add(portal.store.objects[name]["spec"]["owner"])
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 502
    assert "Guacamole refused the sign-in" in answer.text


async def test_a_refused_password_is_not_sent_again_at_once() -> None:
    guacamole, now = FakeGuacamole(), 0.0
    # Guacamole bans an address after a few refusals, and the portal has one address for everybody.
    tokens = BrowserTokens(guacamole, Signer(KEY), Site(secure=False), clock=lambda: now)
    request = Request({"type": "http", "headers": []})
    visitor = Visitor("guest-a", "guest-a", known=True)
    guacamole.refuses.add("guest-a")
    for _ in range(5):
        with pytest.raises(Unauthorised):
            await tokens.token(request, visitor, UserCredentials("guest-a", "old"))
    assert guacamole.attempts == 1
    guacamole.refuses.clear()
    assert await tokens.token(request, visitor, UserCredentials("guest-a", "new")) == "TOKEN0000"
    assert guacamole.attempts == 2, "another password is sent at once"
    guacamole.alive.clear()
    now = 91.0
    assert await tokens.token(request, visitor, UserCredentials("guest-a", "old")) == "TOKEN0001"


async def test_a_missing_sign_in_is_explained(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    portal.store.passwords.clear()
    answer = await browser.get(f"/sessions/{name}/open")
    assert answer.status_code == 503
    assert "there is no sign-in for it yet" in answer.text


async def test_stop_ends_the_session_and_shows_it_ending(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    await browser.see("/")
    answer = await browser.submit(f"/sessions/{name}/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#sessions")
    assert "deletionTimestamp" in portal.store.objects[name]["metadata"]
    page = (await browser.get("/")).text
    assert 'data-state="ending"' in page
    assert f"/sessions/{name}/open" not in page
    assert f"/sessions/{name}/stop" not in page


async def test_the_last_stop_signs_out(portal: Portal, browser: Browser) -> None:
    first, second = await ready(portal, browser), await ready(portal, browser)
    await browser.get(f"/sessions/{first}/open")
    await browser.submit(f"/sessions/{first}/stop")
    assert portal.guacamole.alive == {"TOKEN0000"}, "the other session may still be open"
    await browser.submit(f"/sessions/{second}/stop")
    assert not portal.guacamole.alive
    assert BrowserTokens.COOKIE not in browser.cookies


async def test_stop_works_while_guacamole_is_away(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    await browser.get(f"/sessions/{name}/open")
    portal.guacamole.failure = Unavailable("Guacamole does not answer.", System.GUACAMOLE)
    assert (await browser.submit(f"/sessions/{name}/stop")).status_code == 303
    assert "deletionTimestamp" in portal.store.objects[name]["metadata"]
