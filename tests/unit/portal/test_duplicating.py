"""Another session like one: the same scene, class, screen and input, and none of its files."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.session_view import OWNER_HASH_LABEL, owner_hash
from blendersessions_portal.transfer_rules import TransferRules

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from unit.portal.portals import Browser, Portal

SUM = "a" * 64
BUTTON = "Duplicate</button>"


async def duplicate(portal: Portal, browser: Browser, name: str) -> Manifest:
    """Duplicate a session by the button on its page, and return the new object."""
    await browser.see(f"/sessions/{name}?stay=yes")
    answer = await browser.submit(f"/sessions/{name}/duplicate")
    assert answer.status_code == 303, answer.text
    made = answer.headers["location"].removeprefix("/sessions/")
    assert made != name
    return portal.store.objects[made]


async def ready(portal: Portal, browser: Browser, **spec: object) -> str:
    """Return the name of a session that is ready, with these fields in its spec."""
    name = await browser.start("")
    portal.store.objects[name]["spec"] |= spec
    portal.store.make_ready(name)
    return name


@pytest.mark.parametrize(
    ("scene", "stem"),
    [
        ({"sample": "shopping_cart.blend"}, "shopping-cart-"),
        ({"url": "https://example.org/a/chair.blend", "sha256": SUM}, "chair-"),
        ({"volume": {"claimName": "lesson", "path": "week 1/lamp.blend"}}, "lamp-"),
        ({"upload": {}}, "your-file-"),
        ({}, "empty-scene-"),
    ],
)
async def test_the_new_session_asks_for_the_same(
    portal: Portal, browser: Browser, scene: dict[str, object], stem: str
) -> None:
    portal.store.allow_addresses()
    wanted: dict[str, object] = {
        "scene": scene,
        "display": {"width": 1920, "height": 1080, "colorDepth": 16, "readOnly": True},
        "input": {"emulateMiddleButton": False, "emulateNumpad": True},
    }
    name = await ready(portal, browser, **wanted)
    made = await duplicate(portal, browser, name)
    owner = portal.store.objects[name]["spec"]["owner"]
    assert made["spec"] == {"owner": owner} | {key: value for key, value in wanted.items() if value}
    assert made["metadata"]["labels"] == {OWNER_HASH_LABEL: owner_hash(owner)}
    assert made["metadata"]["namespace"] == portal.store.objects[name]["metadata"]["namespace"]
    assert re.fullmatch(stem + "[a-z0-9]{5}", made["metadata"]["name"])


async def test_what_the_class_decides_is_left_to_it(portal: Portal, browser: Browser) -> None:
    made = await duplicate(portal, browser, await ready(portal, browser))
    assert set(made["spec"]) == {"owner"}


async def test_nothing_else_is_taken_over(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser, viewers=["bob"], workspace={"claimName": "mine"}, lifetime={"maxAge": "8h"})
    portal.store.objects[name]["metadata"]["annotations"] = {"a": "b"}
    made = await duplicate(portal, browser, name)
    assert set(made["spec"]) == {"owner"}
    assert "annotations" not in made["metadata"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, ("Your work and your files stay in this session: they are not copied.",)),
        ({"scene": {"upload": {}}}, ("waits for your file", "they are not copied. Send the file again")),
        ({"workspace": {"size": "5Gi"}}, ("they are not copied", "The other session has no workspace")),
    ],
)
async def test_a_person_reads_first_that_files_are_not_copied(
    portal: Portal, browser: Browser, spec: dict[str, object], words: tuple[str, ...]
) -> None:
    name = await ready(portal, browser, **spec)
    page = html.unescape((await browser.see(f"/sessions/{name}?stay=yes")).text)
    question = page.partition(f'id="confirm-duplicate-{name}"')[2].partition("</form>")[0]
    for part in (*words, "Start another one</button>", f'action="/sessions/{name}/duplicate"'):
        assert part in question, part


async def test_the_button_is_there_while_a_session_runs_or_is_suspended(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    address = f"/sessions/{name}?stay=yes"
    for make, shown in (
        (portal.store.make_starting, False),
        (portal.store.make_ready, True),
        (portal.store.make_failed, False),
        (lambda name: portal.store.make_suspended(name, "Requested"), True),
    ):
        make(name)
        assert (BUTTON in (await browser.see(address)).text) is shown


async def test_the_limits_of_a_start_hold(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    for _ in range(portal.max_sessions - 1):
        await browser.start()
    await browser.see(f"/sessions/{name}?stay=yes")
    page = await browser.submit(f"/sessions/{name}/duplicate")
    assert page.status_code == 409
    assert 'then duplicate “<bdi dir="auto">Empty scene</bdi>”' in page.text
    assert f'action="/sessions/{name}/duplicate"' in page.text
    assert len(portal.store.objects) == portal.max_sessions
    other = next(each for each in portal.store.objects if each != name)
    assert (await browser.submit(f"/sessions/{other}/stop")).status_code == 303
    assert (await browser.submit(f"/sessions/{name}/duplicate")).status_code == 303, "by the button of that page"


async def test_no_place_for_anybody_is_told(portal: Portal, browser: Browser) -> None:
    name = await ready(portal, browser)
    portal.max_sessions_of_all = 1
    portal.restart()
    await browser.see(f"/sessions/{name}?stay=yes")
    page = await browser.submit(f"/sessions/{name}/duplicate")
    assert page.status_code == 503
    assert "All places for sessions of this page are taken." in page.text
    assert portal.store.only == name


@pytest.mark.parametrize(
    ("spec", "rules", "words"),
    [
        ({"className": "gpu"}, TransferRules(), "You may not start sessions of the class “gpu”."),
        ({"scene": {"upload": {}}}, TransferRules(upload=False), "your administrator has switched that off"),
        ({"scene": {"url": "https://example.org/a.blend"}}, TransferRules(), "fetches no files from addresses here"),
        ({"display": {"width": 9}}, TransferRules(), "there can be no other one like it"),
    ],
)
async def test_what_a_start_is_refused_for_is_refused(
    portal: Portal, browser: Browser, spec: dict[str, object], rules: TransferRules, words: str
) -> None:
    name = await ready(portal, browser, **spec)
    portal.store.rules_of["default"] = rules
    await browser.see("/")
    page = await browser.submit(f"/sessions/{name}/duplicate")
    assert page.status_code == 400
    assert words in page.text
    assert portal.store.only == name


async def test_only_the_owner_can_and_only_by_a_form_of_the_page(portal: Portal, browser: Browser) -> None:
    name, other = await ready(portal, browser), portal.browser()
    await other.start()
    await other.see("/")
    assert (await other.submit(f"/sessions/{name}/duplicate")).status_code == 404
    assert (await browser.get(f"/sessions/{name}/duplicate")).status_code == 405
    browser.csrf = "forged"
    assert (await browser.submit(f"/sessions/{name}/duplicate")).status_code == 403
    assert len(portal.store.objects) == 2
