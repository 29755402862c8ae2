"""A session's page says how many are in it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

PLACE = 'data-life="users"'


@pytest.mark.parametrize(
    ("users", "words"),
    [
        (0, "It is open in no browser now."),
        (1, "It is open in one browser now."),
        (3, "It is open in 3 browsers now."),
    ],
)
async def test_a_page_says_how_many_are_in(portal: Portal, browser: Browser, users: int, words: str) -> None:
    name = await browser.start()
    portal.store.make_ready(name)
    portal.store.objects[name]["status"]["activity"] = {"users": users}
    assert words in (await browser.see(f"/sessions/{name}?stay=yes")).text


async def test_nothing_is_said_where_nothing_is_known(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_ready(name)
    assert PLACE not in (await browser.see(f"/sessions/{name}?stay=yes")).text
    portal.store.make_starting(name)
    portal.store.objects[name]["status"]["activity"] = {"users": 1}
    assert PLACE not in (await browser.see(f"/sessions/{name}")).text
