"""What a person made and did not save outlives the pod: images, renders, frames, caches."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from image.container import Container
    from image.desktops import RunDesktop

pytestmark = pytest.mark.every_blender

HOME = "/home/blender"
SMALL = """
for scene in bpy.data.scenes:
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.render.resolution_x = scene.render.resolution_y = 16
"""
"""Renders of a moment."""
TWO_FRAMES = "bpy.context.scene.frame_end = 2; bpy.ops.render.render(animation=True)"
SMOKE = """
bpy.ops.mesh.primitive_cube_add()
bpy.context.object.name = "Domain"
bpy.context.object.modifiers.new("Fluid", "FLUID").fluid_type = "DOMAIN"
"""
CACHE = "bpy.data.objects['Domain'].modifiers['Fluid'].domain_settings.cache_directory"
BAKE = """
domain = bpy.data.objects["Domain"]
settings = domain.modifiers["Fluid"].domain_settings
settings.resolution_max, settings.cache_frame_end, settings.cache_type = 6, 1, "ALL"
with bpy.context.temp_override(active_object=domain, object=domain):
    bpy.ops.fluid.bake_all()
"""
IN_WINDOW = "with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]): "
PAINT = """
image = bpy.data.images["{name}"]
image.pixels[0:4] = (1, 0, 0, 1)
image.update()
image.is_dirty
"""
RED = "list(bpy.data.images['{name}'].pixels[0:4]) == [1, 0, 0, 1]"
COMPOSITOR = f"""{SMALL}
scene = bpy.context.scene
if hasattr(scene, "compositing_node_group"):
    tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
    node = tree.nodes.new("CompositorNodeOutputFile")
    node.file_output_items.new("RGBA", "Image")
    node.format.media_type = "IMAGE"
    node.directory, node.file_name = "/tmp/layers", ""
    layers = tree.nodes.new("CompositorNodeRLayers")
else:
    scene.use_nodes = True
    tree = scene.node_tree
    node = tree.nodes.new("CompositorNodeOutputFile")
    node.base_path = "/tmp/layers"
    layers = tree.nodes["Render Layers"]
tree.links.new(layers.outputs[0], node.inputs[0])
"""
OUTPUT_FOLDER = """
scene = bpy.context.scene
tree = scene.compositing_node_group if hasattr(scene, "compositing_node_group") else scene.node_tree
node = tree.nodes["File Output"]
node.directory if hasattr(node, "directory") else node.base_path
"""
MOVIE = f"""{SMALL}
settings = bpy.context.scene.render.image_settings
if hasattr(settings, "media_type"):
    settings.media_type = "VIDEO"
settings.file_format = "FFMPEG"
bpy.ops.render.render()
settings.file_format
"""


def png() -> bytes:
    written = io.BytesIO()
    Image.new("RGBA", (8, 8), "black").save(written, "png")
    return written.getvalue()


def files(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


@pytest.fixture(scope="module")
def restarted(run_module_desktop: RunDesktop) -> Container:
    """A desktop after the death of a pod in which a person painted, rendered and simulated, and saved nothing."""
    container = run_module_desktop(files={"texture.png": png()})
    container.wait_ready()
    container.blender(SMALL + "bpy.data.images.new('Painted', 8, 8)")
    container.blender(f"bpy.data.images.load('{HOME}/texture.png').name")
    for name in ("Painted", "texture.png"):
        assert container.blender(PAINT.format(name=name)), name
    container.blender(IN_WINDOW + "bpy.ops.render.render('INVOKE_DEFAULT')")
    until("the still render is a file", lambda: files(container.home, "renders/untitled-*-f0001.png"))
    container.blender(TWO_FRAMES)
    container.blender(SMOKE)
    until("the cache lies in the home folder", lambda: container.blender(CACHE).startswith(f"{HOME}/caches/"))
    container.blender(BAKE)
    container.signal("TERM")
    assert container.exit().code == 0
    container.start_again(new_pod=True)
    container.wait_ready()
    return container


def test_a_painted_image_without_a_file_is_kept(restarted: Container) -> None:
    assert restarted.status()["file"] == f"{HOME}/untitled.blend"
    assert restarted.blender(RED.format(name="Painted"))


def test_a_painted_image_with_a_file_is_saved_to_it(restarted: Container) -> None:
    with Image.open(restarted.home / "texture.png") as picture:
        assert picture.getpixel((0, 7)) == (255, 0, 0, 255)


def test_a_finished_render_is_kept(restarted: Container) -> None:
    (render,) = restarted.home.glob("renders/untitled-*-f0001.png")
    with Image.open(render) as picture:
        assert picture.size == (16, 16)


def test_frames_of_a_new_scene_are_kept(restarted: Container) -> None:
    assert files(restarted.home, "renders/untitled-000?.png") == ["untitled-0001.png", "untitled-0002.png"]


def test_the_cache_of_a_simulation_is_kept(restarted: Container) -> None:
    assert restarted.blender(f"bpy.path.abspath({CACHE})").startswith(f"{HOME}/caches/")
    assert files(restarted.home, "caches/*/config/*")


def test_frames_of_an_opened_file_are_kept(desktop: Container) -> None:
    """Rendering begins in the moment in which the file is open."""
    desktop.blender(f"bpy.ops.wm.open_mainfile(filepath='{HOME}/shopping_cart.blend')\n" + SMALL + TWO_FRAMES)
    assert files(desktop.home, "renders/shopping_cart-000?.png") == ["shopping_cart-0001.png", "shopping_cart-0002.png"]


def test_frames_after_file_new_are_kept(desktop: Container) -> None:
    desktop.blender("bpy.ops.wm.read_homefile()\n" + SMALL + TWO_FRAMES)
    assert files(desktop.home, "renders/untitled-000?.png") == ["untitled-0001.png", "untitled-0002.png"]


def test_what_the_compositor_writes_is_kept(desktop: Container) -> None:
    desktop.blender("bpy.ops.wm.read_homefile()\n" + COMPOSITOR)
    until("the output leads to the home folder", lambda: desktop.blender(OUTPUT_FOLDER) == f"{HOME}/renders/layers")
    desktop.blender("bpy.ops.render.render()")
    (layer,) = desktop.home.glob("renders/layers/Image*.png")
    with Image.open(layer) as picture:
        assert picture.size == (16, 16)


def test_a_picture_of_a_scene_that_writes_movies_is_kept(desktop: Container) -> None:
    """The scene goes on to write movies."""
    desktop.blender("bpy.ops.wm.read_homefile()")
    # Another test's render may be of the same second. This one is called ...-f0001-2.png then.
    before = set(files(desktop.home, "renders/untitled-*-f0001*.png"))
    assert desktop.blender(MOVIE) == "FFMPEG"
    (name,) = set(files(desktop.home, "renders/untitled-*-f0001*.png")) - before
    with Image.open(desktop.home / "renders" / name) as picture:
        assert picture.size == (16, 16)
