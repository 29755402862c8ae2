"""Fakes of the cluster and of Guacamole, in memory."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from blendersessions.clients.agent_files import AgentFiles
from blendersessions.model.errors import NotFound, System, Unauthorised
from blendersessions.model.session import DEFAULT_CLASS
from blendersessions.model.session_class import parse_session_class
from blendersessions.model.user_credentials import UserCredentials
from blendersessions_portal.session_view import SessionView, new_session, read_session, session_like
from blendersessions_portal.transfer_rules import TransferRules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session_class import SessionClass
    from blendersessions_portal.scene_choice import SceneChoice

PUBLIC_URL = "http://portal.test/"
KEY = b"0123456789abcdef0123456789abcdef"
AGENT_TOKEN = "the-token-of-the-agent"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""The current time of all pages."""


class FakeStore:
    """Keeps objects as the API server does. A test writes the status in the operator's place."""

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.passwords: dict[str, str] = {}
        self.failure: Exception | None = None
        self.rules_of: dict[str, TransferRules] = {}
        """Rules of the classes that have other ones than the defaults."""
        self.rules_were_read = False
        """Whether somebody asked for the rules of a class as they are now, and not as they were seen."""
        self.agent_url = ""
        """Where the agent of all desktops is."""
        self.class_bodies: list[Manifest] = []
        self.told: list[tuple[str, str]] = []
        """The messages to desktops, each with the name of its session."""
        self.former_agent_url = ""
        """Where it was some seconds ago; empty if it was there too."""

    async def list(self, owner: str) -> list[SessionView]:
        self._fail()
        own = [read_session(body) for body in self.objects.values() if body["spec"]["owner"] == owner]
        return sorted(own, key=lambda session: session.created, reverse=True)

    async def every(self) -> Sequence[SessionView]:
        self._fail()
        views = [read_session(body) for body in self.objects.values()]
        return sorted(views, key=lambda session: session.created, reverse=True)

    async def classes(self) -> Sequence[SessionClass]:
        self._fail()
        return [parse_session_class(body) for body in self.class_bodies]

    async def find(self, name: str) -> SessionView:
        self._fail()
        if name not in self.objects:
            raise NotFound(f"There is no session “{name}”.", System.GUACAMOLE)
        return read_session(self.objects[name])

    async def count(self) -> int:
        self._fail()
        return len([body for body in self.objects.values() if "deletionTimestamp" not in body["metadata"]])

    async def get(self, owner: str, name: str) -> SessionView:
        self._fail()
        if name not in self.objects or self.objects[name]["spec"]["owner"] != owner:
            raise NotFound(f"There is no session “{name}”.", System.GUACAMOLE)
        return read_session(self.objects[name])

    async def create(
        self, owner: str, scene: SceneChoice, *, class_name: str = DEFAULT_CLASS, no_middle_button: bool
    ) -> SessionView:
        self._fail()
        return self._keep(
            new_session("blender", owner, scene, class_name=class_name, no_middle_button=no_middle_button)
        )

    async def duplicate(self, owner: str, name: str) -> SessionView:
        return self._keep(session_like(await self.get(owner, name)))

    def _keep(self, body: Manifest) -> SessionView:
        owner = str(body["spec"]["owner"])
        name = str(body["metadata"]["name"])
        body["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": self._moment().isoformat()}
        self.objects[name] = body
        self.passwords.setdefault(owner, "secret-of-" + owner)
        return read_session(body)

    async def delete(self, owner: str, name: str) -> None:
        await self.get(owner, name)
        self.objects[name]["metadata"]["deletionTimestamp"] = self._moment().isoformat()

    async def suspend(self, owner: str, name: str) -> None:
        await self.get(owner, name)
        self.objects[name]["spec"]["replicas"] = 0

    async def resume(self, owner: str, name: str) -> None:
        await self.get(owner, name)
        self.objects[name]["spec"]["replicas"] = 1

    async def credentials(self, owner: str) -> UserCredentials:
        if owner not in self.passwords:
            raise NotFound("Secret “blender-user-0” does not exist.", System.GUACAMOLE)
        return UserCredentials(owner, self.passwords[owner])

    async def rules(self, class_name: str, *, may_be_known: bool = False) -> TransferRules:
        self._fail()
        self.rules_were_read = self.rules_were_read or not may_be_known
        return self.rules_of.get(class_name, TransferRules())

    async def desktop_files(self, session: SessionView, *, may_be_known: bool = False) -> AgentFiles:
        await self.get(session.owner, session.name)
        address = (may_be_known and self.former_agent_url) or self.agent_url
        return AgentFiles("desktop-1", address, AGENT_TOKEN)

    async def tell(self, session: SessionView, message: str) -> None:
        await self.get(session.owner, session.name)
        self.told.append((session.name, message))

    def _moment(self) -> datetime:
        """Return a moment that is later for each session, and the same on every machine."""
        return NOW + timedelta(milliseconds=len(self.objects))

    def _fail(self) -> None:
        if self.failure:
            raise self.failure

    @property
    def only(self) -> str:
        """The name of the only session."""
        (name,) = self.objects
        return name

    def set_status(self, name: str, phase: str, *conditions: tuple[str, str, str, str], **more: object) -> None:
        keys = ("type", "status", "reason", "message")
        self.objects[name]["status"] = {
            "phase": phase,
            "conditions": [dict(zip(keys, condition, strict=True)) for condition in conditions],
            **more,
        }

    def make_starting(self, name: str) -> None:
        self.set_status(
            name,
            "Starting",
            ("Ready", "False", "SceneLoading", "The scene is not on screen yet."),
            ("DesktopReady", "True", "DesktopRunning", "The desktop runs."),
            ("SceneReady", "False", "SceneLoading", "Blender loads shopping_cart.blend."),
            ("ConnectionReady", "True", "Registered", "Registered in Guacamole."),
        )

    def make_awaiting(self, name: str) -> None:
        self.set_status(
            name,
            "Starting",
            ("Ready", "False", "AwaitingUpload", "The session waits for a file: kubectl blender upload."),
            ("DesktopReady", "True", "DesktopRunning", "The desktop runs."),
            ("SceneReady", "False", "AwaitingUpload", "The session waits for a file: kubectl blender upload."),
            ("ConnectionReady", "True", "Registered", "Registered in Guacamole."),
        )

    def make_ready(self, name: str, url: str = PUBLIC_URL + "guacamole/#/client/MQBjAHBvc3RncmVzcWw") -> None:
        self.set_status(
            name,
            "Ready",
            ("Ready", "True", "SessionReady", "Blender can be opened."),
            ("DesktopReady", "True", "DesktopRunning", "The desktop runs."),
            clientURL=url,
        )

    def note_start(self, name: str, seconds: float, path: str = "Cold") -> None:
        """Add to the status of a session that is ready how it was started."""
        startup = {"path": path, "seconds": seconds}
        self.objects[name]["status"] |= {"readyAt": NOW.isoformat(), "startup": startup}

    def make_suspended(self, name: str, reason: str, **suspension: object) -> None:
        """Suspend a session as the operator does, and write its status."""
        self.objects[name]["spec"]["replicas"] = 0
        self.set_status(
            name,
            "Suspended",
            ("Ready", "False", "Suspended", "The session is suspended."),
            ("Suspended", "True", reason, "The desktop was saved and stopped."),
            suspension={"reason": reason, "at": "2026-11-24T12:00:00Z", **suspension},
        )

    def limit_files(self, most: int) -> None:
        self.rules_of["default"] = TransferRules(max_bytes=most)

    def allow_addresses(self) -> None:
        self.rules_of["default"] = TransferRules(addresses=True)

    def give_workspace(self, name: str, **workspace: object) -> None:
        self.objects[name]["spec"]["workspace"] = workspace or {"size": "5Gi"}

    def make_failed(self, name: str) -> None:
        message = "Scene “teapot.blend” is not in the image. It has: fire_extinguisher.blend, shopping_cart.blend."
        self.set_status(
            name,
            "Failed",
            ("Ready", "False", "SceneNotFound", message),
            ("DesktopReady", "False", "Error", "The container ended with code 64."),
            ("SceneReady", "False", "SceneNotFound", message),
            ("ConnectionReady", "True", "Registered", "Registered in Guacamole."),
            ("Stalled", "True", "SceneNotFound", message),
        )

    def age(self, name: str, by: timedelta) -> None:
        created = NOW - by
        self.objects[name]["metadata"]["creationTimestamp"] = created.isoformat()


