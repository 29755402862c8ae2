"""The command at a real cluster: a file goes into a desktop and comes out, by the API server's port forwarding."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from e2e.command import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl


def test_a_file_goes_in_and_comes_out(started: Callable[..., Desktop], kubectl: Kubectl, tmp_path: Path) -> None:
    started("cart", sample="shopping_cart.blend")
    content = os.urandom(8 * 2**20)
    (tmp_path / "wood.png").write_bytes(content)

    def run(*arguments: str) -> list[str]:
        done = command(kubectl, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    run("upload", "cart", "wood.png", "--to", "textures")
    assert "textures/wood.png" in run("files", "cart", "textures", "-o", "name")
    (tmp_path / "wood.png").unlink()
    run("download", "cart", "textures/wood.png", "textures")
    assert (tmp_path / "wood.png").read_bytes() == content
    assert (tmp_path / "textures.zip").stat().st_size > len(content)
    run("delete-file", "cart", "textures/wood.png", "textures")
    assert "textures" not in run("files", "cart", "-o", "name")
