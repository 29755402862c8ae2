"""The agent beside Blender, by its HTTP interface (docs/interfaces.md, "The Blender container")."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.container import AGENT_PORT, AGENT_TOKEN
from blendersessions.model.errors import Invalid, System, Unauthorised, Unavailable
from blendersessions.model.secret_data import decode

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

ASK_SECONDS = 5.0
SAVE_SECONDS = 60.0
"""A large scene on a slow volume takes its time."""
_LIMIT = 64 * 1024
"""Bytes of an answer that are read: what answers at a pod's address is not to be trusted with our memory."""


@dataclass(frozen=True)
class AgentEndpoint:
    """Where an agent is, and what it lets us in by."""

    name: str
    address: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class AgentStatus:
    """What happens in a desktop."""

    idle_seconds: float
    """Since the last key or movement of the pointer."""
    rendering: bool


def endpoint_of(pod: Manifest | None, secret: Manifest | None) -> AgentEndpoint:
    """Return the address of a desktop's agent, and the token for it.

    Raises:
        Unavailable: the pod has no address yet, or the Secret no token.
    """
    address = str(((pod or {}).get("status") or {}).get("podIP") or "")
    token = decode(secret, AGENT_TOKEN) if secret is not None else ""
    if pod is None or not address or not token:
        raise Unavailable("The desktop has no address or no token yet; it is asked when it has.", System.AGENT)
    return AgentEndpoint(pod["metadata"]["name"], address, token)


class AgentClient:
    """Asks the agents of all desktops. Methods raise `Unavailable`, `Unauthorised` and `Invalid`."""

    def __init__(self, on_request: RequestHook = ignore_request) -> None:
        self._on_request = on_request
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def status(self, desktop: AgentEndpoint) -> AgentStatus:
        """Ask whether somebody works or a render runs."""
        answer = await self._request("GET", desktop, "status", None, ASK_SECONDS)
        try:
            return AgentStatus(max(0.0, float(answer["idle_seconds"])), bool(answer["rendering"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"The desktop {desktop.name} does not say whether somebody works.", System.AGENT
            ) from error

    async def save(self, desktop: AgentEndpoint) -> str:
        """Have the open scene saved, and return the file."""
        answer = await self._request("POST", desktop, "save", {}, SAVE_SECONDS)
        return str(answer.get("file", ""))

    async def notify(self, desktop: AgentEndpoint, message: str, seconds: float) -> None:
        """Show words on the desktop for a while; empty ones take them down."""
        await self._request("POST", desktop, "notice", {"message": message, "seconds": seconds}, ASK_SECONDS)

    async def _request(
        self, method: str, desktop: AgentEndpoint, path: str, body: dict[str, Any] | None, seconds: float
    ) -> dict[str, Any]:
        if self._session is None:
            # One connection a request: a desktop is asked seldom, and there may be thousands.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32, force_close=True))
        address = f"[{desktop.address}]" if ":" in desktop.address else desktop.address
        code, begun = 0, time.monotonic()
        try:
            async with self._session.request(
                method,
                f"http://{address}:{AGENT_PORT}/{path}",
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
            raise Unavailable(message, System.AGENT) from error
        finally:
            self._on_request(method, path, time.monotonic() - begun, code)
        return _answer(desktop, path, code, text)


def _answer(desktop: AgentEndpoint, path: str, code: int, text: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except ValueError:
        decoded = {}
    answer: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    if code < 400:
        return answer
    said = f"The desktop {desktop.name} answered {code} to {path}: {str(answer.get('message', 'no reason'))[:500]}"
    if code in (401, 403):
        raise Unauthorised(said, System.AGENT)
    if code in (404, 503):
        raise Unavailable(said, System.AGENT)
    raise Invalid(said, System.AGENT)
