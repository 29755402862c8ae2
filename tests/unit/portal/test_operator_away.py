"""What was asked of a session while the operator is away: the page says so, and goes on when the operator is back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from unit.portal.fakes import NOW

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

WORDS = "the operator may not be running"


def asked(portal: Portal, name: str, seconds: float, **spec: object) -> None:
    """Have something asked of a session some seconds ago, which the operator has not noticed."""
    body = portal.store.objects[name]
    at = (NOW - timedelta(seconds=seconds)).isoformat()
    long_ago = (NOW - timedelta(days=1)).isoformat()
    body["metadata"] |= {
        "generation": 2,
        "managedFields": [
            {"subresource": "scale", "time": at},
            {"time": long_ago},
            {"subresource": "status", "time": NOW.isoformat()},
        ],
    }
    body["spec"] |= spec
    body["status"]["observedGeneration"] = 1


async def ready(portal: Portal, browser: Browser) -> str:
    name = await browser.start()
    portal.store.give_workspace(name)
    portal.store.make_ready(name)
    return name


@pytest.mark.parametrize(("seconds", "said"), [(5, False), (20, True)])
async def test_a_suspension_that_nobody_notices(portal: Portal, browser: Browser, seconds: float, said: bool) -> None:
    name = await ready(portal, browser)
    asked(portal, name, seconds, replicas=0)
    page = (await browser.get(f"/sessions/{name}/progress?stay=yes")).text
    assert (WORDS in page) is said
    assert 'data-state="suspending"' in page
    portal.store.objects[name]["status"]["observedGeneration"] = 2
    assert WORDS not in (await browser.get(f"/sessions/{name}/progress?stay=yes")).text


async def test_a_resumption_that_nobody_notices(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    portal.store.make_suspended(name, "Requested", generation=1)
    asked(portal, name, 20, replicas=1)
    page = (await browser.get(f"/sessions/{name}/progress?stay=yes")).text
    assert WORDS in page
    assert 'data-state="working"' in page


async def test_an_end_that_nobody_notices(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    asked(portal, name, 3600)
    portal.store.objects[name]["metadata"]["deletionTimestamp"] = (NOW - timedelta(seconds=20)).isoformat()
    page = (await browser.get(f"/sessions/{name}/progress?stay=yes")).text
    assert WORDS in page
    assert 'data-state="ending"' in page


async def test_a_desktop_that_runs_can_be_opened_all_the_same(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    asked(portal, name, 20, viewers=["bob"])
    assert f"/sessions/{name}/open" in (await browser.get(f"/sessions/{name}/progress?stay=yes")).text
