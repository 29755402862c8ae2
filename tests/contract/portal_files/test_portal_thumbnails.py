"""A real browser shows the screens of sessions and the pictures of files, and renews what somebody looks at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from contract.served_portal import Served, tab
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unit.portal.fake_agent import FakeAgent

TEAL, RED = [0, 128, 128], [255, 0, 0]
COLOUR = """image => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 1, 1);
  return Array.from(context.getImageData(0, 0, 1, 1).data).slice(0, 3);
}"""
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
ALL_THERE = """() => {
  const pictures = Array.from(document.querySelectorAll("img[src^='/sessions/']"));
  return pictures.length > 0 && pictures.every((image) => image.naturalWidth > 0);
}"""
THIRTY_SECONDS, FIVE_SECONDS = 30_000, 5_000


def png(colour: list[int], size: tuple[int, int] = (640, 360)) -> bytes:
    """Return a picture of one colour."""
    packed = io.BytesIO()
    Image.new("RGB", size, tuple(colour)).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture(autouse=True)
def pictures(agent: FakeAgent) -> None:
    """The desktop has pictures of its screen and of one file."""
    agent.screen = png(TEAL)
    agent.files = {"scene.blend": b"BLENDER", "none.blend": b"BLENDER", "notes.txt": b"1"}
    agent.thumbnails = {"scene.blend": png(RED, (256, 256))}


@pytest.fixture
def page(browser: Browser, portal: Served) -> Iterator[Page]:
    """A tab of somebody with a session that is ready, which shows nothing yet."""
    with tab(browser) as page:
        portal.visit(page)
        yield page


def session_page(portal: Served) -> str:
    return f"{portal.url}sessions/{portal.store.only}?stay=yes"


def files_page(portal: Served) -> str:
    return f"{portal.url}sessions/{portal.store.only}/files"


def until_coloured(image: Locator, colour: list[int]) -> None:
    until(lambda: f"the picture is {colour}, not {image.evaluate(COLOUR)}", lambda: image.evaluate(COLOUR) == colour)


def until_wide(image: Locator, width: int) -> None:
    until(f"the picture has {width} pixels", lambda: image.evaluate("image => image.naturalWidth") == width)


def asked(agent: FakeAgent, count: int) -> None:
    """Wait until the screen was asked for so often."""
    until(lambda: f"{count} requests, not {agent.old_will_do}", lambda: len(agent.old_will_do) == count)


def test_the_screen_is_renewed_while_somebody_sees_it(agent: FakeAgent, portal: Served, page: Page) -> None:
    page.clock.install()
    page.goto(session_page(portal))
    screen = page.get_by_role("img", name="The screen of Empty scene")
    until_coloured(screen, TEAL)
    asked(agent, 2)
    assert sorted(agent.old_will_do) == [False, True], "the last picture came at once, and a new one after it"

    agent.screen = png(RED)
    page.clock.fast_forward(THIRTY_SECONDS)
    until_coloured(screen, RED)
    asked(agent, 3)

    # Nobody sees it.
    page.evaluate(HIDE, arg=True)
    page.clock.fast_forward(3 * THIRTY_SECONDS)
    agent.screen = png(TEAL)
    page.evaluate(HIDE, arg=False)
    until_coloured(screen, TEAL)
    asked(agent, 4)
    assert agent.old_will_do[2:] == [False, False]

    # Without a new picture the last one stays.
    agent.screen = None
    page.clock.fast_forward(THIRTY_SECONDS)
    asked(agent, 5)
    assert screen.evaluate(COLOUR) == TEAL


def test_the_newest_picture_stays_when_the_list_is_sent_anew(agent: FakeAgent, portal: Served, page: Page) -> None:
    page.clock.install()
    page.goto(portal.url)
    screen = page.get_by_role("img", name="The screen of Empty scene")
    until_coloured(screen, TEAL)
    agent.screen = png(RED)
    page.clock.fast_forward(THIRTY_SECONDS)
    until_coloured(screen, RED)
    count = len(agent.old_will_do)
    portal.store.objects[portal.store.only]["metadata"]["creationTimestamp"] = "2026-11-24T10:00:00Z"
    page.clock.fast_forward(THIRTY_SECONDS // 2)
    expect(page.locator("time").first).to_have_attribute("datetime", "2026-11-24T10:00:00+00:00")
    until_coloured(screen, RED)
    expect(screen).to_have_attribute("data-screen", f"/sessions/{portal.store.only}/thumbnail")
    assert agent.old_will_do[count:] in ([], [True]), "no new one was made for it"


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_moves_when_a_picture_comes(agent: FakeAgent, portal: Served, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 3000})
    for address in (session_page(portal), portal.url, files_page(portal)):
        agent.gate.clear()
        page.goto(address, wait_until="domcontentloaded")
        before = page.locator("footer").bounding_box()
        agent.gate.set()
        until("the pictures are there", lambda: page.evaluate(ALL_THERE))
        assert page.locator("footer").bounding_box() == before
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scripts", [True, False])
def test_files_and_screens_are_shown(browser: Browser, portal: Served, *, scripts: bool) -> None:
    with tab(browser, scripts=scripts) as page:
        portal.visit(page)
        page.goto(files_page(portal))
        until_wide(page.get_by_role("img", name="Picture of scene.blend"), 256)
        # It has none, so it has that of all files.
        until_wide(page.get_by_role("img", name="Picture of none.blend"), 56)
        expect(page.locator("[data-file='notes.txt'] img")).to_have_attribute("alt", "File")
        page.goto(session_page(portal))
        until_wide(page.get_by_role("img", name="The screen of Empty scene"), 640)


def test_late_pictures_of_files_are_asked_for_again(agent: FakeAgent, portal: Served, page: Page) -> None:
    names = [f"render-{number:02}.png" for number in range(12)]
    agent.files = dict.fromkeys(names, b"x")
    agent.thumbnails = dict.fromkeys(names, png(RED, (256, 256)))
    agent.busy_for = len(names)
    page.clock.install(time=0)
    page.clock.pause_at(1)
    page.set_viewport_size({"width": 1280, "height": 3000})
    page.goto(files_page(portal))
    # Meanwhile each has the picture of all files, and not that of an image that is broken.
    for name in names:
        until_wide(page.get_by_role("img", name=f"Picture of {name}"), 56)
    assert agent.busy_for == 0
    page.clock.fast_forward(FIVE_SECONDS)
    for name in names:
        until_wide(page.get_by_role("img", name=f"Picture of {name}"), 256)


def test_a_picture_that_never_comes_is_not_asked_for_without_end(agent: FakeAgent, portal: Served, page: Page) -> None:
    agent.files = {"render.png": b"x"}
    agent.busy_for = 1000
    page.clock.install()
    page.goto(files_page(portal))
    image = page.get_by_role("img", name="Picture of render.png")

    def asked_for() -> int:
        page.clock.fast_forward(FIVE_SECONDS)
        return 1000 - agent.busy_for

    until(lambda: f"7 requests, not {1000 - agent.busy_for}", lambda: asked_for() == 7)
    for _ in range(5):
        # The page is asked something meanwhile, so it would have begun.
        until_wide(image, 56)
        assert asked_for() == 7
