"""A person opens a file of their own in a real browser: from the first page until Blender has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from contract.served_portal import Served, tab
from network_buffers import MORE_THAN_BUFFERS
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from unit.portal.fake_agent import FakeAgent

TOO_NEW = {"message": "“<b>cart</b>.blend” was saved by Blender 5.2, and here is 4.3.", "reason": "SceneTooNew"}
DROP = """(zone, name) => {
    const carried = new DataTransfer();
    carried.items.add(new File(["BLENDER"], name));
    for (const kind of ["dragover", "drop"]) {
        zone.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
    }
}"""


def blend(name: str = "cart.blend", content: bytes = b"BLENDER") -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with tab(browser) as page:
        yield page


def choose(page: Page, portal: Served, chosen: FilePayload | Path) -> str:
    """Choose a file on the first page, and return the name of the session that is made for it."""
    page.goto(portal.url)
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose a file").click()
    chooser.value.set_files(chosen)
    page.wait_for_url("**/sessions/*")
    return page.url.rpartition("/")[2]


def choose_again(page: Page, chosen: FilePayload) -> None:
    page.locator("#own-file-input").set_input_files(chosen)


def test_a_file_goes_in_as_soon_as_blender_waits_for_it(
    portal: Served, agent: FakeAgent, page: Page, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 40_000
    chosen = tmp_path / "mein Stuhl 椅子.blend"
    chosen.write_bytes(content)
    name = choose(page, portal, chosen)
    assert portal.store.only == name
    assert portal.store.objects[name]["spec"]["scene"] == {"upload": {}}
    expect(page.get_by_text("10 MB, sent as soon as Blender runs")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Sent")).to_be_visible()
    assert agent.asked == []

    # The page keeps the file while Blender loads.
    portal.store.make_starting(name)
    expect(page.locator("[data-step]").filter(has_text="Blender loads")).to_be_visible()
    expect(page.get_by_text("10 MB, sent as soon as Blender runs")).to_be_visible()
    portal.store.make_awaiting(name)
    until("Blender has the file", lambda: agent.opened == ["mein Stuhl 椅子.blend"])
    assert agent.files == {"mein Stuhl 椅子.blend": content}
    expect(page.get_by_text("Blender opens it …")).to_be_visible()

    # The page goes on to Blender, whose address is one of the tests' portal.
    portal.store.make_ready(name, portal.url + "guacamole/#/client/MQBjAHBvc3RncmVzcWw")
    page.wait_for_url("**/guacamole/**")


def test_a_file_is_dropped_on_the_page(portal: Served, agent: FakeAgent, page: Page) -> None:
    page.goto(portal.url)
    page.locator("#start-file").evaluate(DROP, "cart.zip")
    page.wait_for_url("**/sessions/*")
    portal.store.make_awaiting(portal.store.only)
    until("Blender has the file", lambda: agent.opened == ["cart.zip"])


def test_a_file_that_cannot_be_opened_gets_the_agents_words_and_another_one_may_come(
    portal: Served, agent: FakeAgent, page: Page
) -> None:
    agent.refusal = (415, TOO_NEW)
    name = choose(page, portal, blend())
    portal.store.make_awaiting(name)
    alert = page.get_by_role("alert").filter(has_text="Blender 5.2")
    expect(alert).to_have_text(TOO_NEW["message"])
    expect(page.locator("main b")).to_have_count(0)
    assert not agent.opened

    agent.refusal = None
    choose_again(page, blend("older.blend"))
    until("Blender has the file", lambda: agent.opened == ["older.blend"])
    expect(alert).to_be_hidden()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([blend("picture.png")], "“picture.png” is no .blend and no .zip"),
        ([blend("empty.blend", b"")], "“empty.blend” is empty"),
        ([blend("large.blend", b"B" * 2000)], "“large.blend” has 2.0 KB. A file may have at most 1.0 KB here."),
    ],
)
def test_what_cannot_be_opened_is_said_before_a_session_is_made(
    portal: Served, page: Page, files: list[FilePayload], words: str
) -> None:
    portal.store.limit_files(1000)
    page.goto(portal.url)
    page.locator("#start-file-input").set_input_files(files)
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    assert not portal.store.objects


def test_choosing_twice_makes_one_session(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    page.locator("#start-file-input").evaluate(
        """(input) => {
            const chosen = new DataTransfer();
            chosen.items.add(new File(["BLENDER"], "a.blend"));
            for (const turn of [1, 2, 3]) { input.files = chosen.files; input.dispatchEvent(new Event("change")); }
        }"""
    )
    page.wait_for_url("**/sessions/*")
    expect(page.get_by_text("a.blend")).to_be_visible()
    assert portal.store.only


def test_a_reload_while_it_waits_offers_the_upload_again(portal: Served, agent: FakeAgent, page: Page) -> None:
    name = choose(page, portal, blend())
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    assert page.url.endswith(name)
    expect(page.get_by_text("cart.blend")).to_have_count(0)
    choose_again(page, blend("again.blend"))
    portal.store.make_awaiting(name)
    until("Blender has the file", lambda: agent.opened == ["again.blend"])


def test_back_leads_to_the_first_page(portal: Served, page: Page) -> None:
    choose(page, portal, blend())
    page.on("dialog", lambda dialog: dialog.accept())
    page.go_back()
    expect(page.get_by_role("heading", name="Blender in this tab.")).to_be_visible()


def test_cancel_ends_the_transfer_and_leaves_nothing(
    portal: Served, agent: FakeAgent, page: Page, tmp_path: Path
) -> None:
    agent.gate.clear()
    with (tmp_path / "cart.blend").open("wb") as chosen:
        chosen.truncate(MORE_THAN_BUFFERS)
    name = choose(page, portal, tmp_path / "cart.blend")
    portal.store.make_awaiting(name)
    until("the file is on its way", lambda: agent.asked == ["PUT /scene/cart.blend"])
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert").filter(has_text="Cancelled")).to_be_visible()
    expect(page.get_by_label("Choose a file")).to_be_focused()
    agent.gate.set()
    until("the agent sees the end", lambda: agent.cut == ["cart.blend"])
    assert not agent.opened
    choose_again(page, blend("second.blend"))
    until("Blender has the file", lambda: agent.opened == ["second.blend"])


def test_cancel_before_blender_runs_forgets_the_file(portal: Served, agent: FakeAgent, page: Page) -> None:
    name = choose(page, portal, blend())
    page.get_by_role("button", name="Cancel", exact=True).click()
    portal.store.make_awaiting(name)
    expect(page.get_by_role("heading", name="Blender waits for your file")).to_be_visible()
    expect(page.get_by_text("Choose a file")).to_be_visible()
    assert agent.asked == []


def test_the_page_of_a_session_that_is_deleted_meanwhile_says_so(portal: Served, agent: FakeAgent, page: Page) -> None:
    agent.gate.clear()
    name = choose(page, portal, blend())
    page.on("dialog", lambda dialog: dialog.accept())
    portal.store.make_awaiting(name)
    until("the file is on its way", lambda: agent.asked == ["PUT /scene/cart.blend"])
    del portal.store.objects[name]
    expect(page.get_by_role("heading", name="There is no such session")).to_be_visible()


def test_two_tabs_may_both_send_and_both_are_told(portal: Served, agent: FakeAgent, page: Page) -> None:
    name = choose(page, portal, blend())
    portal.store.make_awaiting(name)
    until("Blender has the file", lambda: agent.opened == ["cart.blend"])
    other = page.context.new_page()
    other.goto(f"{portal.url}sessions/{name}")
    agent.refusal = (409, {"message": "Blender has a file already."})
    choose_again(other, blend("late.blend"))
    expect(other.get_by_role("alert").filter(has_text="Blender has a file already.")).to_be_visible()


def test_with_too_many_sessions_the_page_explains_it(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    for _ in range(3):
        answer = page.request.post(
            portal.url + "sessions", form={"csrf": page.locator("[name=csrf]").first.input_value(), "sample": ""}
        )
        assert answer.ok
    page.locator("#start-file-input").set_input_files([blend()])
    expect(page.get_by_role("heading", name="You have 3 sessions already.")).to_be_visible()
    page.get_by_role("button", name="Cancel the start of Empty scene").first.click()
    page.wait_for_url("**/#sessions")


def test_a_portal_that_is_gone_is_told(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    page.route("**/sessions", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("#start-file-input").set_input_files([blend()])
    expect(page.get_by_role("alert").filter(has_text="The portal does not answer.")).to_be_visible()
    expect(page.get_by_text("Choose a file")).to_be_visible()


def test_without_scripts_a_form_does_it(portal: Served, agent: FakeAgent, browser: Browser) -> None:
    with tab(browser, scripts=False) as page:
        page.goto(portal.url)
        expect(page.get_by_text("Choose a file")).to_be_hidden()
        page.get_by_role("button", name="Open your file").click()
        page.wait_for_url("**/sessions/*")
        name = page.url.rpartition("/")[2]
        expect(page.get_by_text("You can choose it here as soon as Blender runs.")).to_be_visible()
        portal.store.make_awaiting(name)
        expect(page.get_by_role("heading", name="Blender waits for your file")).to_be_visible()

        agent.refusal = (415, TOO_NEW)
        page.get_by_label("Your file", exact=True).set_input_files([blend()])
        page.get_by_role("button", name="Open in Blender").click()
        expect(page.get_by_role("alert")).to_have_text(TOO_NEW["message"])
        page.get_by_role("link", name="Choose another file").click()

        agent.refusal = None
        page.get_by_label("Your file", exact=True).set_input_files([blend("older.blend", bytes(range(256)) * 4000)])
        page.get_by_role("button", name="Open in Blender").click()
        until("Blender has the file", lambda: agent.opened == ["older.blend"])
        assert agent.files["older.blend"] == bytes(range(256)) * 4000


def test_the_keyboard_and_a_screen_reader_are_enough(portal: Served, agent: FakeAgent, page: Page) -> None:
    page.goto(portal.url)
    button = page.get_by_label("Choose a file")
    button.focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([blend()])
    page.wait_for_url("**/sessions/*")
    expect(page.locator("main")).to_be_focused()
    name = portal.store.only
    portal.store.make_awaiting(name)
    announced = page.get_by_role("status")
    until("Blender has the file", lambda: agent.opened == ["cart.blend"])
    expect(announced).to_contain_text("cart.blend")


@pytest.mark.parametrize("width", [320, 390, 1920])
def test_no_page_is_wider_than_the_window(portal: Served, agent: FakeAgent, browser: Browser, width: int) -> None:
    agent.files = {"a" * 200 + ".blend": b"1", "folder/" + "b" * 200: b"1"}
    portal.store.allow_addresses()
    with tab(browser, viewport={"width": width, "height": 700}) as page:
        page.goto(portal.url)
        page.locator("#start-file-input").set_input_files([blend("c" * 200 + ".png")])
        fits(page)
        name = choose(page, portal, blend("c" * 200 + ".blend"))
        fits(page)
        agent.refusal = (415, {"message": "d" * 300})
        portal.store.make_awaiting(name)
        expect(page.get_by_role("alert").filter(has_text="ddd")).to_be_visible()
        fits(page)
        files = page.context.new_page()
        page.close()  # it would go on to Blender
        portal.store.make_ready(name)
        files.goto(f"{portal.url}sessions/{name}/files")
        fits(files)
        files.get_by_role("button", name="Delete a").click()
        fits(files)


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
