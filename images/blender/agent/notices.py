"""Shows notices on the desktop, one at a time."""

import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

COMMAND: Final = ("/usr/bin/python3", "-I", str(Path(__file__).parents[1] / "run.py"), "agent.banner")
MAX_ADDED_CHARACTERS: Final = 1000
"""A notice is not added to a text that would become longer than this. It takes its place."""
_SHOWN_SECONDS: Final = 4.0


class NotShown(Exception):  # noqa: N818 - named after what happened
    """The notice did not appear on the screen."""


class Notices:
    """Runs the banner as a process of its own. It is safe in any thread.

    Args:
        command: the banner's program and arguments. The seconds are appended, the text comes on standard input, and
            the program prints `shown` when the text is on the screen.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._text = ""

    def show(self, message: str, seconds: float) -> None:
        """Show a message in place of the current one.

        Args:
            message: the text; empty to remove the current notice.
            seconds: the longest time that it is shown.

        Raises:
            NotShown: the notice did not appear on the screen.
        """
        with self._lock:
            self._replace(message, seconds)

    def add(self, message: str, seconds: float) -> None:
        """Show a message below the current one, if that is still on the screen.

        Args:
            message: the text.
            seconds: the longest time that both are shown.

        Raises:
            NotShown: the notice did not appear on the screen.
        """
        with self._lock:
            is_shown = self._process is not None and self._process.poll() is None
            both = f"{self._text}\n\n{message}" if is_shown and message not in self._text else message
            self._replace(both if len(both) <= MAX_ADDED_CHARACTERS else message, seconds)

    def _replace(self, message: str, seconds: float) -> None:
        self._remove()
        self._text = message
        if message:
            self._process = self._start(message, seconds)

    def _remove(self) -> None:
        if self._process is not None:
            # The X server removes the windows of a process that ends.
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self, message: str, seconds: float) -> "subprocess.Popen[bytes]":
        try:
            process = subprocess.Popen(
                [*self._command, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
            )
        except OSError as error:
            raise NotShown(f"The notice cannot be shown: {error}.") from error
        assert process.stdin is not None  # noqa: S101 - both are pipes, as requested above
        assert process.stdout is not None  # noqa: S101
        try:
            # The name of a file may have bytes that are no text.
            process.stdin.write(message.encode(errors="replace"))
            process.stdin.close()
        except BrokenPipeError:
            print("The banner ended before it read its text.", file=sys.stderr)  # noqa: T201
        with process.stdout as output:
            ready, _, _ = select.select([output], [], [], _SHOWN_SECONDS)
            if not ready or output.readline().strip() != b"shown":
                process.kill()
                process.wait()
                raise NotShown("The notice did not appear on the screen. The container's log has the details.")
        # Reaps the process when its time is over, so that no zombie stays.
        threading.Thread(target=process.wait, name="agent-notice", daemon=True).start()
        return process
