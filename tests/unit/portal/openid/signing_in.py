"""What a person, a browser and an administrator do for a sign-in at the provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import requests

from blendersessions_portal.sign_on_settings import SignOnMode, SignOnSettings
from openid_provider import CLIENT, SECRET, Provider
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from unit.portal.portals import Browser

ALICE = {"sub": "alice-1", "name": "Alice", "sid": "at-home"}


def settings(provider: Provider, folder: Path, **more: Any) -> SignOnSettings:  # noqa: ANN401 - a setting
    secret = folder / "client-secret"
    secret.write_text(SECRET + "\n")
    return SignOnSettings(
        mode=SignOnMode.OPENID,
        openid_issuer=provider.url,
        openid_client_id=CLIENT,
        openid_client_secret_file=secret,
        **more,
    )


async def visit(place: str) -> str:
    """Go to the provider, as the browser does; return where it sends the browser."""
    answer = await asyncio.to_thread(requests.get, place, allow_redirects=False, timeout=DEADLINE_SECONDS)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


async def back_from_provider(browser: Browser, target: str = "/") -> str:
    """Begin a sign-in; return where the provider sends the browser back to."""
    answer = await browser.get("/sign-in", params={"next": target})
    assert answer.status_code == 303, answer.text
    return await visit(answer.headers["location"])


async def signed_in(browser: Browser, target: str = "/") -> httpx.Response:
    """Sign in, and return the last answer of it."""
    return await browser.get(await back_from_provider(browser, target))


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/")).status_code == 200
