"""A session's page says when and why its desktop ended in this run, if nobody ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

MESSAGE = "The desktop needed more memory than its limit of 4Gi, and was ended."


async def page(portal: Portal, browser: Browser, **more: object) -> str:
    name = await browser.start()
    portal.store.make_ready(name)
    portal.store.objects[name]["status"] |= more
    return (
        (await browser.see(f"/sessions/{name}?stay=yes")).text.partition('<ul class="life">')[2].partition("</ul>")[0]
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("OutOfMemory", "Your desktop was restarted at 11:31 UTC, because its memory was full. " + MESSAGE),
        ("Evicted", "Your desktop was replaced at 11:31 UTC, because its place was taken away. " + MESSAGE),
        ("NodeLost", "Your desktop was replaced at 11:31 UTC, because its machine did not answer. " + MESSAGE),
        ("BlenderFailed", "Your desktop was restarted at 11:31 UTC. " + MESSAGE),
    ],
)
async def test_the_reason_and_the_limit_are_shown(portal: Portal, browser: Browser, reason: str, words: str) -> None:
    end = {"reason": reason, "message": MESSAGE, "at": "2026-11-24T11:31:00Z"}
    shown = await page(portal, browser, lastTermination=end, startedAt="2026-11-24T11:00:00Z")
    assert words in shown
    assert shown.count('href="/artists"') == 2


async def test_an_end_of_another_day_has_its_date(portal: Portal, browser: Browser) -> None:
    end = {"reason": "OutOfMemory", "message": MESSAGE, "at": "2026-11-22T23:59:00Z"}
    assert "at 23:59 UTC on 22 November," in await page(portal, browser, lastTermination=end)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"lastTermination": {"reason": "OutOfMemory"}},
        {
            "lastTermination": {"reason": "OutOfMemory", "message": MESSAGE, "at": "2026-11-24T10:00:00Z"},
            "startedAt": "2026-11-24T11:00:00Z",
        },
    ],
    ids=["nothing", "without a time", "before the last resume"],
)
async def test_what_did_not_happen_in_this_run_is_not_shown(
    portal: Portal, browser: Browser, more: dict[str, object]
) -> None:
    assert 'data-life="restart"' not in await page(portal, browser, **more)


async def test_a_suspended_session_shows_no_restart(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_suspended(name, "Idle")
    end = {"reason": "OutOfMemory", "message": MESSAGE, "at": "2026-11-24T11:31:00Z"}
    portal.store.objects[name]["status"]["lastTermination"] = end
    assert 'data-life="restart"' not in (await browser.see(f"/sessions/{name}")).text
