"""The operator's event loop leaves no connection to the garbage collector."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import socket
import ssl
import threading
import warnings
from typing import TYPE_CHECKING

import pytest

from blendersessions_operator.handlers.event_loop import EventLoop
from localcluster.pki import Authority
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def silent_server(tmp_path: Path) -> Iterator[int]:
    """The port of a TLS server that says nothing after the handshake, and does not answer TLS' farewell."""
    now = dt.datetime.now(dt.UTC)
    certificate, key = Authority.create(now).issue("server", now, hosts=["127.0.0.1"]).write(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True):
                over.wait(DEADLINE_SECONDS)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()


def left_behind(loop: asyncio.AbstractEventLoop, port: int, *, close: bool) -> list[str]:
    """Return what the garbage collector finds of a connection after its loop is closed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.closing(loop):
        transport, _ = loop.run_until_complete(loop.create_connection(asyncio.Protocol, "127.0.0.1", port, ssl=context))
        if close:
            transport.close()
    del transport, _
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        gc.collect()
    return [str(each.message) for each in found]


@pytest.mark.parametrize("close", [True, False], ids=["farewell without an answer", "not closed"])
def test_no_connection_outlives_the_loop(silent_server: int, close: bool) -> None:
    assert left_behind(EventLoop(), silent_server, close=close) == []
