"""A click or a link starts a session, and nothing else does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import Invalid, System, Unauthorised, Unavailable
from blendersessions_portal.session_view import OWNER_HASH_LABEL, owner_hash

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal


async def test_home_shows_each_scene_with_its_picture_and_a_button(browser: Browser) -> None:
    page = await browser.see("/")
    assert page.status_code == 200
    for file, title in (("shopping_cart", "Shopping cart"), ("fire_extinguisher", "Fire extinguisher")):
        assert f'data-sample="{file}.blend"' in page.text
        assert f"/static/thumbnails/{file}.png" in page.text
        assert f"<h3>{title}</h3>" in page.text
    assert page.text.count("Open in Blender</button>") == 3, "two scenes and the empty one"
    assert (await browser.get("/static/thumbnails/shopping_cart.png")).status_code == 200


async def test_every_form_that_starts_a_session_says_that_work_is_lost_and_links_to_what_is_kept(
    browser: Browser,
) -> None:
    for address in ("/", "/view?blender_file=shopping_cart.blend"):
        form = (await browser.see(address)).text.partition('action="/sessions"')[2].partition("</form>")[0]
        assert "no workspace" in form, address
        assert "your work is lost when" in form, address
        assert 'href="/artists"' in form, address


def box(page: str) -> str:
    """The checkbox of a page's form: "checked", "unchecked", or empty if there is none."""
    found = re.search(r'<input type="checkbox" name="no_middle_button" value="yes"( checked)?>', page)
    return "" if found is None else "checked" if found[1] else "unchecked"


async def test_a_person_without_a_middle_mouse_button_says_so_once(portal: Portal, browser: Browser) -> None:
    assert box((await browser.see("/")).text) == "unchecked"
    name = await browser.start("shopping_cart.blend", no_middle_button="yes")
    assert portal.store.objects[name]["spec"]["input"] == {"emulateMiddleButton": True, "emulateNumpad": True}
    portal.restart()
    for address in ("/", "/view?blender_file=fire_extinguisher.blend"):
        assert box((await browser.see(address)).text) == "checked", f"{address}: the browser is the same one"
    assert box((await portal.browser().see("/")).text) == "unchecked", "another browser is another machine"

    name = await browser.start("shopping_cart.blend")
    assert "input" not in portal.store.objects[name]["spec"], "left out, the class decides"
    assert box((await browser.see("/")).text) == "unchecked"


async def test_the_choice_survives_the_page_of_a_visitor_with_too_many_sessions(
    portal: Portal, browser: Browser
) -> None:
    for _ in range(portal.max_sessions):
        await browser.start()
    await browser.see("/")
    page = await browser.submit("/sessions", sample="fire_extinguisher.blend", no_middle_button="yes")
    assert page.status_code == 409
    assert box(page.text) == "checked"
    assert box((await browser.see("/")).text) == "checked"


async def test_a_form_that_names_no_scene_starts_none_and_its_choice_is_remembered(
    portal: Portal, browser: Browser
) -> None:
    await browser.see("/")
    answer = await browser.submit("/sessions", no_middle_button="yes")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#scenes")
    assert not portal.store.objects
    assert box((await browser.see("/")).text) == "checked"


@pytest.mark.parametrize("cookie", ["", "true", "<b>", "yes; x"])
async def test_a_choice_that_we_did_not_write_is_no_choice(browser: Browser, cookie: str) -> None:
    page = await browser.get("/", headers={"Cookie": f'blender-no-middle-button="{cookie}"'})
    assert box(page.text) == "unchecked"


async def test_a_click_makes_a_session_that_is_this_browsers(portal: Portal, browser: Browser) -> None:
    name = await browser.start("shopping_cart.blend")
    made = portal.store.objects[name]
    owner = made["spec"]["owner"]
    assert name.startswith("shopping-cart-")
    assert owner.startswith("guest-")
    assert made["spec"] == {"owner": owner, "scene": {"sample": "shopping_cart.blend"}}
    assert made["metadata"]["labels"] == {OWNER_HASH_LABEL: owner_hash(owner)}
    assert f'data-session="{name}"' in (await browser.see("/")).text


async def test_the_empty_scene_names_no_sample(portal: Portal, browser: Browser) -> None:
    name = await browser.start("")
    assert name.startswith("empty-scene-")
    assert "scene" not in portal.store.objects[name]["spec"]


async def test_all_sessions_of_a_browser_have_one_owner(portal: Portal, browser: Browser) -> None:
    first, second = await browser.start(), await browser.start()
    assert first != second
    assert len({body["spec"]["owner"] for body in portal.store.objects.values()}) == 1


BAD_SAMPLES = [
    "teapot.blend",
    "../secrets.blend",
    "..",
    "a/b.blend",
    "/etc/passwd",
    "shopping_cart.blend\x00",
    "%2e%2e",
]


