"""The files of a session in a real browser, and what is passed on while it streams."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import Browser, FilePayload, Page, expect

from contract.served_portal import Served, tab
from network_buffers import MORE_THAN_BUFFERS
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unit.portal.fake_agent import FakeAgent


@pytest.fixture
def page(browser: Browser, portal: Served) -> Iterator[Page]:
    """The page of the files of a session."""
    with tab(browser) as page:
        page.goto(f"{portal.url}sessions/{portal.visit(page)}/files")
        yield page


class Visitor:
    """A browser without pages, for what a page cannot show."""

    def __init__(self, portal: Served) -> None:
        self._session = requests.Session()
        home = self._session.get(portal.url, timeout=DEADLINE_SECONDS).text
        found = re.search(r'name="csrf" value="([^"]+)"', home)
        assert found is not None
        self.token = found[1]
        form = {"csrf": self.token, "sample": ""}
        self._session.post(f"{portal.url}sessions", form, timeout=DEADLINE_SECONDS, allow_redirects=False)
        portal.store.make_ready(portal.store.only)
        self.base = f"/sessions/{portal.store.only}"
        self._port = int(portal.url.rsplit(":", 1)[1].strip("/"))
        self._url = portal.url.rstrip("/")

    def get(self, address: str) -> requests.Response:
        return self._session.get(f"{self._url}{self.base}{address}", timeout=DEADLINE_SECONDS, stream=True)

    def connect(self, method: str, address: str, **headers: str) -> socket.socket:
        """Send the head of a request, and return the connection."""
        cookies = "; ".join(f"{each.name}={each.value}" for each in self._session.cookies)
        lines = {"Host": "localhost", "Cookie": cookies, "X-CSRF-Token": self.token, **headers}
        head = f"{method} {self.base}{address} HTTP/1.1\r\n" + "".join(f"{key}: {lines[key]}\r\n" for key in lines)
        made = socket.create_connection(("127.0.0.1", self._port), DEADLINE_SECONDS)
        made.sendall(head.encode() + b"\r\n")
        return made


def file(name: str, content: bytes = b"1") -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def test_files_are_added_shown_taken_out_and_deleted(agent: FakeAgent, page: Page) -> None:
    expect(page.get_by_text("This folder is empty.")).to_be_visible()
    page.get_by_label("Choose files").set_input_files([file("<i>a.png"), file("椅子.blend", b"BLENDER"), file("-")])
    expect(page.locator("[data-file]")).to_have_count(3)
    assert agent.files == {"<i>a.png": b"1", "椅子.blend": b"BLENDER", "-": b"1"}

    with page.expect_download() as download:
        page.get_by_role("link", name="Download 椅子.blend").click()
    assert download.value.suggested_filename == "椅子.blend"
    assert download.value.path().read_bytes() == b"BLENDER"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as .zip").click()
    assert download.value.suggested_filename.endswith(".zip")

    page.get_by_role("button", name="Delete <i>a.png").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Delete “<i>a.png”?")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert len(agent.files) == 3
    page.get_by_role("button", name="Delete <i>a.png").click()
    question.get_by_role("button", name="Delete").click()
    expect(page.locator("[data-file]")).to_have_count(2)
    assert "<i>a.png" not in agent.files


def test_a_file_goes_into_the_folder_that_is_shown(agent: FakeAgent, page: Page) -> None:
    agent.files = {"50% Küche?/#1/a.png": b"1"}
    page.reload()
    page.get_by_role("link", name="50% Küche?").click()
    page.get_by_role("link", name="#1").click()
    page.get_by_label("Choose files").set_input_files([file("b.png")])
    expect(page.locator("[data-file]")).to_have_count(2)
    assert set(agent.files) == {"50% Küche?/#1/a.png", "50% Küche?/#1/b.png"}
    page.get_by_role("link", name="Home folder").click()
    expect(page.get_by_role("heading", name="Files")).to_be_visible()


def test_a_file_is_opened_in_the_blender_that_runs(agent: FakeAgent, page: Page) -> None:
    page.get_by_label("Choose a file").set_input_files([file("next.blend", b"BLENDER")])
    expect(page.get_by_role("link", name="Go to Blender")).to_be_focused()
    assert agent.opened == ["next.blend"]

    agent.refusal = (415, {"message": "It is damaged."})
    page.get_by_label("Choose a file").set_input_files([file("bad.blend", b"BLENDER")])
    expect(page.get_by_role("alert").filter(has_text="It is damaged.")).to_be_visible()
    expect(page.get_by_role("link", name="Go to Blender")).to_have_count(0)
    assert agent.opened == ["next.blend"]


def test_of_several_files_the_one_that_fails_is_named(agent: FakeAgent, page: Page) -> None:
    agent.refusal = (507, {"message": "The disk is full."})
    page.get_by_label("Choose files").set_input_files([file("a.png"), file("b.png")])
    expect(page.get_by_role("alert").filter(has_text="a.png: The disk is full.")).to_be_visible()
    assert agent.files == {}


def test_a_file_of_the_same_name_is_replaced_after_a_question_alone(agent: FakeAgent, page: Page) -> None:
    agent.files = {"ä.png": b"old"}
    page.reload()
    question = page.get_by_role("dialog")
    for answer in ("Cancel", "Replace"):
        page.get_by_label("Choose files").set_input_files([file("ä.png", b"new"), file("b.png")])
        expect(question).to_contain_text("“ä.png” is there already. Replace?")
        assert agent.files == {"ä.png": b"old"}
        question.get_by_role("button", name=answer).click()
    expect(page.locator("[data-file]")).to_have_count(2)
    assert agent.files == {"ä.png": b"new", "b.png": b"1"}


def test_files_that_come_while_the_question_is_open_change_nothing_of_it(agent: FakeAgent, page: Page) -> None:
    agent.files = {"a.png": b"old", "b.png": b"old"}
    page.reload()
    page.get_by_label("Choose files").set_input_files([file("a.png", b"new")])
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("“a.png” is there already. Replace?")
    page.get_by_label("Choose files").set_input_files([file("b.png", b"new")])
    expect(question).to_contain_text("“a.png” is there already. Replace?")
    question.get_by_role("button", name="Replace").click()
    until("the file is replaced", lambda: agent.files["a.png"] == b"new")
    assert agent.files == {"a.png": b"new", "b.png": b"old"}


def test_a_folder_of_the_same_name_cannot_be_replaced_and_nobody_is_asked(agent: FakeAgent, page: Page) -> None:
    agent.files = {"renders/1.png": b"1"}
    agent.refusal = (409, {"message": "renders is a folder. Choose another name, or delete the folder first."})
    page.reload()
    page.get_by_label("Choose files").set_input_files([file("renders")])
    expect(page.get_by_role("alert").filter(has_text="renders is a folder. Choose another name")).to_be_visible()


def test_a_file_that_came_meanwhile_is_asked_for_too(agent: FakeAgent, page: Page) -> None:
    expect(page.get_by_text("This folder is empty.")).to_be_visible()
    agent.files = {"a.png": b"old"}
    page.get_by_label("Choose files").set_input_files([file("a.png", b"new")])
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("“a.png” is there already. Replace?")
    question.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert").filter(has_text="a.png is there already, and was not replaced.")).to_be_visible()
    assert agent.files == {"a.png": b"old"}
    page.get_by_label("Choose files").set_input_files([file("a.png", b"new")])
    question.get_by_role("button", name="Replace").click()
    expect(page.locator("[data-file]")).to_have_count(1)
    assert agent.files == {"a.png": b"new"}


def test_without_scripts_forms_do_it(portal: Served, agent: FakeAgent, browser: Browser) -> None:
    with tab(browser, scripts=False) as page:
        page.goto(f"{portal.url}sessions/{portal.visit(page)}/files")
        page.get_by_label("File to add").set_input_files([file("a.png", bytes(range(256)) * 999)])
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("[data-file]")).to_have_count(1)
        assert agent.files == {"a.png": bytes(range(256)) * 999}
        page.get_by_label("File to add").set_input_files([file("a.png", b"new")])
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text("a.png is there already, and was not replaced.")).to_be_visible()
        page.get_by_role("link", name="Choose another file").click()
        page.get_by_label("Replace a file of the same name").check()
        page.get_by_label("File to add").set_input_files([file("a.png", b"new")])
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("[data-file]")).to_have_count(1)
        assert agent.files == {"a.png": b"new"}
        page.get_by_role("button", name="Delete a.png").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("This folder is empty.")).to_be_visible()


@pytest.mark.parametrize("address", ["/files/a.blend", "/archive"])
def test_a_transfer_that_breaks_off_does_not_look_complete(portal: Served, agent: FakeAgent, address: str) -> None:
    agent.files, agent.breaks_after = {"a.blend": b"1" * 10_000}, 5000
    answer = Visitor(portal).get(address)
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.RequestException):
        answer.content  # noqa: B018 - it is read here


def test_a_browser_that_goes_away_ends_the_transfer_from_the_desktop(portal: Served, agent: FakeAgent) -> None:
    agent.files = {"a.blend": bytes(MORE_THAN_BUFFERS)}
    connection = Visitor(portal).connect("GET", "/files/a.blend")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    connection.close()
    until("the agent sees the end", lambda: agent.left == ["a.blend"])


@pytest.mark.parametrize("address", ["/files/a.blend", "/scene/a.blend"])
def test_of_an_upload_that_is_cut_nothing_is_kept(portal: Served, agent: FakeAgent, address: str) -> None:
    connection = Visitor(portal).connect("PUT", address, **{"Content-Length": str(MORE_THAN_BUFFERS)})
    connection.sendall(bytes(100_000))
    until("the file is on its way", lambda: agent.asked == [f"PUT {address}"])
    connection.close()
    until("the agent sees the end", lambda: agent.cut == ["a.blend"])
    assert agent.files == {}
    assert agent.opened == []


def test_a_desktop_that_takes_nothing_holds_up_the_browser_and_not_the_portal(portal: Served, agent: FakeAgent) -> None:
    """The portal reads no more than it can pass on: the browser cannot send all before the agent takes any."""
    agent.gate.clear()
    connection = Visitor(portal).connect("PUT", "/files/a.blend", **{"Content-Length": str(MORE_THAN_BUFFERS)})
    connection.setblocking(False)
    sent = 0

    def stuck() -> bool:
        nonlocal sent
        before = sent
        try:
            while sent < MORE_THAN_BUFFERS:
                sent += connection.send(bytes(min(2**16, MORE_THAN_BUFFERS - sent)))
        except BlockingIOError:
            return sent == before
        return True

    until("no more can be sent", stuck, pause=0.3)
    assert sent < MORE_THAN_BUFFERS
    agent.gate.set()
    connection.setblocking(True)
    connection.sendall(bytes(MORE_THAN_BUFFERS - sent))
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    connection.close()
    assert len(agent.files["a.blend"]) == MORE_THAN_BUFFERS
