"""Viewers look and do not touch, and whoever is taken off the list is cut off at once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import requests

from e2e.picture import SAME, difference, from_tab, from_vnc
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl


def viewers_link(desktop: Desktop, viewer: str, public_url: str) -> str:
    """Make a link that signs a viewer in."""
    login = desktop.secret(f"blender-user-{hashlib.sha256(viewer.encode()).hexdigest()[:16]}")
    answer = requests.post(f"{public_url}guacamole/api/tokens", data=login, timeout=DEADLINE_SECONDS)
    answer.raise_for_status()
    return f"{desktop.body['status']['viewURL']}?token={answer.json()['authToken']}"


def delete_by_mouse(page: Page) -> None:
    """Click at the object and delete it."""
    page.mouse.click(500, 350)
    page.keyboard.press("x")
    page.keyboard.press("Enter")


def test_a_viewer_sees_the_desktop_and_cannot_touch_it_until_cut_off(
    started: Callable[..., Desktop],
    kubectl: Kubectl,
    page: Page,
    browser: Browser,
    public_url: str,
    tmp_path: Path,
) -> None:
    desktop = started("shown", sample="fire_extinguisher.blend", owner="e2e-owner", viewers=["e2e-viewer"])
    page.goto(viewers_link(desktop, "e2e-viewer", public_url))
    before = from_vnc(desktop, tmp_path / "before.png")
    until("the viewer sees what VNC shows", lambda: difference(before, from_tab(page)) < SAME)

    delete_by_mouse(page)
    owner = browser.new_context(viewport=page.viewport_size)  # type: ignore[arg-type]
    own_tab = owner.new_page()
    own_tab.goto(desktop.link(public_url))
    until("the owner sees it too", lambda: difference(before, from_tab(own_tab)) < SAME)
    assert not desktop.agent_status()["dirty"], "the viewer's input came first and changed nothing"
    delete_by_mouse(own_tab)
    until("the owner's input changes the scene", lambda: bool(desktop.agent_status()["dirty"]))
    after = from_vnc(desktop, tmp_path / "after.png")
    until("the viewer sees the change", lambda: difference(after, from_tab(page)) < SAME)

    until("both are counted", lambda: desktop.body["status"].get("activity", {}).get("users") == 2)
    kubectl.run("patch", "bs", "shown", "--type=merge", "-p", '{"spec": {"viewers": []}}')
    until("the viewer is cut off", lambda: "You have been disconnected" in page.content())
    until("the owner stays", lambda: difference(from_vnc(desktop, tmp_path / "now.png"), from_tab(own_tab)) < SAME)
    owner.close()
