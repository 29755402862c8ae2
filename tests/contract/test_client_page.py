"""The stand-in's page in a real browser, in front of a guacd that draws one colour."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from contract.fake_guacd import COLOUR, FakeGuacd, GuacdConnection
from e2e.chromium import close
from waiting import DEADLINE_MILLISECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contract.browsing import Site


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 900, "height": 700})
    context.set_default_timeout(DEADLINE_MILLISECONDS)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda line: troubles.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    close(context)
    assert troubles == []


def link(site: Site, connection: str | None = None) -> str:
    raw = f"{connection or site.connection}\0c\0postgresql".encode()
    return f"{site.guacamole.url}#/client/{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def shown(page: Page) -> tuple[int, ...]:
    """Return the colour in the middle of the window."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    pixel = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return tuple(int(part) for part in pixel)


def see(page: Page, guacd: FakeGuacd) -> GuacdConnection:
    """Wait until the desktop is on the page, and check that it is the right picture."""
    connection = guacd.next_connection()
    guacd.draw(connection)
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    until("the desktop is drawn", lambda: shown(page) == COLOUR)
    return connection


def test_a_link_with_a_token_shows_the_desktop_and_hides_the_token(page: Page, site: Site, guacd: FakeGuacd) -> None:
    page.goto(f"{link(site)}?token={site.token}")
    see(page, guacd)
    assert page.url == link(site)
    assert page.evaluate("JSON.parse(localStorage.GUAC_AUTH_TOKEN)") == site.token
    assert "tand-in" in page.locator("#standin").inner_text()
    page.reload()
    see(page, guacd)


def test_without_a_token_one_logs_in_and_lands_on_the_desktop(page: Page, site: Site, guacd: FakeGuacd) -> None:
    page.goto(link(site))
    page.get_by_label("User name").fill(site.guacamole.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Invalid login")
    page.get_by_label("Password").fill(site.guacamole.password)
    page.get_by_role("button", name="Log in").click()
    see(page, guacd)


def test_a_dead_token_in_a_link_leads_to_the_login_form(page: Page, site: Site) -> None:
    page.goto(f"{link(site)}?token={'0' * 64}")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert page.url == link(site)


def test_the_picture_fits_the_window_and_input_arrives_in_its_pixels(page: Page, site: Site, guacd: FakeGuacd) -> None:
    page.goto(f"{link(site)}?token={site.token}")
    connection = see(page, guacd)
    box = page.locator("#desktop > div").bounding_box()
    assert box is not None
    assert box["width"] <= 900
    assert box["width"] / box["height"] == pytest.approx(1280 / 720, rel=0.01)
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.keyboard.press("a")
    received = []
    while "key" not in [instruction.opcode for instruction in received]:
        received.append(connection.next())
    mouse = [instruction.args for instruction in received if instruction.opcode == "mouse"]
    pressed = [args for args in mouse if args[2] == "1"]
    assert pressed
    x, y = int(pressed[0][0]), int(pressed[0][1])
    assert x == pytest.approx(320, abs=3)
    assert y == pytest.approx(360, abs=3)
    assert received[-1].args[:2] == ("97", "1")


def test_text_goes_both_ways_through_the_menu(page: Page, site: Site, guacd: FakeGuacd) -> None:
    page.goto(f"{link(site)}?token={site.token}")
    connection = see(page, guacd)
    guacd.send(connection, "clipboard", "7", "text/plain")
    guacd.send(connection, "blob", "7", base64.b64encode("von drüben".encode()).decode())
    guacd.send(connection, "end", "7")
    page.keyboard.press("Control+Alt+Shift")
    expect(page.get_by_label("Clipboard")).to_have_value("von drüben")
    page.get_by_label("Clipboard").fill("nach drüben")
    page.get_by_role("button", name="Back to the desktop").click()
    while (instruction := connection.next()).opcode != "blob":
        pass
    assert base64.b64decode(instruction.args[1]).decode() == "nach drüben"


def test_a_killed_tunnel_is_reported_and_can_be_opened_again(page: Page, site: Site, guacd: FakeGuacd) -> None:
    page.goto(f"{link(site)}?token={site.token}")
    see(page, guacd)
    for uuid in site.active():
        site.remove("activeConnections", uuid)
    expect(page.get_by_role("dialog")).to_contain_text("You have been disconnected.")
    page.get_by_role("button", name="Reconnect").click()
    see(page, guacd)


def test_a_desktop_that_is_down_is_tried_again(page: Page, site: Site, guacd: FakeGuacd) -> None:
    # The page's clock stands still, and only the test advances it.
    page.clock.install(time=0)
    page.clock.pause_at(3600)
    page.goto(f"{link(site)}?token={site.token}")
    connection = guacd.next_connection()
    guacd.send(connection, "error", "Aborted. See logs.", "519")
    expect(page.get_by_role("dialog")).to_contain_text("The remote desktop server is currently unreachable.")
    expect(page.get_by_role("status")).to_have_text("Reconnecting in 15 seconds…")
    page.clock.run_for(1000)
    expect(page.get_by_role("status")).to_have_text("Reconnecting in 14 seconds…")
    page.clock.run_for(14_000)
    page.clock.resume()
    see(page, guacd)


def test_an_unknown_connection_is_reported(page: Page, site: Site) -> None:
    page.goto(f"{link(site, '999999')}?token={site.token}")
    expect(page.get_by_role("dialog")).to_contain_text("The requested connection does not exist.")


def test_home_lists_ones_connections_and_logging_out_ends_the_token(page: Page, site: Site, guacd: FakeGuacd) -> None:
    site.make_connection("other")
    page.goto(f"{site.guacamole.url}#/?token={site.token}")
    expect(page.get_by_role("link")).to_have_text(["desk", "other"])
    page.get_by_role("link", name="desk").click()
    see(page, guacd)
    page.keyboard.press("Control+Alt+Shift")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert site.call("GET", "connections").status_code == 403
    assert page.evaluate("localStorage.length") == 0


def test_somebody_with_one_connection_is_taken_to_it(page: Page, site: Site, guacd: FakeGuacd) -> None:
    token = site.make_user("ann", reads=site.connection)
    page.goto(f"{site.guacamole.url}#/?token={token}")
    see(page, guacd)
    assert page.url == link(site)


def test_a_link_with_another_token_signs_the_earlier_one_out_as_on_apaches_page(
    page: Page, site: Site, guacd: FakeGuacd
) -> None:
    first = site.make_user("ann", reads=site.connection)
    page.goto(f"{link(site)}?token={first}")
    see(page, guacd)
    second = site.sign_in("ann", "pw")
    other = page.context.new_page()
    other.goto(f"{link(site)}?token={second}")
    see(other, guacd)
    expect(page.get_by_role("dialog")).to_contain_text("You have been disconnected.")
    assert site.call("GET", "connections", token=first).status_code == 403
    assert site.call("GET", "connections", token=second).status_code == 200
