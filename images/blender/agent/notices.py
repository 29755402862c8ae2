"""Shows words on the desktop, one notice at a time."""

import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Final

COMMAND: Final = ("/usr/bin/python3", "-m", "agent.banner")
_SHOWN_SECONDS: Final = 4.0


class NotShown(Exception):  # noqa: N818 - what happened, as the answer says it
    """The words did not come on the screen."""


class Notices:
    """Runs the banner's program. Any thread may call.

    Args:
        command: the program; gets the seconds as its argument and the words on standard input, and prints `shown`.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def show(self, message: str, seconds: float) -> None:
        """Show a message in place of the one that is shown now; an empty one only takes that down.

        Raises:
            NotShown: the words did not come on the screen.
        """
        with self._lock:
            self._take_down()
            if message:
                self._process = self._start(message, seconds)

    def _take_down(self) -> None:
        if self._process is not None:
            # The X server removes the windows of a program that ends.
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
        assert process.stdin is not None  # noqa: S101 - both are pipes, as asked for
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(message.encode())
            process.stdin.close()
        except BrokenPipeError:
            print("The banner ended before it read its text.", file=sys.stderr)  # noqa: T201
        with process.stdout as output:
            ready, _, _ = select.select([output], [], [], _SHOWN_SECONDS)
            if not ready or output.readline().strip() != b"shown":
                process.kill()
                process.wait()
                raise NotShown("The notice did not appear on the screen. The container's log has the details.")
        # Ended by itself, it is waited for at once, so that no zombie stays.
        threading.Thread(target=process.wait, name="agent-notice", daemon=True).start()
        return process
