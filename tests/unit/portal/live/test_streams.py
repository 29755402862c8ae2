"""A stream sends the part of a page that changed, once, and to nobody else."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions_portal import live_pages, live_parts
from blendersessions_portal.rendering import Renderer
from blendersessions_portal.transfer_rules import TransferRules
from unit.portal.fakes import NOW
from unit.portal.live.streams import opened, ready, show
from waiting import until_set

if TYPE_CHECKING:
    from datetime import tzinfo

    from blendersessions_portal.session_cache import SessionCache
    from unit.portal.portals import Browser, Portal

CLASS = {"metadata": {"name": "default", "namespace": "blender"}, "spec": {}}


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates of the parts that were rendered."""
    seen: list[str] = []
    render = Renderer.part

    def recorded(renderer: Renderer, part: Any, csrf: str) -> str:  # noqa: ANN401 - as it came
        seen.append(part.template)
        return render(renderer, part, csrf)

    monkeypatch.setattr(Renderer, "part", recorded)
    return seen


async def test_the_part_comes_at_once_and_again_when_it_changes(portal: Portal, browser: Browser) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        assert 'data-state="ready"' in (await stream.next()).data
        portal.store.make_starting(portal.store.only)
        show(portal)
        assert 'data-state="working"' in (await stream.next()).data
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert "content-length" not in stream.headers


async def test_the_event_is_what_the_page_would_get_by_a_question(portal: Portal, browser: Browser) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        sent = await stream.next()
    asked = (await browser.get(address.replace("events", "progress"))).text
    assert sent.data.replace(sent.csrf, "") == asked.replace(_token_in(asked), "")
    async with opened(portal, browser, "/events") as stream:
        sent = await stream.next()
    asked = (await browser.get("/sessions")).text
    assert sent.data.replace(sent.csrf, "") == asked.replace(_token_in(asked), "")


def _token_in(text: str) -> str:
    return text.partition('name="csrf" value="')[2].partition('"')[0]


async def test_what_nobody_would_see_is_neither_rendered_nor_sent(
    portal: Portal, browser: Browser, cache: SessionCache, rendered: list[str]
) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        rendered.clear()
        body = portal.store.objects[portal.store.only]
        body["metadata"] |= {"resourceVersion": "7", "managedFields": [{}], "finalizers": ["a/b"]}
        show(portal)
        # Two statuses of a class, as the operator writes them when a desktop of the pool is taken.
        cache.put_class(CLASS | {"status": {"warmPool": {"ready": 1}}}, gone=False)
        cache.put_class(CLASS | {"status": {"warmPool": {"ready": 2}}}, gone=False)
        await portal.browser().start()
        show(portal)
        portal.store.make_failed(next(iter(portal.store.objects)))
        show(portal)
        assert 'data-state="failed"' in (await stream.next()).data
    assert rendered == ["_progress.html"]


