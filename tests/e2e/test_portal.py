"""The tutorial's flow, by clicks alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2e.desktop import Desktop
from e2e.picture import SAME, difference, from_tab, from_vnc
from waiting import DEADLINE_MILLISECONDS, until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from e2e.kubectl import Kubectl


def test_clicks_lead_into_blender_and_out_again(
    portal_namespace: Kubectl, page: Page, public_url: str, tmp_path: Path
) -> None:
    page.goto(public_url)
    page.get_by_role("article").filter(has_text="Watering can").get_by_role("button").click()
    page.wait_for_url(re.compile(r"/guacamole/"), timeout=DEADLINE_MILLISECONDS)

    (name,) = portal_namespace.names("blendersessions")
    desktop = Desktop(portal_namespace, name.partition("/")[2])
    until("the tab shows Blender", lambda: difference(from_vnc(desktop, tmp_path / "vnc.png"), from_tab(page)) < SAME)
    assert desktop.agent_status()["scene"] == "watering_can.blend"
    children = desktop.name

    page.goto(public_url)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop and discard").click()
    until("the session is gone", lambda: not portal_namespace.names("blendersessions"))
    until("its desktop is gone", lambda: f"pod/{children}" not in portal_namespace.names("pods"))


def test_the_tutorials_link_opens_its_scene(portal_namespace: Kubectl, page: Page, public_url: str) -> None:
    page.goto(f"{public_url}view?blender_file=shopping_cart.blend")
    page.wait_for_url(re.compile(r"/guacamole/"), timeout=DEADLINE_MILLISECONDS)

    (name,) = portal_namespace.names("blendersessions")
    desktop = Desktop(portal_namespace, name.partition("/")[2])
    assert desktop.body["spec"]["scene"]["sample"] == "shopping_cart.blend"
