"""Fake agents of desktops, each at a loopback address of its own."""

from __future__ import annotations

import itertools
import json
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from blendersessions.model.container import AGENT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count(1)
_NETWORK = "127.{}.{}".format(*(part + 1 for part in divmod(os.getpid() % 60_000, 250)))
"""Loopback addresses of this process. The agent's port is fixed, so every run on a machine needs its own addresses."""


@dataclass
class FakeAgent:
    """The answers that an agent gives, and the requests that it got."""

    address: str
    idle_seconds: float = 0.0
    rendering: bool = False
    save_answer: tuple[int, dict[str, Any]] = (200, {"file": "/home/blender/cart.blend"})
    polls: int = 0
    saved: int = 0
    notices: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)


@contextmanager
def fake_agent() -> Iterator[FakeAgent]:
    """Run one."""
    agent = FakeAgent(f"{_NETWORK}.{next(_numbers)}")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            agent.polls += 1
            self._answer(200, {"idle_seconds": agent.idle_seconds, "rendering": agent.rendering})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/save":
                agent.saved += 1
                self._answer(*agent.save_answer)
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

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    server = ThreadingHTTPServer((agent.address, AGENT_PORT), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield agent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
