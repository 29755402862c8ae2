"""Fake agents of desktops, each at a loopback address of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from blendersessions.model.container import AGENT_PORT
from http_servers import Silent, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apiserver.installation import Installation, Object

_numbers = itertools.count(1)
_NETWORK = "127.{}.{}".format(*(part + 1 for part in divmod(os.getpid() % 60_000, 250)))
"""Loopback addresses of this process. The agent's port is fixed, so every run on a machine needs its own addresses."""


@dataclass
class FakeAgent:
    """The answers that an agent gives, and the requests that it got."""

    address: str
    idle_seconds: float = 0.0
    work: str = ""
    ready: bool = True
    """Whether the scene is on screen."""
    scene: str = ""
    """Name of the file that is open."""
    blender_version: str = "4.3.2"
    scene_reason: str = ""
    scene_message: str = ""
    scene_needs: str = ""
    save_answer: tuple[int, dict[str, Any]] = (200, {"file": "/home/blender/cart.blend"})
    polls: int = 0
    saved: int = 0
    sample_answer: tuple[int, dict[str, Any]] = (200, {})
    samples: list[str] = field(default_factory=list)
    """The samples that were to be opened."""
    notices: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    on_save: Callable[[], None] = lambda: None
    """Called at each save, before it is answered."""


@contextmanager
def fake_agent() -> Iterator[FakeAgent]:
    """Run one."""
    agent = FakeAgent(f"{_NETWORK}.{next(_numbers)}")

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            agent.polls += 1
            work = {"work": agent.work, "work_seconds": 0.0, "work_message": "", "stuck": False}
            scene = {
                "scene_reason": agent.scene_reason,
                "scene_message": agent.scene_message,
                "scene_needs": agent.scene_needs,
            }
            blender = {"ready": agent.ready, "scene": agent.scene, "blender_version": agent.blender_version}
            self._answer(200, {"idle_seconds": agent.idle_seconds} | work | scene | blender)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/save":
                agent.on_save()
                agent.saved += 1
                self._answer(*agent.save_answer)
            elif self.path == "/sample":
                agent.samples.append(body["name"])
                self._answer(*agent.sample_answer)
            else:
                agent.notices.append(body["message"])
                self._answer(200, {})

        def _answer(self, status: int, answer: dict[str, Any]) -> None:
            agent.tokens.add(self.headers["Authorization"].removeprefix("Bearer "))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with answering(ThreadingHTTPServer((agent.address, AGENT_PORT), Handler)):
        yield agent


class SilentAgent:
    """An agent at the port of all agents that accepts each connection, reads nothing, and never answers."""

    def __init__(self) -> None:
        self.address = f"{_NETWORK}.{next(_numbers)}"
        self.asked = 0
        """Connections so far."""
        self.ended = 0
        """Connections that the operator has given up."""
        self._listener = socket.create_server((self.address, AGENT_PORT), backlog=256)
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._hold, args=(client,), daemon=True).start()

    def _hold(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while client.recv(4096):
                pass
        self.ended += 1


def bringing(installation: Installation, agent: FakeAgent, name: str = "cart", **spec: object) -> Object:
    """Create a session whose desktop runs, and whose agent brings the scene in."""
    agent.ready = False
    created = installation.create(name, **spec)
    installation.run_pod(created, agent.address, ready=False)
    return created


def opened(installation: Installation, agent: FakeAgent, session: Object, file: str) -> Object:
    """Have the agent's scene on screen, and wait until the session is ready."""
    agent.ready, agent.scene = True, file
    agent.scene_reason = agent.scene_message = agent.scene_needs = ""
    installation.run_pod(session, agent.address)
    return installation.until_ready(session["metadata"]["name"])


def started(installation: Installation, agent: FakeAgent, name: str = "cart", **spec: object) -> Object:
    """Create a session whose desktop has this agent, and wait until it is ready."""
    installation.run_pod(installation.create(name, **spec), agent.address)
    return installation.until_ready(name)
