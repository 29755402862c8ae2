"""A container ends: what is kept, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from image.desktops import RunDesktop

CART = "/home/blender/shopping_cart.blend"
ADD = "bpy.ops.object.empty_add(); bpy.context.object.name = 'Made by a person'"
MADE = "'Made by a person' in bpy.data.objects"


def test_sigterm_saves(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    container.blender(ADD)

    container.signal("TERM")

    assert container.exit().code == 0
    container.start_again(new_pod=True)
    container.wait_ready()
    assert container.status()["file"] == CART
    assert container.blender(MADE)


def test_a_crash_is_told(run_desktop: RunDesktop) -> None:
    container = run_desktop()
    container.wait_ready()

    container.kill_process("blender", "SEGV")

    end = container.exit()
    assert (end.code, end.reason) == (64, "BlenderFailed")
    assert "SIGSEGV" in end.message