@pytest.mark.parametrize("sample", BAD_SAMPLES)
async def test_an_unknown_sample_is_refused_with_the_names_of_the_samples(
    portal: Portal, browser: Browser, sample: str
) -> None:
    await browser.see("/")
    for answer in (
        await browser.submit("/sessions", sample=sample),
        await browser.get("/view", params={"blender_file": sample}),
    ):
        assert answer.status_code == 400
        assert "shopping_cart.blend, fire_extinguisher.blend" in answer.text
        assert "/etc/passwd.blend" not in answer.text
    assert not portal.store.objects


async def test_a_sample_is_never_shown_as_markup(browser: Browser) -> None:
    answer = await browser.get("/view", params={"blender_file": "<script>alert(1)</script>"})
    assert answer.status_code == 400
    assert "<script>alert" not in answer.text


async def test_a_link_without_a_file_is_refused(browser: Browser) -> None:
    assert (await browser.get("/view")).status_code == 400


async def test_a_link_makes_nothing_until_its_page_sends_its_form(portal: Portal, browser: Browser) -> None:
    page = await browser.see("/view?blender_file=shopping_cart.blend")
    assert page.status_code == 200
    assert "data-send" in page.text
    assert not portal.store.objects
    answer = await browser.submit("/sessions", sample="shopping_cart.blend", reuse="yes")
    assert answer.headers["location"] == f"/sessions/{portal.store.only}"


async def test_a_link_leads_to_a_live_session_of_its_scene(portal: Portal, browser: Browser) -> None:
    name = await browser.start("shopping_cart.blend")
    page = await browser.see("/view?blender_file=shopping_cart.blend")
    assert (page.status_code, page.headers["location"]) == (303, f"/sessions/{name}")
    again = await browser.submit("/sessions", sample="shopping_cart.blend", reuse="yes")
    assert again.headers["location"] == f"/sessions/{name}"
    assert portal.store.only == name


@pytest.mark.parametrize("end", ["stopped", "failed", "other scene", "other browser"])
async def test_a_link_starts_a_new_session_if_no_live_one_has_its_scene(
    portal: Portal, browser: Browser, end: str
) -> None:
    name = await browser.start("fire_extinguisher.blend" if end == "other scene" else "shopping_cart.blend")
    if end == "stopped":
        await browser.submit(f"/sessions/{name}/stop")
    elif end == "failed":
        portal.store.make_failed(name)
    visitor = portal.browser() if end == "other browser" else browser
    assert (await visitor.see("/view?blender_file=shopping_cart.blend")).status_code == 200
    await visitor.submit("/sessions", sample="shopping_cart.blend", reuse="yes")
    assert len(portal.store.objects) == 2


@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        (Unavailable("https://10.96.0.1 is away; planted.", System.KUBERNETES), 503, "The cluster does not answer"),
        (Unauthorised("exceeded quota: planted.", System.KUBERNETES), 502, "There may be too many sessions"),
        (Invalid("spec.owner: planted.", System.KUBERNETES), 400, "The cluster does not accept this"),
    ],
)
async def test_a_refusal_of_the_cluster_is_explained_without_its_words(
    portal: Portal, browser: Browser, caplog: pytest.LogCaptureFixture, failure: Exception, status: int, words: str
) -> None:
    await browser.start()
    portal.store.failure = failure
    answer = await browser.submit("/sessions", sample="shopping_cart.blend")
    assert answer.status_code == status
    assert words in answer.text
    assert "planted" not in answer.text
    assert 'href="/"' in answer.text
    assert "planted" in caplog.text, "the administrator finds it in the log"


async def test_all_visitors_together_have_a_limit(portal: Portal, browser: Browser) -> None:
    """A program that takes a new cookie each time reaches no limit of one visitor."""
    portal.max_sessions_of_all = 2
    portal.restart()
    for _ in range(2):
        await portal.browser().start()
    await browser.see("/")
    answer = await browser.submit("/sessions", sample="shopping_cart.blend")
    assert answer.status_code == 503
    assert "All places are taken" in answer.text
    assert len(portal.store.objects) == 2
    name, first = next(iter(portal.store.objects.items()))
    await portal.store.delete(first["spec"]["owner"], name)
    assert (await browser.submit("/sessions", sample="shopping_cart.blend")).status_code == 303


async def test_trying_again_keeps_the_links_scene(portal: Portal, browser: Browser) -> None:
    await browser.start()
    portal.store.failure = Unavailable("The cluster's API does not answer.", System.KUBERNETES)
    answer = await browser.get("/view?blender_file=shopping_cart.blend")
    assert answer.status_code == 503
    assert 'href="/view?blender_file=shopping_cart.blend">Try again' in answer.text


async def test_an_error_of_ours_discloses_nothing(portal: Portal, browser: Browser) -> None:
    await browser.start()
    portal.store.failure = RuntimeError("password=hunter2")
    answer = await browser.get("/")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