async def test_a_part_that_says_the_same_in_the_end_is_not_sent_again(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of a session has an age, which its own page does not show."""
    monkeypatch.setattr(live_parts, "STEADY_SECONDS", 0.01)
    monkeypatch.setattr(live_parts, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(live_pages, "HEARTBEAT_SECONDS", 0.05)
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        ages = iter(range(10**6))
        monkeypatch.setattr("blendersessions_portal.lifetime_words.age", lambda *_moments: f"{next(ages)} minutes ago")
        for _ in range(3):
            await stream.next("beat")


async def test_many_changes_in_a_moment_are_one(portal: Portal, browser: Browser, rendered: list[str]) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        rendered.clear()
        for _ in range(50):
            portal.store.make_starting(portal.store.only)
            show(portal)
            portal.store.make_failed(portal.store.only)
            show(portal)
        assert 'data-state="failed"' in (await stream.next()).data
    assert rendered == ["_progress.html"]


async def test_a_page_that_is_open_often_is_rendered_once(
    portal: Portal, browser: Browser, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_parts, "MAX_WATCHERS_OF_ONE", 200)
    address = await ready(portal, browser)
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(opened(portal, browser, address)) for _ in range(200)]
        await asyncio.gather(*(stream.next() for stream in streams))
        portal.store.failure = Unavailable("nobody may ask the cluster", System.KUBERNETES)
        portal.store.make_failed(portal.store.only)
        show(portal)
        await asyncio.gather(*(stream.next() for stream in streams))
    assert rendered == ["_progress.html"] * 2


async def test_rules_of_a_class_that_change_are_shown(portal: Portal, browser: Browser, cache: SessionCache) -> None:
    await browser.see("/")
    await browser.submit("/sessions", upload="yes")
    portal.store.make_awaiting(portal.store.only)
    portal.store.rules_were_read = False
    show(portal)
    async with opened(portal, browser, f"/sessions/{portal.store.only}/events") as stream:
        assert "At most 2.1 GB" in (await stream.next()).data
        portal.store.limit_files(2**20)
        cache.put_class(CLASS | {"spec": {"transfer": {"maxBytes": "1Mi"}}}, gone=False)
        assert "At most 1.0 MB" in (await stream.next()).data
    assert not portal.store.rules_were_read, "only what is let through is decided by a request"
    portal.store.rules_of["default"] = TransferRules(upload=False)
    await browser.submit("/sessions", upload="yes")
    assert portal.store.rules_were_read


async def test_a_start_is_compared_with_those_of_everybody_without_a_request(portal: Portal, browser: Browser) -> None:
    for seconds in (2.4, 3.1, 40.0):
        name = await portal.browser().start()
        portal.store.make_ready(name)
        portal.store.note_start(name, seconds)
    name = await browser.start()
    portal.store.make_starting(name)
    show(portal)
    async with opened(portal, browser, f"/sessions/{name}/events") as stream:
        assert "A start usually takes 3 s." in (await stream.next()).data
        portal.store.failure = Unavailable("nobody may ask the cluster", System.KUBERNETES)
        portal.store.make_ready(name)
        show(portal)
        assert "usually takes" not in (await stream.next()).data


async def test_the_list_changes_with_each_session(portal: Portal, browser: Browser) -> None:
    async with opened(portal, browser, await _seen_home(browser)) as stream:
        assert "You have no sessions yet." in (await stream.next()).data
        name = await browser.start()
        show(portal)
        assert f'data-session="{name}"' in (await stream.next()).data
        portal.store.objects.clear()
        show(portal)
        assert "You have no sessions yet." in (await stream.next()).data


async def _seen_home(browser: Browser) -> str:
    await browser.see("/")
    return "/events"


async def test_a_session_that_is_gone_ends_its_stream_with_words(portal: Portal, browser: Browser) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        portal.store.objects.clear()
        show(portal)
        assert "This session was removed" in (await stream.next()).data
        await stream.end()


async def test_nobody_sees_the_sessions_of_others(portal: Portal, browser: Browser) -> None:
    address = await ready(portal, browser)
    other = portal.browser()
    mine = await ready(portal, other)
    async with opened(portal, other, address) as stream:
        await stream.end()
        assert stream.status == 404
    async with opened(portal, browser, "/events") as first, opened(portal, other, "/events") as second:
        for stream, own, foreign in ((first, address, mine), (second, mine, address)):
            text = (await stream.next()).data
            assert own.split("/")[2] in text
            assert foreign.split("/")[2] not in text


async def test_a_session_that_gets_another_owner_is_gone_for_the_first(portal: Portal, browser: Browser) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        portal.store.objects[portal.store.only]["spec"]["owner"] = "somebody-else"
        show(portal)
        assert "This session was removed" in (await stream.next()).data


async def test_a_browser_that_owns_nothing_is_not_kept(portal: Portal) -> None:
    async with opened(portal, portal.browser(), "/events") as stream:
        await stream.end()
    assert stream.status == 204, "a browser does not ask again after this"


async def test_the_tokens_of_a_stream_are_good_for_forms(portal: Portal, browser: Browser) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        browser.csrf = (await stream.next()).csrf
    assert (await browser.submit(f"/sessions/{portal.store.only}/stop")).status_code == 303


async def test_a_stream_says_that_it_lives(portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_pages, "HEARTBEAT_SECONDS", 0.01)
    async with opened(portal, browser, await ready(portal, browser)) as stream:
        await stream.next()
        await stream.next("beat")
        await stream.next("beat")


async def test_a_stream_does_not_last_for_ever(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_pages, "MAX_SECONDS", 0.0)
    async with opened(portal, browser, await ready(portal, browser)) as stream:
        await stream.next("again")
        await stream.end()


async def test_a_page_that_waits_says_so_in_other_words_after_some_time(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_parts, "CHANGING_SECONDS", 0.01)
    name = await browser.start()
    show(portal)
    async with opened(portal, browser, f"/sessions/{name}/events") as stream:
        await stream.next()

        class Later(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:  # noqa: ANN401 - the base class would return its own class
                return (NOW + timedelta(minutes=1)).astimezone(tz)

        monkeypatch.setattr("blendersessions_portal.rendering.datetime", Later)
        assert "the operator may not be running" in (await stream.next()).data


async def test_what_is_old_says_from_when_it_is(
    portal: Portal, browser: Browser, cache: SessionCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.freshness.GRACE_SECONDS", 0.0)
    monkeypatch.setattr(cache.sessions, "_now", lambda: NOW)
    cache.sessions.listed()
    async with opened(portal, browser, await ready(portal, browser)) as stream:
        assert "out of date" not in (await stream.next()).data
        cache.sessions.ended(Unavailable("away", System.KUBERNETES))
        assert "no news from the cluster since 12:00 UTC" in (await stream.next()).data
        cache.sessions.heard()
        assert "out of date" not in (await stream.next()).data


async def test_without_a_watch_there_is_no_stream(portal: Portal, browser: Browser, cache: SessionCache) -> None:
    address = await ready(portal, browser)
    refused = Unauthorised("You may not watch.", System.KUBERNETES)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        cache.sessions.ended(refused)
        await stream.next("closed")
    async with opened(portal, browser, address) as stream:
        await stream.end()
    assert (stream.status, stream.headers["retry-after"]) == (503, "15")
    cache.close()


async def test_the_end_of_the_portal_ends_the_streams(portal: Portal, browser: Browser) -> None:
    async with opened(portal, browser, await ready(portal, browser)) as stream:
        await stream.next()
        portal.app.live.close()
        await stream.next("closed")
        await stream.end()


async def test_one_person_and_all_together_have_so_many_streams(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_parts, "MAX_WATCHERS_OF_ONE", 2)
    monkeypatch.setattr(live_parts, "MAX_WATCHERS", 3)
    address, other = await ready(portal, browser), portal.browser()
    mine = await ready(portal, other)
    async with opened(portal, browser, address) as first, opened(portal, browser, "/events"):
        await first.next()
        async with opened(portal, browser, address) as third:
            await third.end()
        assert (third.status, third.headers["retry-after"]) == (429, "60")
        async with opened(portal, other, mine) as stream:
            await stream.next()
            async with opened(portal, other, mine) as one_more:
                await one_more.end()
            assert (one_more.status, one_more.headers["retry-after"]) == (503, "60")
    assert portal.app.live.count == 0, "tabs that were closed leave nothing"
    async with opened(portal, other, mine) as stream:
        await stream.next()


async def test_a_browser_that_takes_nothing_is_dropped(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_pages, "SEND_SECONDS", 0.01)
    async with opened(portal, browser, await ready(portal, browser)) as stream:
        await stream.next()
        stream.takes.clear()
        portal.store.make_failed(portal.store.only)
        show(portal)
        await stream.served()
    assert portal.app.live.count == 0


async def test_a_fault_of_ours_does_not_end_a_stream(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = await ready(portal, browser)
    async with opened(portal, browser, address) as stream:
        await stream.next()
        failed = asyncio.Event()

        def fail(*_parts: object, **_more: object) -> None:
            failed.set()
            raise ZeroDivisionError("a fault of ours")

        with monkeypatch.context() as patch:
            patch.setattr(Renderer, "session_part", fail)
            portal.store.make_starting(portal.store.only)
            show(portal)
            await until_set("it was to be rendered", failed)
        portal.store.make_failed(portal.store.only)
        show(portal)
        assert 'data-state="failed"' in (await stream.next()).data
    assert "a fault of ours" in caplog.text
