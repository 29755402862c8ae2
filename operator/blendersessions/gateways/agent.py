"""The agent beside Blender, by its HTTP interface (docs/interfaces.md, "The Blender container")."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from blendersessions.model.errors import Invalid, Unauthorised, Unavailable
from blendersessions.model.observing import Observe, unobserved

PORT = 8788
ASK_SECONDS = 5.0
SAVE_SECONDS = 60.0
"""A large scene on a slow volume takes its time."""
SYSTEM = "Agent"
_LIMIT = 64 * 1024
"""Bytes of an answer that are read: what answers at a pod's address is not to be trusted with our memory."""


@dataclass(frozen=True)
class Desktop:
    """Where an agent is, and what it lets us in by."""

    name: str
    address: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class DesktopStatus:
    """What happens in a desktop."""

    idle_seconds: float
    """Since the last key or movement of the pointer."""
    rendering: bool


class Agents:
    """Asks the agents of all desktops. Methods raise `Unavailable`, `Unauthorised` and `Invalid`."""

    def __init__(self, observe: Observe = unobserved) -> None:
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def status(self, desktop: Desktop) -> DesktopStatus:
        """Ask whether somebody works or a render runs."""
        answer = await self._request("GET", desktop, "status", None, ASK_SECONDS)
        try:
            return DesktopStatus(max(0.0, float(answer["idle_seconds"])), bool(answer["rendering"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"The desktop {desktop.name} does not say whether somebody works.", SYSTEM) from error

    async def save(self, desktop: Desktop) -> str:
        """Have the open scene saved, and return the file."""
        answer = await self._request("POST", desktop, "save", {}, SAVE_SECONDS)
        return str(answer.get("file", ""))

    async def notify(self, desktop: Desktop, message: str, seconds: float) -> None:
        """Show words on the desktop for a while; empty ones take them down."""
        await self._request("POST", desktop, "notice", {"message": message, "seconds": seconds}, ASK_SECONDS)

    async def _request(
        self, method: str, desktop: Desktop, path: str, body: dict[str, Any] | None, seconds: float
    ) -> dict[str, Any]:
        if self._session is None:
            # One connection a request: a desktop is asked seldom, and there may be thousands.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32, force_close=True))
        address = f"[{desktop.address}]" if ":" in desktop.address else desktop.address
        code, begun = 0, time.monotonic()
        try:
            async with self._session.request(
                method,
                f"http://{address}:{PORT}/{path}",
                json=body,
                headers={"Authorization": f"Bearer {desktop.token}"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                code = response.status
                text = await response.content.read(_LIMIT)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            message = (
                f"The agent of the desktop {desktop.name} does not answer ({type(error).__name__}); it is asked again."
            )
            raise Unavailable(message, SYSTEM) from error
        finally:
            self._observe(method, path, time.monotonic() - begun, code)
        return _answer(desktop, path, code, text)


def _answer(desktop: Desktop, path: str, code: int, text: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except ValueError:
        decoded = {}
    answer: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    if code < 400:
        return answer
    said = f"The desktop {desktop.name} answered {code} to {path}: {str(answer.get('message', 'no reason'))[:500]}"
    if code in (401, 403):
        raise Unauthorised(said, SYSTEM)
    if code in (404, 503):
        raise Unavailable(said, SYSTEM)
    raise Invalid(said, SYSTEM)
