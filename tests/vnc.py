"""What a person does at a desktop by VNC."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from waiting import DEADLINE_SECONDS


def vncdo(server: str, port: int, password: str, *arguments: str | Path) -> None:
    """Run vncdo on a VNC server: its options, and what it shall do there.

    Raises:
        AssertionError: vncdo failed; the message has what it printed.
    """
    command = [
        Path(sys.executable).with_name("vncdo"),
        f"--server={server}::{port}",
        f"--password={password}",
        f"--timeout={DEADLINE_SECONDS:.0f}",
        *arguments,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=2 * DEADLINE_SECONDS)
    shown = " ".join(str(each) for each in arguments)
    assert done.returncode == 0, f"vncdo {shown} ended with {done.returncode}: {done.stdout}{done.stderr}"
