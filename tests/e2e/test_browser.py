"""From kubectl to Blender in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.picture import SAME, difference, from_tab, from_vnc, viewport
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from e2e.desktop import Desktop


def test_the_browser_shows_the_scene_that_was_asked_for(
    started: Callable[..., Desktop], page: Page, public_url: str, tmp_path: Path
) -> None:
    cart = started("cart", sample="shopping_cart.blend", owner="e2e-artist")
    can = started("can", sample="watering_can.blend", owner="e2e-artist")
    assert cart.agent_status()["scene"] == "shopping_cart.blend"

    page.goto(cart.link(public_url))
    of_the_cart = from_vnc(cart, tmp_path / "cart.png")
    of_the_can = from_vnc(can, tmp_path / "can.png")

    until("the tab shows what VNC shows", lambda: difference(of_the_cart, from_tab(page)) < SAME)
    tab = from_tab(page)
    assert difference(viewport(of_the_cart), viewport(tab)) < SAME
    assert difference(viewport(of_the_can), viewport(tab)) > 2 * SAME


def test_a_click_in_the_browser_changes_the_scene(
    started: Callable[..., Desktop], page: Page, public_url: str, tmp_path: Path
) -> None:
    desktop = started("clicked", sample="fire_extinguisher.blend")
    page.goto(desktop.link(public_url))
    before = from_vnc(desktop, tmp_path / "before.png")
    until("the tab shows what VNC shows", lambda: difference(before, from_tab(page)) < SAME)
    assert not desktop.agent_status()["dirty"]

    page.mouse.click(500, 350)
    page.keyboard.press("x")
    page.keyboard.press("Enter")

    until("Blender says that the scene was changed", lambda: bool(desktop.agent_status()["dirty"]))
    after = from_vnc(desktop, tmp_path / "after.png")
    assert difference(viewport(before), viewport(after)) > 1
    until("the tab shows the change", lambda: difference(viewport(after), viewport(from_tab(page))) < SAME)


def test_no_link_holds_a_credential(started: Callable[..., Desktop], public_url: str) -> None:
    desktop = started("link", sample="shopping_cart.blend")
    url = desktop.body["status"]["clientURL"]
    login = desktop.owners_login()

    assert url.startswith(f"{public_url}guacamole/#/client/")
    assert not [word for word in ("token", "password", login["username"], login["password"]) if word in url]
