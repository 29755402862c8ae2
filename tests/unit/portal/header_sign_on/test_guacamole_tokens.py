"""A token of Guacamole's is used by its own person alone, and ends with the person's time at a browser."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import System, Unavailable
from blendersessions_portal.browser_cookie import BrowserCookie
from unit.portal.header_sign_on.people import USER, ask, change, person
from waiting import until_set

if TYPE_CHECKING:
    from unit.portal.portals import Portal


async def test_the_proxy_learns_whose_request_it_has(portal: Portal) -> None:
    answer = await ask(person(portal, "alice"))
    assert (answer.status_code, answer.headers["x-person"]) == (200, "alice")
    nobody = await ask(portal.browser())
    assert nobody.status_code == 401
    assert "x-person" not in nobody.headers


async def test_a_token_is_used_by_its_own_person_alone(portal: Portal) -> None:
    token = portal.guacamole.token_of("alice")
    alice, bob = person(portal, "alice"), person(portal, "bob")
    assert (await ask(alice, token)).status_code == 200
    assert (await ask(bob, token)).status_code == 403
    assert portal.guacamole.alive == set(), "a token that another person shows has ended"


async def test_guacamoles_administrator_has_no_use_of_a_token_here(portal: Portal) -> None:
    token = portal.guacamole.token_of("guacadmin")
    assert (await ask(person(portal, "guacadmin"), token)).status_code == 403


async def test_guacamole_itself_answers_a_dead_token(portal: Portal) -> None:
    assert (await ask(person(portal, "alice"), "DEAD")).status_code == 200


async def test_the_token_of_an_address_is_read_as_guacamole_reads_it(portal: Portal) -> None:
    alice, bob = portal.guacamole.token_of("alice"), portal.guacamole.token_of("bob")
    browser = person(portal, "bob")
    browser.headers["X-Guacamole-Query"] = f"connect&token={bob}&GUAC_ID=1"
    assert (await ask(browser, bob)).status_code == 200
    browser.headers["X-Guacamole-Query"] = f"GUAC_ID=1&t%6Fken=%{ord(alice[0]):02x}{alice[1:]}"
    assert (await ask(browser)).status_code == 403
    assert portal.guacamole.alive == {bob}, "who shows another person's token ends it"


async def test_a_browser_that_begins_at_guacamoles_page_is_signed_out_like_others(portal: Portal) -> None:
    change(portal, sign_out_url="/out")
    browser, token = person(portal, "alice"), portal.guacamole.token_of("alice")
    assert (await ask(browser)).headers["set-cookie"].startswith(f"{BrowserCookie.COOKIE}=")
    await ask(browser, token)
    await browser.see("/")
    await browser.submit("/sign-out")
    assert portal.guacamole.alive == set()


@pytest.mark.parametrize("page", ["/", "/sign-in"])
async def test_a_desktop_of_whoever_used_the_browser_before_is_closed(portal: Portal, page: str) -> None:
    browser, token = person(portal, "alice"), portal.guacamole.token_of("alice")
    await browser.get("/")
    await ask(browser, token)
    browser.headers[USER] = "bob"
    await browser.get(page)
    await until_set("the token has ended", portal.guacamole.all_ended)


async def test_a_token_that_nobody_can_say_whose_it_is_opens_nothing(portal: Portal) -> None:
    token = portal.guacamole.token_of("alice")
    portal.guacamole.failure = Unavailable("Guacamole does not answer.", System.GUACAMOLE)
    assert (await ask(person(portal, "bob"), token)).status_code == 503


async def test_a_token_that_could_not_be_ended_ends_at_the_next_word(portal: Portal) -> None:
    change(portal, sign_out_url="/out")
    browser, token = person(portal, "alice"), portal.guacamole.token_of("alice")
    await browser.see("/")
    await ask(browser, token)
    portal.guacamole.failure = Unavailable("Guacamole does not answer.", System.GUACAMOLE)
    assert (await browser.submit("/sign-out")).status_code == 200
    portal.guacamole.failure = None
    await browser.see("/")
    await browser.submit("/sign-out")
    assert portal.guacamole.alive == set()


async def test_no_line_of_the_log_holds_a_token(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    change(portal, sign_out_url="/out")
    token = portal.guacamole.token_of("alice")
    browser = person(portal, "alice")
    await browser.see("/")
    await ask(browser, token)
    await ask(person(portal, "bob"), token)
    await browser.submit("/sign-out")
    assert token not in caplog.text
