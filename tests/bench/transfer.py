"""What a large file costs the agent each way: MB/s, memory, the wait of others; beside plain copies over loopback."""

from __future__ import annotations

import argparse
import http.client
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 10**6
BLOCK_BYTES = 2**20
TOKEN = secrets.token_hex(16)
PARTS = 64
"""Files that the packed folder is made of."""


def main(arguments: list[str]) -> None:
    """Move a file each way, by turns with the plain copies, and print the medians."""
    parser = argparse.ArgumentParser(prog="make bench OPTIONS=transfer", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files lie; default: a temporary folder")
    given = parser.parse_args(arguments)
    size = given.megabytes * MB
    with tempfile.TemporaryDirectory(prefix="blender-sessions-bench-", dir=given.folder) as temporary:
        home = Path(temporary)
        folder = home / "renders"
        folder.mkdir()
        for number in range(PARTS):
            (folder / f"{number:02}").write_bytes(os.urandom(-(-size // PARTS)))
        with agent(home) as (port, pid):
            kinds: dict[str, Callable[[], None]] = {
                "up": lambda: upload(port, size),
                "up, floor": lambda: plain_upload(home / "plain", size),
                "down": lambda: download(port, "/files/large", size),
                "down, floor": lambda: plain_download(home / "large"),
                "archive": lambda: download(port, "/archive?path=renders", size),
            }
            load = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
            print(f"{given.megabytes} MB, median of {given.rounds} rounds; {load}; agent at rest {peak(pid):.0f} MiB")
            figures = {kind: Figures() for kind in kinds}
            for _ in range(given.rounds):
                for kind, move in kinds.items():
                    measure(move, figures[kind], port, pid)
        for kind, found in figures.items():
            line = f"{kind:<12} {size / MB / statistics.median(found.seconds):>6.0f} MB/s"
            print(line if kind.endswith("floor") else f"{line}   {found.cost()}")


@dataclass
class Figures:
    """What was found for one way."""

    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0
    waits: list[float] = field(default_factory=list)

    def cost(self) -> str:
        """Describe what it cost the agent and its other clients."""
        waits = [1000 * each for each in self.waits]
        answers = f"answers to others after {statistics.median(waits):.0f} ms, at most {max(waits):.0f} ms"
        return f"memory at most {self.memory:.0f} MiB; {answers}"


def measure(move: Callable[[], None], figures: Figures, port: int, pid: int) -> None:
    """Move a file once."""
    ended = threading.Event()
    asking = threading.Thread(target=ask, args=(port, ended, figures.waits))
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    asking.start()
    begun = time.monotonic()
    move()
    figures.seconds.append(time.monotonic() - begun)
    ended.set()
    asking.join()
    figures.memory = max(figures.memory, peak(pid))


def ask(port: int, ended: threading.Event, waits: list[float]) -> None:
    """Be another client, which asks for `/healthz` ten times a second, and keep how long each answer took."""
    while not waits or not ended.wait(0.1):
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
        waits.append(time.monotonic() - begun)


def peak(pid: int) -> float:
    """Return the most resident memory of a process since `clear_refs`, in MiB. See proc_pid_status(5)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@contextmanager
def agent(home: Path) -> Iterator[tuple[int, int]]:
    """Run the agent's files until the block ends, and give the port and the process."""
    command = [sys.executable, "-m", "bench.file_agent", str(home), TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


def blocks(size: int) -> Iterator[bytes]:
    """Yield so many bytes."""
    block = os.urandom(BLOCK_BYTES)
    for begin in range(0, size, BLOCK_BYTES):
        yield block[: size - begin]


def upload(port: int, size: int) -> None:
    """Put a file."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(size)}
    connection.request("PUT", "/files/large", blocks(size), headers)
    assert connection.getresponse().status in {201, 204}
    connection.close()


def download(port: int, path: str, size: int) -> None:
    """Get a file or an archive, and throw it away: what is measured is not how a client reads chunks."""
    buffer = bytearray(BLOCK_BYTES)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        received = client.recv_into(buffer)
        assert buffer.startswith(b"HTTP/1.1 200 ")
        while count := client.recv_into(buffer):
            received += count
    assert received > size


def plain_upload(file: Path, size: int) -> None:
    """Send the same bytes over loopback into a file that is flushed to the disk, with nothing else."""

    def receive(client: socket.socket) -> None:
        buffer = bytearray(BLOCK_BYTES)
        with file.open("wb", buffering=0) as stream:
            while count := client.recv_into(buffer):
                stream.write(memoryview(buffer)[:count])
            os.fsync(stream.fileno())

    with exchange(receive) as client:
        for block in blocks(size):
            client.sendall(block)
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
    file.unlink()


def plain_download(file: Path) -> None:
    """Send the same file over loopback, from the kernel's own copy of it."""

    def give(client: socket.socket) -> None:
        with file.open("rb") as stream:
            client.sendfile(stream)

    with exchange(give) as client:
        buffer = bytearray(BLOCK_BYTES)
        while client.recv_into(buffer):
            pass


@contextmanager
def exchange(serve: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """Connect to a thread that serves one connection."""

    def run() -> None:
        client, _ = server.accept()
        with client:
            serve(client)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run)
        thread.start()
        with socket.create_connection(server.getsockname()) as client:
            yield client
        thread.join()
