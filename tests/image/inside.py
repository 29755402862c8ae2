"""The client of the test's startup script in Blender."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).with_name("startup_script.py")
SCRIPT_NAME = "blender_sessions_tests.py"
"""Blender loads every module of its folder `startup`, with factory settings too."""
FOLDER_TARGET = "/run/blender-tests"
COMPUTE = """
import itertools, mmap
with open("{file}", "rb") as file, mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ) as mapped:
    any(map(mapped.__getitem__, itertools.repeat(0)))
"""


@dataclass(frozen=True)
class Inside:
    """Runs Python in a Blender."""

    folder: Path
    """What the container has at FOLDER_TARGET."""

    def run(self, code: str, seconds: float) -> Any:  # noqa: ANN401 - what JSON can hold
        """Run code, and return what its last expression gives.

        Raises:
            AssertionError: the code raised something, or Blender ended.
        """
        with self._begun(code, seconds) as answers:
            answer = json.loads(answers.readline() or '{"error": "Blender ended."}')
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def begin(self, code: str) -> None:
        """Return when Blender begins to run the code."""
        with self._begun(code, DEADLINE_SECONDS):
            pass

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Keep Blender's main thread computing during the block, without ever giving up Python's lock.

        No Python code runs meanwhile: C functions read a byte of a file that is mapped, until it is not 0.
        """
        stop = self.folder / "stop"
        stop.write_bytes(b"\0")
        with self._begun(COMPUTE.format(file=f"{FOLDER_TARGET}/{stop.name}"), DEADLINE_SECONDS) as answers:
            try:
                yield
            finally:
                # In place, since the file is mapped.
                with stop.open("r+b") as mapped:
                    mapped.write(b"\1")
            assert answers.readline(), "Blender ended while it computed."

    @contextmanager
    def _begun(self, code: str, seconds: float) -> Iterator[IO[str]]:
        with self._connected(seconds) as client, client.makefile("rw") as lines:
            lines.write(json.dumps({"code": code}) + "\n")
            lines.flush()
            assert lines.readline(), "Blender ended before it ran the code."
            yield lines

    def _connected(self, seconds: float) -> socket.socket:
        def connect() -> socket.socket | None:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(seconds)
            try:
                client.connect(str(self.folder / "socket"))
            except (FileNotFoundError, ConnectionRefusedError):
                client.close()
                return None
            return client

        client = until("Blender listens to the test", connect)
        assert client is not None
        return client
