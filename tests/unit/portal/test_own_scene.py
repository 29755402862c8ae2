"""A person opens a file of their own: sent by the browser, or fetched from an address."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.conditions import Reason
from blendersessions.model.errors import System, Unauthorised
from blendersessions_portal.scene_choice import SceneChoice, address, scene_in
from blendersessions_portal.transfer_rules import TransferRules, rules_in
from blendersessions_portal.wording import FAILURES

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

FILE = "https://example.org/scenes/K%C3%BCche.blend?version=2"


async def own_session(browser: Browser) -> str:
    await browser.see("/")
    answer = await browser.submit("/sessions", upload="yes")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/sessions/")


async def test_a_session_for_an_own_file_waits_for_it(portal: Portal, browser: Browser) -> None:
    assert 'name="upload" value="yes"' in (await browser.see("/")).text
    name = await own_session(browser)
    assert name.startswith("your-file-")
    assert portal.store.objects[name]["spec"]["scene"] == {"upload": {}}

    starting = unescape((await browser.see(f"/sessions/{name}")).text)
    assert 'data-open="no"' in starting
    assert "as soon as Blender runs" in starting

    portal.store.make_awaiting(name)
    for _ in range(2):
        page = unescape((await browser.see(f"/sessions/{name}")).text)
        assert "Blender waits for your file" in page
        assert 'data-open="yes"' in page
        assert f'action="/sessions/{name}/scene"' in page
        assert 'enctype="multipart/form-data"' in page
        assert "kubectl" not in page, "the operator's words are for people with kubectl"
        assert "http-equiv" not in page, "a refresh would forget the chosen file"
    assert 'data-state="awaiting"' in (await browser.get("/sessions")).text

    portal.store.make_ready(name)
    assert 'id="own-file"' not in (await browser.see(f"/sessions/{name}?stay=yes")).text


async def test_the_name_of_the_file_is_the_title_once_it_is_known(portal: Portal, browser: Browser) -> None:
    name = await own_session(browser)
    portal.store.make_ready(name)
    portal.store.objects[name]["status"]["scene"] = {"name": "<b>椅子</b>.blend"}
    page = (await browser.see(f"/sessions/{name}?stay=yes")).text
    assert "&lt;b&gt;椅子&lt;/b&gt;.blend" in page
    assert "<b>" not in page


async def test_a_file_from_an_address_needs_a_class_with_a_way_out(portal: Portal, browser: Browser) -> None:
    assert 'name="url"' not in (await browser.see("/")).text
    refused = await browser.submit("/sessions", url=FILE)
    assert (refused.status_code, portal.store.objects) == (400, {})
    assert "no way to the internet" in refused.text

    portal.store.rules_of["default"] = TransferRules(addresses=True)
    assert 'name="url"' in (await browser.see("/")).text
    answer = await browser.submit("/sessions", url=f" {FILE}\n")
    assert answer.status_code == 303
    assert portal.store.objects[portal.store.only]["spec"]["scene"] == {"url": FILE}
    assert portal.store.only.startswith("k-che-")
    assert "Küche.blend" in (await browser.get("/sessions")).text


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.blend",
        "https://user:word@example.org/a.blend",
        "https://",
        "https:///a.blend",
        "https://exa mple.org/a.blend",
        "https://[/a.blend",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://example.org/" + "a" * 2048,
        "https://example.org\\@internal/a.blend",
    ],
)
async def test_what_is_no_address_makes_nothing(portal: Portal, browser: Browser, url: str) -> None:
    portal.store.rules_of["default"] = TransferRules(addresses=True)
    await browser.see("/")
    answer = await browser.submit("/sessions", url=url)
    assert (answer.status_code, portal.store.objects) == (400, {})
    assert "https://example.org/scene.blend" in answer.text


def test_what_only_browsers_need_of_an_address_is_left_out() -> None:
    assert address("https://example.org/cart.blend#preview").url == "https://example.org/cart.blend"


async def test_a_scene_that_was_clicked_goes_before_an_address_in_the_field(portal: Portal, browser: Browser) -> None:
    await browser.see("/")
    await browser.submit("/sessions", url=FILE, sample="shopping_cart.blend")
    assert portal.store.objects[portal.store.only]["spec"]["scene"] == {"sample": "shopping_cart.blend"}


async def test_where_the_class_takes_no_files_the_page_says_so(portal: Portal, browser: Browser) -> None:
    portal.store.rules_of["default"] = TransferRules(upload=False)
    page = (await browser.see("/")).text
    assert "your administrator has switched that off" in page
    assert 'name="upload"' not in page
    assert (await browser.submit("/sessions", upload="yes")).status_code == 400
    assert not portal.store.objects


async def test_the_scenes_are_there_even_if_the_class_cannot_be_read(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_class_name: str, *, may_be_known: bool) -> TransferRules:
        assert may_be_known
        raise Unauthorised("no right", System.KUBERNETES)

    monkeypatch.setattr(portal.store, "rules", refused)
    assert (await browser.see("/")).status_code == 200
    assert await browser.start()


@pytest.mark.parametrize(
    ("fields", "kept"),
    [({"upload": "yes"}, 'name="upload" value="yes"'), ({"url": FILE}, f'name="url" value="{FILE}"')],
)
async def test_a_visitor_with_too_many_sessions_can_open_the_same_after_stopping_one(
    portal: Portal, browser: Browser, fields: dict[str, str], kept: str
) -> None:
    portal.store.rules_of["default"] = TransferRules(addresses=True)
    for _ in range(portal.max_sessions):
        await browser.start("")
    answer = await browser.submit("/sessions", **fields)
    assert answer.status_code == 409
    assert kept in unescape(answer.text)


async def test_a_link_to_the_empty_scene_is_no_link_to_a_session_for_a_file(portal: Portal, browser: Browser) -> None:
    name = await own_session(browser)
    again = await browser.submit("/sessions", sample="", reuse="yes")
    assert again.headers["location"] != f"/sessions/{name}"
    assert len(portal.store.objects) == 2


@pytest.mark.parametrize(
    "reason",
    [
        Reason.SCENE_UNREACHABLE,
        Reason.SCENE_TOO_LARGE,
        Reason.NO_ROOM_FOR_SCENE,
        Reason.SCENE_CHECKSUM_MISMATCH,
        Reason.SCENE_UNREADABLE,
        Reason.SCENE_TOO_NEW,
        Reason.SCENE_NOT_ALLOWED,
    ],
)
async def test_a_scene_that_cannot_be_had_says_what_to_do(portal: Portal, browser: Browser, reason: Reason) -> None:
    name = await own_session(browser)
    message = "The details <in> the operator's words."
    portal.store.set_status(
        name,
        "Failed",
        ("Ready", "False", reason, message),
        ("DesktopReady", "True", "DesktopRunning", "The desktop runs."),
        ("SceneReady", "False", reason, message),
        ("Stalled", "True", reason, message),
    )
    page = (await browser.see(f"/sessions/{name}")).text
    assert FAILURES[reason].headline in page
    assert FAILURES[reason].way_out.replace(">", "&gt;") in page
    folded = re.search(r"<details><summary[^>]*>[^<]+</summary><span>(.*?)</span></details>", page)
    assert folded is not None
    assert folded[1] == "The details &lt;in&gt; the operator&#39;s words."
    assert page.count(folded[1]) == 1, "the step itself has words for artists"
    shown = re.search(r'data-step="scene".*?<span class="message">(.*?)</span>', page, re.DOTALL)
    assert shown is not None
    assert re.search(r"Choose another (one|file|address)", shown[1])
    assert re.search(r'data-step="scene" data-state="failed"', page)
    assert "Remove and choose another" in page
    assert 'id="own-file"' not in page


async def test_a_file_that_comes_late_is_still_taken(portal: Portal, browser: Browser) -> None:
    name = await own_session(browser)
    portal.store.set_status(
        name,
        "Failed",
        ("Ready", "False", Reason.UPLOAD_TIMED_OUT, "No file came within 1h."),
        ("DesktopReady", "True", "DesktopRunning", "The desktop runs."),
        ("SceneReady", "False", Reason.UPLOAD_TIMED_OUT, "No file came within 1h."),
        ("Stalled", "True", Reason.UPLOAD_TIMED_OUT, "No file came within 1h."),
    )
    page = (await browser.see(f"/sessions/{name}")).text
    assert FAILURES[Reason.UPLOAD_TIMED_OUT].headline in page
    assert '<span class="message">No file came in time. Choose one now: it is still taken.</span>' in page
    assert 'data-open="yes"' in page
    assert f'data-refresh="/sessions/{name}/progress"' in page, "it goes on when the file is there"
    assert "http-equiv" not in page


async def test_the_title_of_a_sample_is_its_own(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_ready(name)
    portal.store.objects[name]["status"]["scene"] = {"name": "shopping_cart.blend"}
    assert (
        '<p class="over"><bdi dir="auto">Shopping cart</bdi> ' in (await browser.see(f"/sessions/{name}?stay=yes")).text
    )


async def test_how_much_was_fetched_is_in_the_step(portal: Portal, browser: Browser) -> None:
    portal.store.rules_of["default"] = TransferRules(addresses=True)
    await browser.see("/")
    await browser.submit("/sessions", url=FILE)
    name = portal.store.only
    portal.store.set_status(
        name,
        "Starting",
        ("Ready", "False", Reason.SCENE_FETCHING, "12 of 40 MB of the scene are here."),
        ("DesktopReady", "True", "DesktopRunning", "The desktop runs."),
        ("SceneReady", "False", Reason.SCENE_FETCHING, "12 of 40 MB of the scene are here."),
    )
    page = (await browser.see(f"/sessions/{name}")).text
    assert "12 of 40 MB of the scene are here." in page
    assert "Blender fetches your file" in page


@pytest.mark.parametrize("scene", [None, [], "a", {"upload": True}, {"url": 3}, {"sample": None}])
def test_a_malformed_scene_is_the_empty_one(scene: object) -> None:
    assert scene_in({"scene": scene}) == SceneChoice()


def test_an_address_may_be_in_any_script() -> None:
    assert (
        address("https://küche.example/椅子.blend?ö").url
        == "https://xn--kche-0ra.example/%E6%A4%85%E5%AD%90.blend?%C3%B6"
    )


def test_an_address_without_a_name_has_its_host_as_title() -> None:
    assert address("https://example.org/").file == "example.org"
    assert address("https://example.org/a%00%0Ab.zip").file == "ab.zip"


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({}, TransferRules()),
        ({"transfer": "none", "egress": 1}, TransferRules()),
        ({"transfer": {"maxBytes": -1}}, TransferRules()),
        (
            {"transfer": {"upload": False, "download": False, "maxBytes": 5}, "egress": "Public"},
            TransferRules(upload=False, download=False, max_bytes=5, addresses=True),
        ),
    ],
)
def test_the_rules_of_a_class(spec: object, rules: TransferRules) -> None:
    assert rules_in({"metadata": {"namespace": "blender", "name": "default"}, "spec": spec}) == rules
