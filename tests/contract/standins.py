"""Running the stand-in inside a test's process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvicorn

from standin.__main__ import configuration
from standin.settings import Settings
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ADMIN = "guacadmin"
PASSWORD = "guacadmin"


@dataclass(frozen=True)
class Guacamole:
    """Where a Guacamole is and how to sign in as its administrator."""

    url: str
    """The base URL, with a trailing slash."""
    username: str
    password: str = field(repr=False)


@contextmanager
def running(
    guacd_port: int = 4822, *, data_source: str = "postgresql", database: str = ":memory:", person_header: str = ""
) -> Iterator[Guacamole]:
    """Run a stand-in on a free loopback port while the block runs."""
    settings = Settings(
        admin_username=ADMIN,
        admin_password=PASSWORD,
        guacd_port=guacd_port,
        data_source=data_source,
        database=database,
        host="127.0.0.1",
        port=0,
        person_header=person_header,
    )
    server = uvicorn.Server(configuration(settings))
    thread = threading.Thread(target=server.run, name="standin", daemon=True)
    thread.start()
    try:
        yield Guacamole(f"http://127.0.0.1:{_port(server, thread)}/guacamole/", ADMIN, PASSWORD)
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive(), "the stand-in did not stop"


def _port(server: uvicorn.Server, thread: threading.Thread) -> int:
    until("the stand-in starts or ends", lambda: server.started or not thread.is_alive(), pause=0.005)
    assert server.started, "the stand-in did not start"
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