class FakeGuacamole:
    """Makes tokens, and records those that were made and those that work."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.made: list[str] = []
        self.failure: Exception | None = None
        self.refuses: set[str] = set()
        self.attempts = 0
        self.users: dict[str, str] = {}
        """The user of each token that Guacamole's page got by itself."""
        self.all_ended = asyncio.Event()
        """Set when the last token was signed out."""

    def token_of(self, username: str) -> str:
        """Give Guacamole's page a token of a user, as it gets one by the proxy's header."""
        token = f"TOKEN{len(self.made):04d}"
        self.made.append(token)
        self.alive.add(token)
        self.users[token] = username
        return token

    async def username_of(self, token: str) -> str:
        if self.failure:
            raise self.failure
        return self.users.get(token, "") if token in self.alive else ""

    async def sign_in(self, credentials: UserCredentials) -> str:
        self.attempts += 1
        await asyncio.sleep(0)  # other requests run here, as they do while the real Guacamole answers
        if self.failure:
            raise self.failure
        if credentials.username in self.refuses:
            raise Unauthorised(f"Guacamole refused the sign-in of {credentials.username}.", System.GUACAMOLE)
        token = f"TOKEN{len(self.made):04d}"
        self.made.append(token)
        self.alive.add(token)
        return token

    async def is_alive(self, token: str) -> bool:
        if self.failure:
            raise self.failure
        return token in self.alive

    async def sign_out(self, token: str) -> None:
        if self.failure:
            raise self.failure
        self.alive.discard(token)
        if not self.alive:
            self.all_ended.set()


SAMPLES = """\
samples:
  - file: shopping_cart.blend
    title: Shopping cart
    description: A steel cart on four castors.
    thumbnail: shopping_cart.png
  - file: fire_extinguisher.blend
    title: Fire extinguisher
    description: Red, and ready.
    thumbnail: fire_extinguisher.png
"""


def write_samples(folder: Path) -> Path:
    """Write a folder of samples as in the portal's image, and return it."""
    (folder / "thumbnails").mkdir()
    (folder / "samples.yaml").write_text(SAMPLES, encoding="utf-8")
    for name in ("shopping_cart", "fire_extinguisher"):
        (folder / "thumbnails" / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder
