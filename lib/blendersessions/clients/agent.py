"""The agent beside Blender, by its HTTP interface (docs/interfaces.md, "The Blender container")."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.container import AGENT_PORT, AGENT_TOKEN
from blendersessions.model.errors import Busy, Invalid, System, Unauthorised, Unavailable
from blendersessions.model.secret_data import decode

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

REQUEST_TIMEOUT_SECONDS = 5.0
_MAX_ANSWER_BYTES = 64 * 1024
"""The rest of an answer is not read: the program at a pod's address must not fill our memory."""
_MAX_MESSAGE_CHARACTERS = 500
"""The rest of an agent's own message is cut off."""


@dataclass(frozen=True)
class AgentEndpoint:
    """The name of a desktop, the address of its agent, and the token that the agent accepts."""

    name: str
    address: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class AgentStatus:
    """What an agent reports of its desktop."""

    idle_seconds: float
    """Time since the last key or movement of the pointer."""
    work: str = ""
    """What goes on that must not be interrupted: `Render`, `Bake`, `Simulation` or `Operation`; empty if nothing."""
    work_seconds: float = 0.0
    """For how long that has gone on; 0 without work."""
    work_message: str = ""
    """A sentence about the work, or about what keeps Blender stuck; empty if there is nothing to say."""
    stuck: bool = False
    """Whether Blender's main loop stands still, and its process does not work."""


def endpoint_of(pod: Manifest | None, secret: Manifest | None) -> AgentEndpoint:
    """Return the address of a desktop's agent, and the token for it.

    Raises:
        Unavailable: the pod has no address yet, or the Secret has no token.
    """
    address = str(((pod or {}).get("status") or {}).get("podIP") or "")
    token = decode(secret, AGENT_TOKEN) if secret is not None else ""
    if pod is None or not address or not token:
        raise Unavailable("The desktop has no address or no token yet. It is asked again.", System.AGENT)
    return AgentEndpoint(pod["metadata"]["name"], address, token)


class AgentClient:
    """The client for the agents of all desktops. Methods raise `Unavailable`, `Unauthorised` and `Invalid`.

    Args:
        on_request: called after each request.
    """

    def __init__(self, on_request: RequestHook = ignore_request) -> None:
        self._on_request = on_request
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def status(self, desktop: AgentEndpoint) -> AgentStatus:
        """Ask whether somebody works, or Blender does."""
        answer = await self._request("GET", desktop, "status", None, REQUEST_TIMEOUT_SECONDS)
        try:
            return AgentStatus(
                idle_seconds=max(0.0, float(answer["idle_seconds"])),
                work=str(answer["work"]),
                work_seconds=max(0.0, float(answer.get("work_seconds", 0.0))),
                work_message=str(answer.get("work_message", ""))[:_MAX_MESSAGE_CHARACTERS],
                stuck=bool(answer.get("stuck", False)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"The agent of the desktop {desktop.name} does not report whether somebody works.", System.AGENT
            ) from error

    async def save(self, desktop: AgentEndpoint, timeout_seconds: float) -> str:
        """Have all that a person made saved, and return the path of the file.

        Args:
            desktop: the desktop.
            timeout_seconds: the longest time that the save may take.

        Raises:
            Busy: Blender does not get to it, because it works.
        """
        answer = await self._request("POST", desktop, "save", {}, timeout_seconds)
        return str(answer.get("file", ""))

    async def notify(self, desktop: AgentEndpoint, message: str, seconds: float) -> None:
        """Show a notice on the desktop for a number of seconds; an empty message removes the notice."""
        body = {"message": message, "seconds": seconds}
        await self._request("POST", desktop, "notice", body, REQUEST_TIMEOUT_SECONDS)

    async def _request(
        self, method: str, desktop: AgentEndpoint, path: str, body: dict[str, Any] | None, timeout_seconds: float
    ) -> dict[str, Any]:
        if self._session is None:
            # Connections are not kept: a desktop is asked seldom, and there may be thousands of desktops. Their number
            # is bounded by the caller. A bound here would let silent desktops use up the time-outs of the others.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        address = f"[{desktop.address}]" if ":" in desktop.address else desktop.address
        code, started = 0, time.monotonic()
        try:
            async with self._session.request(
                method,
                f"http://{address}:{AGENT_PORT}/{path}",
                json=body,
                headers={"Authorization": f"Bearer {desktop.token}"},
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
                allow_redirects=False,
            ) as response:
                code = response.status
                text = await response.content.read(_MAX_ANSWER_BYTES)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            message = (
                f"The agent of the desktop {desktop.name} does not answer ({type(error).__name__}); it is asked again."
            )
            raise Unavailable(message, System.AGENT) from error
        finally:
            self._on_request(method, path, time.monotonic() - started, code)
        return _answer(desktop, path, code, text)


def _answer(desktop: AgentEndpoint, path: str, code: int, text: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except ValueError:
        decoded = {}
    answer: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    if code < 400:
        return answer
    reason = str(answer.get("message", "no reason"))[:_MAX_MESSAGE_CHARACTERS]
    message = f"The desktop {desktop.name} answered {code} to {path}: {reason}"
    if code in (401, 403):
        raise Unauthorised(message, System.AGENT)
    if code == 503 and path == "save":
        raise Busy(reason, System.AGENT)
    if code in (404, 503):
        raise Unavailable(message, System.AGENT)
    raise Invalid(message, System.AGENT)
