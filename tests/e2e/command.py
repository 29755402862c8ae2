"""The command of this work tree, as a person runs it beside a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.kubectl import Kubectl


def command(kubectl: Kubectl, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, in the namespace of the test."""
    return subprocess.run(
        [sys.executable, "-m", "blendersessions_cli", *arguments, "-n", kubectl.namespace],
        env={**os.environ, "KUBECONFIG": str(kubectl.kubeconfig), "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
