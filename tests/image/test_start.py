"""A container starts, and shows what it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.picture import difference, viewport

if TYPE_CHECKING:
    from pathlib import Path

    from image.container import Container
    from image.desktops import RunDesktop

CART = "/home/blender/shopping_cart.blend"


def test_the_sample_is_on_screen(desktop: Container, run_desktop: RunDesktop, tmp_path: Path) -> None:
    empty = run_desktop()
    empty.wait_ready()
    assert desktop.status()["file"] == CART
    assert desktop.blender("bpy.data.filepath") == CART
    cart, cube = desktop.screenshot(tmp_path / "cart.png"), empty.screenshot(tmp_path / "cube.png")
    assert cart.size == (1280, 720)
    assert difference(viewport(cart), viewport(cube)) > 1


def test_the_container_has_the_rights_of_the_pods(desktop: Container) -> None:
    status = desktop.run("cat /proc/1/status")
    read = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert read["Uid"].split() == ["1000"] * 4
    assert read["CapBnd"] == read["CapEff"] == "0" * 16
    assert read["NoNewPrivs"] == "1"
    assert (
        desktop.run("for folder in /tmp /home/blender /run/blender-sessions; do touch $folder/x; rm $folder/x; done")
        == ""
    )
    assert desktop.run("touch /var/tmp/x 2>&1 || true").endswith("Read-only file system")
