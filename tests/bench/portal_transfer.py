"""How fast a large file goes through the portal, on loopback, and how much memory that takes.

The agent at the other end throws away what it gets and sends zeros. The floor is the same transfer without the portal.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import uvicorn
from aiohttp import web

from chart.rendering import ROOT
from ports import HeldPort
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20
PART = bytes(2**18)


def main(arguments: list[str]) -> None:
    """Send a file in and out, directly and through the portal; print MB/s and the portal's memory."""
    parser = argparse.ArgumentParser(prog="make bench OPTIONS=portal-transfer", description=__doc__)
    parser.add_argument("--bytes", type=int, default=10**9)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=["agent", "portal"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--agent", default="", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve == "agent":
        web.run_app(_agent(given.bytes), host="127.0.0.1", port=given.port, print=None, access_log=None)
    elif given.serve == "portal":
        _serve_portal(given.port, given.agent)
    else:
        _measure(given.bytes, given.rounds)


def _measure(size: int, rounds: int) -> None:
    with ExitStack() as stack:
        agent, _ = stack.enter_context(_running("agent", size, ""))
        portal, process = stack.enter_context(_running("portal", size, f"http://127.0.0.1:{agent}"))
        session, headers = _session(portal)
        ways = {
            "without the portal": (agent, "/files/a.blend", {"Authorization": "Bearer the-token-of-the-agent"}),
            "through the portal": (portal, f"{session}/files/a.blend", headers),
        }
        idle = _memory(process, "VmRSS")
        print(f"{size / 1e6:.0f} MB on loopback, the best of {rounds}; load before: {os.getloadavg()[0]:.1f}")
        for direction, transfer in (("in", _send), ("out", _receive)):
            for way, (port, path, sent) in ways.items():
                _forget_peak(process)
                before = _processor_seconds(process)
                seconds = min(transfer(port, path, sent, size) for _ in range(rounds))
                line = f"{direction:>3}, {way}: {size / seconds / 1e6:.0f} MB/s"
                if port == portal:
                    spent = (_processor_seconds(process) - before) / rounds
                    line += (
                        f", at most {_memory(process, 'VmHWM')} MiB and {spent:.1f} s of processor time of the portal"
                    )
                print(line)
        print(f"the portal's memory before: {idle} MiB")


@contextmanager
def _running(part: str, size: int, agent: str) -> Iterator[tuple[int, int]]:
    """Run one end in a process of its own; yield its port and its process id."""
    paths = [str(ROOT / each) for each in ("lib", "portal", "operator", "tests", "local/cluster", "local/guacamole")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    with HeldPort() as port:
        options = ["--serve", part, "--port", str(port.number), "--bytes", str(size), "--agent", agent]
        command = [sys.executable, "-m", "bench", "portal-transfer", *options]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            until(f"the {part} listens", lambda: process.poll() is not None or _listens(port.number))
            yield port.number, process.pid
        finally:
            process.terminate()
            process.wait()


def _agent(size: int) -> web.Application:
    async def take(request: web.Request) -> web.StreamResponse:
        async for _ in request.content.iter_any():
            pass
        return web.Response(status=201)

    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        for start in range(0, size, len(PART)):
            await response.write(PART[: min(len(PART), size - start)])
        return response

    app = web.Application(client_max_size=2**62)
    app.add_routes([web.put("/files/{path:.+}", take), web.get("/files/{path:.+}", give)])
    return app


def _serve_portal(port: int, agent: str) -> None:
    # Imported here: the other processes need none of the portal.
    from blendersessions_portal.app import create_app  # noqa: PLC0415
    from unit.portal.fakes import KEY, FakeGuacamole, FakeStore, write_samples  # noqa: PLC0415

    class Store(FakeStore):
        """Has every session ready at once."""

        async def count(self) -> int:
            for name in self.objects:
                self.make_ready(name)
            return 0

    store = Store()
    store.agent_url = agent
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(
            store=store,
            guacamole=FakeGuacamole(),
            cookie_key=KEY,
            public_url=f"http://127.0.0.1:{port}/",
            samples_dir=write_samples(Path(folder)),
            max_sessions=3,
            max_sessions_of_all=60,
        )
        config = uvicorn.Config(app, host="127.0.0.1", port=port, access_log=False, log_level="warning", lifespan="off")
        asyncio.run(uvicorn.Server(config).serve())


def _session(portal: int) -> tuple[str, dict[str, str]]:
    """Make two sessions, of which the first is ready; return its address, and what its owner's browser sends."""
    jar, base = CookieJar(), f"http://127.0.0.1:{portal}"
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    found = re.search(r'name="csrf" value="([^"]+)"', browser.open(f"{base}/").read().decode())
    assert found is not None
    form = urllib.parse.urlencode({"csrf": found[1], "sample": "shopping_cart.blend"}).encode()
    address = browser.open(f"{base}/sessions", form).geturl().removeprefix(base)
    browser.open(f"{base}/sessions", form)
    cookies = "; ".join(f"{each.name}={each.value}" for each in jar)
    return address.partition("?")[0], {"Cookie": cookies, "X-CSRF-Token": found[1]}


def _send(port: int, path: str, headers: dict[str, str], size: int) -> float:
    with _request("PUT", port, path, headers | {"Content-Length": str(size)}) as connection:
        begun = time.perf_counter()
        for start in range(0, size, len(PART)):
            connection.sendall(PART[: min(len(PART), size - start)])
        answer = connection.recv(2**16)
        assert re.match(rb"HTTP/1.1 20[01]", answer), answer
        return time.perf_counter() - begun


def _receive(port: int, path: str, headers: dict[str, str], size: int) -> float:
    with _request("GET", port, path, headers) as connection:
        begun, got, buffer = time.perf_counter(), 0, bytearray(2**20)
        while got < size:
            count = connection.recv_into(buffer)
            assert count, f"{got} bytes came"
            if not got:
                assert buffer.startswith(b"HTTP/1.1 200"), bytes(buffer[:count])
            got += count
        return time.perf_counter() - begun


def _request(method: str, port: int, path: str, headers: dict[str, str]) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    lines = {"Host": f"127.0.0.1:{port}", "Connection": "close", **headers}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{key}: {lines[key]}\r\n" for key in lines)
    connection.sendall(head.encode() + b"\r\n")
    return connection


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _memory(process: int, field: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024 // MIB


def _processor_seconds(process: int) -> float:
    times = psutil.Process(process).cpu_times()
    return times.user + times.system


def _forget_peak(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")
