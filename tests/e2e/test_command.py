"""The command at a real cluster: a file goes into a desktop and comes out, by the API server's port forwarding."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl


def test_a_file_goes_in_and_comes_out(started: Callable[..., Desktop], kubectl: Kubectl, tmp_path: Path) -> None:
    started("cart", sample="shopping_cart.blend")
    content = os.urandom(8 * 2**20)
    (tmp_path / "wood.png").write_bytes(content)

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "KUBECONFIG": str(kubectl.kubeconfig), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-m", "blendersessions_cli", *arguments, "-n", kubectl.namespace],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done

    command("upload", "cart", "wood.png", "--to", "textures")
    assert "textures/wood.png" in command("files", "cart", "textures", "-o", "name").stdout.splitlines()
    (tmp_path / "wood.png").unlink()
    command("download", "cart", "textures/wood.png", "textures")
    assert (tmp_path / "wood.png").read_bytes() == content
    assert (tmp_path / "textures.zip").stat().st_size > len(content)
    command("delete-file", "cart", "textures/wood.png", "textures")
    assert "textures" not in command("files", "cart", "-o", "name").stdout.splitlines()
