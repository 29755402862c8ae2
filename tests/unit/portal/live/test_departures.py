"""Whoever signs out, or is signed out, has no stream any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal import live_pages
from blendersessions_portal.openid.sign_ons import SignOns
from openid_provider import Provider, running_provider
from unit.portal.header_sign_on import people
from unit.portal.header_sign_on.people import person
from unit.portal.live.streams import opened, show
from unit.portal.openid import signing_in
from unit.portal.openid.signing_in import ALICE, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clock import Clock
    from unit.portal.portals import Browser, Portal


@pytest.fixture
def by_header(portal: Portal) -> Portal:
    """A portal in which people are who a proxy says."""
    portal.sign_on, portal.peer = people.settings(sign_out_url="https://sso.example.org/out"), people.PROXY
    portal.restart()
    return portal


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as provider:
        provider.person = dict(ALICE)
        yield provider


@pytest.fixture
def by_openid(
    portal: Portal, provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> Portal:
    """A portal in which people sign in at a provider, and whose sign-ons end by a clock."""
    monkeypatch.setattr(
        "blendersessions_portal.openid.build.SignOns", lambda seconds, _clock: SignOns(seconds, clock=clock)
    )
    portal.sign_on = signing_in.settings(provider, tmp_path)
    portal.restart()
    return portal


async def test_a_sign_out_by_header_closes_the_streams_of_that_browser_alone(by_header: Portal) -> None:
    here, there = person(by_header, "alice"), person(by_header, "alice")
    for browser in (here, there):
        await browser.see("/")
    async with opened(by_header, here, "/events") as ends, opened(by_header, there, "/events") as goes_on:
        await ends.next()
        await goes_on.next()
        assert (await here.submit("/sign-out")).status_code == 200
        await ends.next("out")
        await ends.end()
        await there.start()
        show(by_header)
        assert "data-session" in (await goes_on.next()).data


async def test_another_person_in_the_browser_closes_the_streams_of_the_first(by_header: Portal) -> None:
    browser = person(by_header, "alice")
    await browser.see("/")
    async with opened(by_header, browser, "/events") as stream:
        await stream.next()
        browser.headers["X-Forwarded-User"] = "bob"
        await browser.see("/")
        await stream.next("out")


async def test_a_page_from_an_address_that_is_not_trusted_has_no_stream(by_header: Portal) -> None:
    browser = person(by_header, "alice")
    await browser.see("/")
    by_header.peer = "192.0.2.1"
    async with opened(by_header, browser, "/events") as stream:
        await stream.end()
    assert stream.status == 401


async def test_two_browsers_of_a_person_have_tokens_of_their_own(by_header: Portal) -> None:
    here, there = person(by_header, "alice"), person(by_header, "alice")
    await there.see("/")
    name = await here.start()
    show(by_header)
    async with opened(by_header, here, "/events") as first, opened(by_header, there, "/events") as second:
        here.csrf, there.csrf = (await first.next()).csrf, (await second.next()).csrf
    forged, there.csrf = there.csrf, here.csrf
    assert (await there.submit(f"/sessions/{name}/stop")).status_code == 403
    there.csrf = forged
    assert (await there.submit(f"/sessions/{name}/stop")).status_code == 303


async def test_a_sign_out_closes_the_stream(by_openid: Portal) -> None:
    browser = by_openid.browser()
    await signed_in(browser)
    await browser.see("/")
    async with opened(by_openid, browser, "/events") as stream:
        await stream.next()
        await browser.submit("/sign-out")
        await stream.next("out")
        await stream.end()
    async with opened(by_openid, browser, "/events") as stream:
        await stream.end()
    assert stream.status == 401


async def test_the_provider_closes_the_stream(by_openid: Portal, provider: Provider) -> None:
    browser = by_openid.browser()
    await signed_in(browser)
    async with opened(by_openid, browser, "/events") as stream:
        await stream.next()
        await end_at_provider(browser, provider)
        await stream.next("out")


async def end_at_provider(browser: Browser, provider: Provider) -> None:
    query = {"iss": provider.url, "sid": ALICE["sid"]}
    assert (await browser.get("/sign-on/front-channel", params=query)).status_code == 200


async def test_a_sign_on_that_is_over_closes_the_stream(
    by_openid: Portal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_pages, "HEARTBEAT_SECONDS", 0.01)
    browser = by_openid.browser()
    await signed_in(browser)
    async with opened(by_openid, browser, "/events") as stream:
        await stream.next()
        await stream.next("beat")
        clock.now += by_openid.sign_on.openid_max_age_seconds
        while (await stream.next(None)).kind == "beat":
            pass
        assert stream.events[-1].kind == "out"


async def test_a_stream_wakes_when_the_sign_on_is_over(by_openid: Portal, clock: Clock) -> None:
    browser = by_openid.browser()
    await signed_in(browser)
    clock.now += by_openid.sign_on.openid_max_age_seconds - 0.05
    async with opened(by_openid, browser, "/events") as stream:
        await stream.next()
        clock.now += 0.05
        await stream.next("beat")
        await stream.next("out")
