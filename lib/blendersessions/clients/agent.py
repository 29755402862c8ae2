"""The agent beside Blender, by its HTTP interface (docs/interfaces.md, "The Blender container")."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.container import AGENT_PORT, AGENT_TOKEN
from blendersessions.model.errors import Busy, Invalid, System, Unauthorised, Unavailable
from blendersessions.model.fields import foreign_line, foreign_object, foreign_text, seconds
from blendersessions.model.secret_data import decode

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

REQUEST_TIMEOUT_SECONDS = 5.0
OPEN_TIMEOUT_SECONDS = 30.0
"""Longest time until a sample is on screen. A start of a desktop takes less."""
_MAX_ANSWER_BYTES = 64 * 1024
"""The rest of an answer is not read: the program at a pod's address must not fill our memory."""
_MAX_MESSAGE_CHARACTERS = 500
"""The rest of an agent's own message is cut off."""
_VERSION: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}", re.ASCII)
_MAX_NAME_CHARACTERS = 255
"""The rest of a file's name, or of a word, is cut off."""
_LONGEST_SECONDS: Final = timedelta(days=366).total_seconds()
"""A longer time counts as this one. It is longer than any lifetime, and no pod is as old."""


@dataclass(frozen=True)
class AgentEndpoint:
    """The name of a desktop, the address of its agent, and the token that the agent accepts."""

    name: str
    address: str
    token: str = field(repr=False)
    pod_uid: str = ""
    """UID of the pod that has the address."""


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
    ready: bool = False
    """Whether the scene is on screen."""
    scene: str = ""
    """Name of the file that is open; empty if none is."""
    blender_version: str = ""
    """Such as `4.3.2`; empty if the agent does not say it."""
    scene_reason: str = ""
    """Why the scene is not there yet, in one word; empty when it was opened."""
    scene_message: str = ""
    """The same in a sentence."""
    scene_needs: str = ""
    """The oldest Blender that opens the scene, such as `5.0`, if it is too new; else empty."""


def endpoint_of(pod: Manifest | None, secret: Manifest | None) -> AgentEndpoint:
    """Return the address of a desktop's agent, and the token for it.

    Raises:
        Unavailable: the pod has no address yet, or the Secret has no token.
    """
    address = str(((pod or {}).get("status") or {}).get("podIP") or "")
    token = decode(secret, AGENT_TOKEN) if secret is not None else ""
    if pod is None or not address or not token:
        raise Unavailable("The desktop has no address or no token yet. It is asked again.", System.AGENT)
    return AgentEndpoint(pod["metadata"]["name"], address, token, str(pod["metadata"]["uid"]))


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
        idle, worked = (seconds(answer.get(key), _LONGEST_SECONDS) for key in ("idle_seconds", "work_seconds"))
        work = answer.get("work")
        if idle is None or not isinstance(work, str):
            message = f"The agent of the desktop {desktop.name} does not report whether somebody works."
            raise Unavailable(message, System.AGENT)
        return AgentStatus(
            idle_seconds=idle,
            work=foreign_text(work, _MAX_MESSAGE_CHARACTERS),
            work_seconds=worked or 0.0,
            work_message=foreign_text(answer.get("work_message"), _MAX_MESSAGE_CHARACTERS),
            stuck=answer.get("stuck") is True,
            ready=answer.get("ready") is True,
            scene=foreign_line(answer.get("scene"), _MAX_NAME_CHARACTERS),
            blender_version=_version(answer.get("blender_version")),
            scene_reason=foreign_line(answer.get("scene_reason"), _MAX_NAME_CHARACTERS),
            scene_message=foreign_line(answer.get("scene_message"), _MAX_MESSAGE_CHARACTERS),
            scene_needs=_version(answer.get("scene_needs")),
        )

    async def save(self, desktop: AgentEndpoint, timeout_seconds: float) -> str:
        """Have all that a person made saved, and return the path of the file.

        Args:
            desktop: the desktop.
            timeout_seconds: the longest time that the save may take.

        Raises:
            Busy: Blender does not get to it, because it works.
        """
        answer = await self._request("POST", desktop, "save", {}, timeout_seconds)
        return foreign_text(answer.get("file"), _MAX_MESSAGE_CHARACTERS)

    async def open_sample(self, desktop: AgentEndpoint, sample: str) -> None:
        """Have a sample of the image opened, or the empty scene without one, and return when it is on screen.

        A desktop that has it open already opens nothing.
        """
        await self._request("POST", desktop, "sample", {"name": sample}, OPEN_TIMEOUT_SECONDS)

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
                text = await _read(response.content)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            message = (
                f"The agent of the desktop {desktop.name} does not answer ({type(error).__name__}); it is asked again."
            )
            raise Unavailable(message, System.AGENT) from error
        finally:
            self._on_request(method, path, time.monotonic() - started, code)
        return _answer(desktop, path, code, text)


def _version(value: object) -> str:
    """Read the version of a Blender, such as `4.3.2`; empty if the value is none."""
    version = foreign_line(value, _MAX_NAME_CHARACTERS)
    return version if _VERSION.fullmatch(version) else ""


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Read an answer to its end. It may come in parts."""
    text = b""
    while len(text) < _MAX_ANSWER_BYTES and (part := await content.read(_MAX_ANSWER_BYTES - len(text))):
        text += part
    return text


def _answer(desktop: AgentEndpoint, path: str, code: int, text: bytes) -> dict[str, Any]:
    answer = foreign_object(text)
    if code < 400:
        return answer
    reason = foreign_text(answer.get("message"), _MAX_MESSAGE_CHARACTERS) or "no reason"
    message = f"The desktop {desktop.name} answered {code} to {path}: {reason}"
    if code in (401, 403):
        raise Unauthorised(message, System.AGENT)
    if code == 503 and path == "save":
        raise Busy(reason, System.AGENT)
    if code in (404, 503):
        raise Unavailable(message, System.AGENT)
    raise Invalid(message, System.AGENT)
