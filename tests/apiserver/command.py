"""Running the command as a process, with the kubeconfig of a person."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def run(kubeconfig: Path, *command: str, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "XDG_CACHE_HOME": str(kubeconfig.parent / "cache"),
        "HOME": str(kubeconfig.parent),
        "PATH": f"{path}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def blendersessions(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(kubeconfig, sys.executable, "-m", "blendersessions_cli", *arguments)
