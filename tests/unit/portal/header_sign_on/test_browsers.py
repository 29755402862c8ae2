"""Forms, cookies and words of a browser belong to the person who is signed in there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.browser_cookie import BrowserCookie
from blendersessions_portal.sign_on_settings import SignOnSettings
from unit.portal.header_sign_on.people import USER, ask, change, person

if TYPE_CHECKING:
    from unit.portal.portals import Portal


async def test_a_form_belongs_to_the_person_and_the_browser(portal: Portal) -> None:
    browser, other = person(portal, "alice"), person(portal, "alice")
    await browser.see("/")
    await other.see("/")
    other.csrf = browser.csrf
    assert (await other.submit("/sessions", sample="")).status_code == 403, "another browser of the same person"
    browser.headers[USER] = "bob"
    assert (await browser.submit("/sessions", sample="")).status_code == 403, "the page was made for alice"
    browser.headers[USER] = "alice"
    assert (await browser.submit("/sessions", sample="")).status_code == 303


@pytest.mark.parametrize("value", ["", "older-version", "eyJhIjoxfQ.x.y", "\xff"])
async def test_a_cookie_of_another_version_is_replaced(portal: Portal, value: str) -> None:
    browser = person(portal, "alice")
    answer = await browser.get("/", headers={"Cookie": f"{BrowserCookie.COOKIE}={value}".encode("latin-1")})  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert f"{BrowserCookie.COOKIE}=" in answer.headers["set-cookie"]


async def test_a_guests_cookie_opens_nothing_where_people_sign_in(portal: Portal) -> None:
    portal.sign_on = SignOnSettings()
    portal.restart()
    guest = portal.browser()
    name = await guest.start()
    change(portal)
    guest.headers[USER] = "alice"
    assert (await guest.get(f"/sessions/{name}")).status_code == 404


async def test_where_https_is_the_cookies_are_of_this_host_alone(portal: Portal) -> None:
    portal.public_url = "https://portal.test/"
    portal.restart()
    answer = await person(portal, "alice").get("/")
    (line,) = answer.headers.get_list("set-cookie")
    assert line.startswith("__Host-blender-browser=")
    assert all(word in line for word in ("Path=/", "Secure", "HttpOnly", "SameSite=lax"))
    assert "Domain" not in line


async def test_opening_needs_no_password_and_puts_no_token_into_the_link(portal: Portal) -> None:
    browser = person(portal, "alice")
    name = await browser.start()
    portal.store.make_ready(name)
    portal.store.passwords.clear()
    page = await browser.get(f"/sessions/{name}/open")
    assert page.status_code == 200
    assert 'data-target="http://portal.test/guacamole/#/client/MQBjAHBvc3RncmVzcWw"' in page.text
    assert "alice" not in page.text.partition("<main")[2], "the word that the browser keeps names nobody"
    assert portal.guacamole.made == []


async def test_the_word_that_the_browser_keeps_changes_with_the_person(portal: Portal) -> None:
    words = set()
    for who in ("alice", "alice", "bob"):
        browser = person(portal, who)
        name = await browser.start()
        portal.store.make_ready(name)
        words.add((await browser.get(f"/sessions/{name}/open")).text.partition('data-person="')[2][:32])
    assert len(words) == 2


async def test_the_word_changes_when_the_user_was_made_anew(portal: Portal) -> None:
    """Guacamole's page has a token of the former user then, which opens nothing."""
    browser = person(portal, "alice")
    words = []
    for password in ("first", "first", "second"):
        name = await browser.start()
        portal.store.make_ready(name)
        portal.store.passwords["alice"] = password
        words.append((await browser.get(f"/sessions/{name}/open")).text.partition('data-person="')[2][:32])
    assert words[0] == words[1] != words[2]


async def test_no_page_speaks_of_one_browser_alone(portal: Portal) -> None:
    browser = person(portal, "alice")
    for address in ("/", "/artists", "/sessions/nobody-has-this"):
        text = (await browser.get(address)).text
        assert "Only this browser" not in text
        assert "another browser" not in text
        assert "Only you can see your sessions" in text


async def test_signing_out_ends_the_tokens_of_this_browser_alone(portal: Portal) -> None:
    change(portal, sign_out_url="https://id.test/sign_out")
    laptop, tablet = person(portal, "alice"), person(portal, "alice")
    tokens = [portal.guacamole.token_of("alice") for _ in range(3)]
    for browser, token in ((laptop, tokens[0]), (laptop, tokens[1]), (tablet, tokens[2])):
        page = await browser.see("/")
        assert "Sign out" in page.text
        assert (await ask(browser, token)).status_code == 200
    answer = await laptop.submit("/sign-out")
    assert '<meta http-equiv="refresh" content="0; url=https://id.test/sign_out">' in answer.text
    assert "Sign out" not in answer.text
    assert answer.headers["clear-site-data"] == '"storage"'
    assert portal.guacamole.alive == {tokens[2]}


async def test_signing_out_needs_the_forms_token(portal: Portal) -> None:
    token = portal.guacamole.token_of("alice")
    browser = person(portal, "alice")
    await ask(browser, token)
    assert (await browser.post("/sign-out")).status_code == 403
    assert portal.guacamole.alive == {token}


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/guacamole/", "/guacamole/"),
        ("/view?blender_file=a.blend", "/view?blender_file=a.blend"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("/a\\b", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("/" + "a" * 511, "/" + "a" * 511),
        ("/" + "a" * 512, "/"),
        ("", "/"),
    ],
)
async def test_signing_in_leads_on_within_the_site_alone(portal: Portal, asked: str, target: str) -> None:
    answer = await person(portal, "alice").get("/sign-in", params={"next": asked})
    assert (answer.status_code, answer.headers["location"]) == (303, target)


async def test_there_are_no_such_pages_for_guests(portal: Portal) -> None:
    portal.sign_on = SignOnSettings()
    portal.restart()
    browser = person(portal, "alice")
    assert "Sign out" not in (await browser.get("/")).text
    for address in ("/internal/person", "/sign-in"):
        assert (await browser.get(address)).status_code == 404
    assert (await browser.post("/sign-out")).status_code == 404
