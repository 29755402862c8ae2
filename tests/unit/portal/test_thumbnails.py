"""The pages show a session's screen and its files' pictures, and never anything else that a desktop sends."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from blendersessions_portal.transfer_rules import TransferRules

if TYPE_CHECKING:
    from unit.portal.fake_agent import FakeAgent
    from unit.portal.portals import Browser, Portal

SCENE = "/static/thumbnails/shopping_cart.png"


def png(colour: str) -> bytes:
    """Return a picture of one colour."""
    packed = io.BytesIO()
    Image.new("RGB", (640, 360), colour).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture(autouse=True)
def screen(agent: FakeAgent) -> None:
    """The desktop has a picture of its screen."""
    agent.screen = png("teal")


async def test_a_ready_session_shows_its_screen_in_the_list_and_on_its_page(
    portal: Portal, browser: Browser, session: str
) -> None:
    shown = f'src="{session}/thumbnail" data-screen="{session}/thumbnail" alt="The screen of Shopping cart"'
    for address in ("/", "/sessions", f"{session}?stay=yes", f"{session}/progress?stay=yes"):
        page = (await browser.see(address)).text
        assert page.count(shown) == 1
        assert f'{shown} width="640" height="360" loading="lazy"' in page
    portal.store.make_starting(session.rpartition("/")[2])
    for address in ("/", session):
        page = (await browser.see(address)).text
        assert "data-screen" not in page
        assert f'src="{SCENE}' in page


async def test_the_screen_comes_as_it_is_and_can_do_nothing(browser: Browser, session: str, agent: FakeAgent) -> None:
    answer = await browser.get(f"{session}/thumbnail")
    assert (answer.status_code, answer.content) == (200, agent.screen)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-cache"
    again = await browser.get(f"{session}/thumbnail", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


async def test_a_page_takes_the_last_picture_and_a_script_a_new_one(
    browser: Browser, session: str, agent: FakeAgent
) -> None:
    await browser.get(f"{session}/thumbnail")
    await browser.get(f"{session}/thumbnail?fresh=1")
    assert agent.old_will_do == [True, False]


async def test_without_a_picture_the_scenes_own_takes_its_place_and_a_script_gets_nothing(
    browser: Browser, session: str, agent: FakeAgent
) -> None:
    agent.screen = None
    answer = await browser.get(f"{session}/thumbnail")
    assert (answer.status_code, answer.headers["location"]) == (302, SCENE)
    assert answer.headers["cache-control"] == "no-store"
    assert (await browser.get(SCENE)).headers["content-type"] == "image/png"
    assert (await browser.get(f"{session}/thumbnail?fresh=1")).status_code == 204


async def test_an_empty_scene_has_a_picture_too(portal: Portal, browser: Browser, agent: FakeAgent) -> None:
    name = await browser.start("")
    portal.store.make_ready(name)
    agent.screen = None
    answer = await browser.get(f"/sessions/{name}/thumbnail")
    assert (await browser.get(answer.headers["location"])).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "image/png", "image/webp"])
async def test_what_is_no_picture_is_not_passed_on(browser: Browser, session: str, agent: FakeAgent, kind: str) -> None:
    agent.screen = agent.thumbnails["a.png"] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    agent.picture_kind = kind
    for address, instead in ((f"{session}/thumbnail", SCENE), (f"{session}/thumbnail/a.png", "/static/no-picture.svg")):
        answer = await browser.get(address)
        assert (answer.status_code, answer.headers["location"]) == (302, instead)
        assert b"svg" not in answer.content


async def test_a_picture_is_its_own_browsers_alone(portal: Portal, session: str, agent: FakeAgent) -> None:
    stranger = portal.browser()
    for known in (False, True):
        if known:
            await stranger.start()
        for address in (f"{session}/thumbnail", f"{session}/thumbnail?fresh=1", f"{session}/thumbnail/a.png"):
            assert (await stranger.get(address)).status_code == 404
    assert agent.asked == []


async def test_a_session_without_a_desktop_asks_no_agent(portal: Portal, browser: Browser, agent: FakeAgent) -> None:
    name = await browser.start()
    assert (await browser.get(f"/sessions/{name}/thumbnail")).headers["location"] == SCENE
    portal.store.make_suspended(name, "Requested")
    assert (await browser.get(f"/sessions/{name}/thumbnail/a.png")).headers["location"] == "/static/no-picture.svg"
    assert agent.asked == []


async def test_files_show_their_pictures_and_others_an_icon(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.files = {
        "ä #1.blend": b"x",
        "RENDER.PNG": b"x",
        "photo.jpeg": b"x",
        "notes.txt": b"x",
        "renders.png/1.exr": b"x",
    }
    agent.thumbnails = {"ä #1.blend": png("red")}
    page = (await browser.see(f"{session}/files")).text
    assert f'src="{session}/thumbnail/%C3%A4%20%231.blend" alt="Picture of ä #1.blend" width="56" height="42"' in page
    assert page.count("/thumbnail/") == 3
    assert f"{session}/thumbnail/notes.txt" not in page
    answer = await browser.get(f"{session}/thumbnail/%C3%A4%20%231.blend")
    assert (answer.status_code, answer.content) == (200, agent.thumbnails["ä #1.blend"])
    without = await browser.get(f"{session}/thumbnail/RENDER.PNG")
    assert (without.status_code, without.headers["location"]) == (302, "/static/no-picture.svg")
    assert (await browser.get("/static/no-picture.svg")).status_code == 200


@pytest.mark.parametrize("path", ["%2e%2e/status", "a/%2e%2e/%2e%2e/status", ".hidden.png", "a%00.png"])
async def test_no_path_leads_out_of_the_home_folder(
    browser: Browser, session: str, agent: FakeAgent, path: str
) -> None:
    assert (await browser.get(f"{session}/thumbnail/{path}")).status_code == 404
    assert agent.asked == []


async def test_a_class_that_lets_no_file_out_shows_no_picture_of_one(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent
) -> None:
    portal.store.rules_of["default"] = TransferRules(download=False)
    agent.files, agent.thumbnails = {"a.png": b"x"}, {"a.png": png("red")}
    agent.withheld = "The session's class allows no downloads."
    assert "/thumbnail/" not in (await browser.see(f"{session}/files")).text
    assert (await browser.get(f"{session}/thumbnail/a.png")).headers["location"] == "/static/no-picture.svg"


async def test_an_agent_that_is_away_costs_the_pictures_alone(portal: Portal, browser: Browser, session: str) -> None:
    portal.store.agent_url = "http://127.0.0.1:1"
    assert (await browser.get(f"{session}/thumbnail")).headers["location"] == SCENE
    assert (await browser.see(f"{session}?stay=yes")).status_code == 200


async def test_a_picture_that_is_not_made_yet_is_answered_with_the_time_to_come_again(
    browser: Browser, session: str, agent: FakeAgent
) -> None:
    agent.thumbnails, agent.busy_for = {"a.png": png("red")}, 1
    later = await browser.get(f"{session}/thumbnail/a.png")
    assert (later.status_code, later.headers["retry-after"], later.content) == (503, "5", b"")
    assert agent.asked.count("GET /thumbnail/a.png") == 1
    assert (await browser.get(f"{session}/thumbnail/a.png")).content == png("red")


async def test_a_desktop_that_is_elsewhere_by_now_is_found(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent
) -> None:
    agent.thumbnails = {"a.png": png("red")}
    portal.store.former_agent_url = "http://127.0.0.1:1"
    for address, content in ((f"{session}/thumbnail", png("teal")), (f"{session}/thumbnail/a.png", png("red"))):
        answer = await browser.get(address)
        assert (answer.status_code, answer.content) == (200, content)
