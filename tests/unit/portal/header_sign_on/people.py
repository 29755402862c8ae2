"""People whom a proxy names, and how the portal is set for them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from blendersessions_portal.sign_on_settings import SignOnMode, SignOnSettings

if TYPE_CHECKING:
    import httpx

    from unit.portal.portals import Browser, Portal

USER, GROUPS = "X-Forwarded-User", "X-Forwarded-Groups"
PROXY = "10.42.0.7"
KEY = "proxy-key-" + "k" * 32


def settings(**more: object) -> SignOnSettings:
    """A sign-on by header behind proxies in 10.42.0.0/16."""
    values: dict[str, object] = {"trusted_proxies": (ip_network("10.42.0.0/16"), ip_network("fd00::/8"))}
    return SignOnSettings(mode=SignOnMode.HEADER, **(values | more))  # type: ignore[arg-type]


def person(portal: Portal, name: str, **headers: str) -> Browser:
    """A browser whose requests the proxy gives a name."""
    browser = portal.browser()
    for key, value in {USER: name, **headers}.items():  # httpx encodes each as UTF-8
        browser.headers[key.replace("_", "-")] = value
    return browser


def owner(portal: Portal, name: str) -> str:
    return str(portal.store.objects[name]["spec"]["owner"])


def change(portal: Portal, **more: object) -> None:
    portal.sign_on = settings(**more)
    portal.restart()


async def ask(browser: Browser, token: str = "") -> httpx.Response:
    """Ask as the chart's proxy does for each request to Guacamole."""
    return await browser.get("/internal/person", headers={"Guacamole-Token": token} if token else {})
