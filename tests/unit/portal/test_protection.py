"""Other people and other sites can neither see nor change a visitor's sessions."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.identity import AnonymousIdentifier
from unit.portal.portals import Portal

if TYPE_CHECKING:
    import httpx

    from unit.portal.portals import Browser


def cookie_line(answer: httpx.Response, name: str) -> str:
    """Return the Set-Cookie header of a cookie, in lower case."""
    (line,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(name + "=")]
    return line.lower()


async def test_a_form_without_its_token_does_nothing(portal: Portal, browser: Browser) -> None:
    await browser.see("/")
    for token in ("", "made-up", browser.csrf[:-1]):
        answer = await browser.post("/sessions", data={"csrf": token, "sample": "shopping_cart.blend"})
        assert answer.status_code == 403
    assert not portal.store.objects


async def test_a_token_of_another_browser_does_not_fit(portal: Portal, browser: Browser) -> None:
    other = portal.browser()
    await other.see("/")
    await browser.see("/")
    browser.csrf = other.csrf
    assert (await browser.submit("/sessions", sample="shopping_cart.blend")).status_code == 403
    assert not portal.store.objects


async def test_a_form_without_our_cookie_does_nothing(portal: Portal, browser: Browser) -> None:
    await browser.see("/")
    browser.cookies.clear()
    assert (await browser.submit("/sessions", sample="shopping_cart.blend")).status_code == 403
    assert not portal.store.objects


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_sent_by_another_site_does_nothing(portal: Portal, browser: Browser, site: str) -> None:
    name = await browser.start()
    for address in ("/sessions", f"/sessions/{name}/stop"):
        answer = await browser.post(address, data={"csrf": browser.csrf}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]


async def test_the_visitors_cookie_is_no_token(portal: Portal, browser: Browser) -> None:
    await browser.see("/")
    browser.csrf = browser.cookies[AnonymousIdentifier.COOKIE]
    assert (await browser.submit("/sessions", sample="")).status_code == 403
    assert not portal.store.objects


async def test_stop_needs_the_token(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    assert (await browser.post(f"/sessions/{name}/stop")).status_code == 403
    assert (await browser.get(f"/sessions/{name}/stop")).status_code == 405
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]


async def test_a_session_is_seen_by_its_own_browser_only(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_ready(name)
    other = portal.browser()
    await other.start()
    stranger = portal.browser()
    for visitor in (other, stranger):
        for address in (f"/sessions/{name}", f"/sessions/{name}/progress", f"/sessions/{name}/open"):
            assert (await visitor.get(address)).status_code == 404, address
    assert (await other.submit(f"/sessions/{name}/stop")).status_code == 404
    for address in ("/", "/sessions"):
        assert name not in (await other.get(address)).text
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]
    assert not portal.guacamole.made


async def test_a_session_of_another_and_none_look_alike(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    other = portal.browser()
    await other.see("/")
    foreign, missing = await other.get(f"/sessions/{name}"), await other.get("/sessions/nobody-has-this")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text


async def test_a_tampered_cookie_is_a_new_visitor(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    owner = portal.store.objects[name]["spec"]["owner"]
    value = browser.cookies[AnonymousIdentifier.COOKIE]
    # The last character is not changed, since some of its bits are unused.
    changed = value[:-5] + ("A" if value[-5] != "A" else "B") + value[-4:]
    for forged in (changed, f'"{owner}"', owner, "x." + value, ""):
        browser.cookies.clear()
        browser.cookies.set(AnonymousIdentifier.COOKIE, forged)
        page = await browser.get("/")
        assert page.status_code == 200
        assert name not in page.text
        assert (await browser.get(f"/sessions/{name}")).status_code == 404


async def test_the_cookie_survives_a_restart(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.restart()
    assert (await browser.get(f"/sessions/{name}")).status_code == 200


async def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    line = cookie_line(await browser.get("/"), AnonymousIdentifier.COOKIE)
    assert "httponly" in line
    assert "samesite=lax" in line
    assert "secure" not in line, "browsers send no secure cookie over http"


async def test_cookies_stay_on_https_where_there_is_https(portal: Portal) -> None:
    safe = Portal(portal.store, portal.guacamole, portal.samples_dir, public_url="https://portal.test/")
    browser = safe.browser()
    try:
        line = cookie_line(await browser.get("/"), AnonymousIdentifier.HOST_COOKIE)
        # Browsers take a cookie of this name only so, and no sibling host can set it.
        assert "; secure" in line
        assert "; path=/;" in line
        assert "domain" not in line
        name = await browser.start()
        assert (await browser.get(f"/sessions/{name}")).status_code == 200
        planted = browser.cookies[AnonymousIdentifier.HOST_COOKIE]
        browser.cookies.clear()
        browser.cookies.set(AnonymousIdentifier.COOKIE, planted)
        assert (await browser.get(f"/sessions/{name}")).status_code == 404
    finally:
        await safe.close()


async def test_a_cookie_that_was_not_used_for_a_month_is_no_proof(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await browser.start()
    start, day = time.time(), 24 * 3600.0

    def later(days: float) -> None:
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda: start + days * day)

    later(29)
    assert (await browser.get(f"/sessions/{name}")).status_code == 200, "each visit renews it"
    later(58)
    old = browser.cookies[AnonymousIdentifier.COOKIE]
    assert (await browser.get(f"/sessions/{name}")).status_code == 200
    later(29 + 31)
    thief = portal.browser()
    thief.cookies.set(AnonymousIdentifier.COOKIE, old)
    assert (await thief.get(f"/sessions/{name}")).status_code == 404


async def test_every_answer_has_the_headers_that_protect_it(browser: Browser) -> None:
    name = await browser.start()
    for address in ("/", f"/sessions/{name}", "/nowhere", "/view", "/static/portal.js", "/healthz"):
        headers = (await browser.get(address)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == ("public, max-age=86400" if "static" in address else "no-store")


async def test_pages_hold_no_inline_script_or_style(browser: Browser) -> None:
    name = await browser.start()
    for address in ("/", f"/sessions/{name}", "/view?blender_file=fire_extinguisher.blend"):
        text = (await browser.get(address)).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script src="/static/')


async def test_a_body_that_is_too_large_is_refused(portal: Portal, browser: Browser) -> None:
    await browser.see("/")
    answer = await browser.submit("/sessions", sample="x" * 100_000)
    assert answer.status_code == 413
    assert not portal.store.objects


async def test_static_files_stay_in_their_folder(browser: Browser) -> None:
    for address in ("/static/../settings.py", "/static/%2e%2e/settings.py", "/static/thumbnails/../samples.yaml"):
        assert (await browser.get(address)).status_code == 404


async def test_the_access_log_has_no_query(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="blendersessions_portal"):
        await browser.get("/view?blender_file=planted-in-the-query")
        await browser.get("/healthz")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("blendersessions_portal")]
    assert [line for line in lines if line.startswith("GET '/view' 400")]
    assert not [line for line in lines if "planted" in line or "healthz" in line]


async def test_the_log_names_who_made_and_stopped_a_session(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="blendersessions_portal"):
        name = await browser.start()
        await browser.get(f"/sessions/{name}/progress")
        await browser.submit(f"/sessions/{name}/stop")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("blendersessions_portal")]
    assert any(line.startswith(f"Session {name} was made for guest-") for line in lines)
    assert any(line.startswith(f"Session {name} was stopped by guest-") for line in lines)
    assert not any("progress" in line for line in lines), "a request that changes nothing is not logged"


async def test_health(browser: Browser) -> None:
    answer = await browser.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert "set-cookie" not in answer.headers
