"""A platform may choose the user: OpenShift's restricted-v2 gives any number, and the group 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from image.volumes import Identity

if TYPE_CHECKING:
    from image.desktops import RunDesktop

ANY = Identity(user=1_000_710_000, group=0, volume_group=1_000_710_000)
"""As restricted-v2 chooses: a user of the namespace's range, whom no file in the image knows."""
CART = "shopping_cart.blend"
MADE = """
bpy.ops.object.empty_add()
bpy.context.object.name = "Made by any user"
scene = bpy.context.scene
scene.render.engine, scene.render.resolution_x, scene.render.resolution_y = "BLENDER_WORKBENCH", 16, 16
bpy.ops.render.render()
"""


def test_any_user_works_and_finds_the_work_again(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene=CART, identity=ANY)
    container.wait_ready()
    assert container.run("id -u; id -g").split() == [str(ANY.user), str(ANY.group)]
    container.blender(MADE)
    container.signal("TERM")
    assert container.exit().code == 0
    assert (container.home / CART).stat().st_uid == ANY.user
    (render,) = container.home.glob("renders/*.png")
    with Image.open(render) as picture:
        assert picture.size == (16, 16)

    container.start_again(new_pod=True)
    container.wait_ready()
    assert container.blender("'Made by any user' in bpy.data.objects")
