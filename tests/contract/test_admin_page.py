"""The administrators' page in a real browser: searched and used by keyboard, on a phone too, and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from blendersessions_portal.sign_on_settings import SignOnMode, SignOnSettings
from contract.served_portal import Served, serving, tab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADERS = {"X-Forwarded-User": "tess", "X-Forwarded-Groups": "teachers"}
LONG_OWNER = "person-" + "w" * 100
SIGN_ON = SignOnSettings(
    mode=SignOnMode.HEADER, trusted_proxies=(ip_network("127.0.0.0/8"),), admin_groups=("teachers",)
)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Served]:
    """A portal with 200 sessions of two people and two classes: one waits, one failed, and one has a workspace."""
    with serving(tmp_path, sign_on=SIGN_ON) as served:
        for number in range(200):
            add(served, f"lesson-{number:03}", f"student-{number % 20}", number)
        add(served, "castle", LONG_OWNER, -1)
        served.store.give_workspace("castle")
        served.store.make_failed("lesson-001")
        queued = ("Ready", "False", "Queued", "All places of class default are taken.")
        served.store.set_status("lesson-002", "Queued", queued, queuePosition=1)
        yield served


def add(portal: Served, name: str, owner: str, minutes: int) -> None:
    created = (datetime.now(UTC) - timedelta(minutes=minutes + 2)).isoformat()
    metadata = {"name": name, "namespace": "blender", "uid": f"uid-{name}", "creationTimestamp": created}
    portal.store.objects[name] = {"metadata": metadata, "spec": {"owner": owner}}
    portal.store.make_ready(name)
    portal.store.objects[name]["status"]["activity"] = {"users": 1, "lastActiveAt": created}


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with tab(browser, scripts=request.param, extra_http_headers=HEADERS) as page:
        yield page


def is_stopped(portal: Served, name: str) -> bool:
    return "deletionTimestamp" in portal.store.objects[name]["metadata"]


def test_an_administrator_finds_a_session_and_stops_it(portal: Served, page: Page) -> None:
    page.goto(portal.url)
    page.get_by_role("link", name="Administrator").click()
    table = page.get_by_role("table").first
    expect(table.locator("caption")).to_contain_text("201 of 201 sessions, page 1 of 3")
    page.get_by_role("link", name="Next").click()
    expect(table.locator("caption")).to_contain_text("page 2 of 3")

    page.get_by_label("Search by name, owner or class").fill("castle")
    page.keyboard.press("Enter")
    expect(table.locator("caption")).to_contain_text("1 of 201 sessions")
    page.get_by_role("button", name="Stop castle").focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog", name="Stop castle?")
    expect(question).to_contain_text("and its workspace with all the owner's files")
    expect(question).to_contain_text(LONG_OWNER)
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    assert not is_stopped(portal, "castle")

    page.get_by_role("button", name="Stop castle").click()
    question.get_by_role("button", name="Stop and discard").click()
    expect(page.locator("#session-castle")).to_have_attribute("data-state", "ending")
    expect(page.get_by_label("Search by name, owner or class")).to_have_value("castle")
    assert is_stopped(portal, "castle")
    assert not any(is_stopped(portal, f"lesson-{number:03}") for number in range(200))


def test_an_administrator_suspends_a_session(portal: Served, page: Page) -> None:
    page.goto(f"{portal.url}admin?q=castle")
    page.get_by_role("button", name="Suspend castle").click()
    page.get_by_role("button", name="Save and suspend").click()
    expect(page.locator("#session-castle")).to_have_attribute("data-state", "suspending")
    assert portal.store.objects["castle"]["spec"]["replicas"] == 0


def test_an_administrator_sends_a_message(portal: Served, page: Page) -> None:
    page.goto(f"{portal.url}admin?q=castle")
    page.get_by_role("button", name="Message to castle").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("Please save: the lesson ends.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").filter(has_text="castle")).to_have_text(
        "The desktop of castle shows the message."
    )
    assert portal.store.told == [("castle", "From your administrator: Please save: the lesson ends.")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 700, 1000, 1120, 1600])
def test_no_width_needs_a_scroll_sideways_and_tables_stay_tables(
    portal: Served, browser: Browser, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    with tab(browser, extra_http_headers=HEADERS, viewport=size, color_scheme=scheme) as page:
        page.goto(f"{portal.url}admin")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.get_by_role("table")).to_have_count(3)
        headed = page.get_by_role("rowheader", name="castle", exact=True)
        row = page.get_by_role("row").filter(has=headed)
        expect(row.get_by_role("cell")).to_have_count(8)
        waits = page.locator("[data-waits=lesson-002]")
        expect(waits).to_contain_text("Waiting for its turn")
        expect(page.locator("[data-waits=lesson-001]")).to_contain_text("This scene does not exist")
