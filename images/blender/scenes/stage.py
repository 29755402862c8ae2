"""The set that all sample scenes share: ground and backdrop, lights, camera, render settings, viewport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import _cycles
import bpy
from materials import Finish, linear
from mathutils import Vector
from objects import mesh_object
from parts import Part, loft
from paths import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vectors import Vec

WIDTH_PIXELS, HEIGHT_PIXELS = 960, 640
"""The size of a render. Thumbnails have half of it."""
PATHS_PER_PIXEL, PATHS_PER_PIXEL_UNDENOISED = 48, 64
"""Light paths that Cycles traces, with Open Image Denoise and without."""
CAMERA_ZOOM = 12.0
"""Blender's zoom value with which the camera's frame fills the 3D view of the Layout workspace at 1280x720."""


@dataclass(frozen=True)
class Framing:
    """The camera's view of the model.

    Attributes:
        target: The point in the middle of the picture, in metres.
        camera: The camera's position, in metres.
        size: About half of the model's largest extent, in metres. Lights and ground scale with it.
        backdrop: Colour of ground and backdrop, six hex digits (sRGB).
        lens: Focal length in millimetres on a 36 mm sensor.
    """

    target: Vec
    camera: Vec
    size: float
    backdrop: str
    lens: float = 60.0


def set_up(framing: Framing) -> None:
    """Add ground, lights and camera to the scene, and set up render and viewports."""
    collection = bpy.data.collections.new("Stage")
    bpy.context.scene.collection.children.link(collection)
    ground = mesh_object("Ground", _sweep(framing), Finish("Backdrop", framing.backdrop, roughness=0.85))
    # A click in the viewport must select the model, not the ground behind it.
    ground.hide_select = True
    collection.objects.link(ground)
    for light in _lights(framing):
        collection.objects.link(light)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens = framing.lens
    camera.data.clip_start = 0.02
    camera.location = framing.camera
    camera.rotation_euler = _looking(framing.camera, framing.target)
    collection.objects.link(camera)
    bpy.context.scene.camera = camera
    _render_settings()
    for screen in bpy.data.screens:
        _viewport(screen)


def _sweep(framing: Framing) -> Part:
    """Return a photographer's backdrop: a floor that bends up into a wall, at right angles to the camera's view."""
    reach = 14 * framing.size
    away = Vector((framing.target[0] - framing.camera[0], framing.target[1] - framing.camera[1], 0.0)).normalized()
    line = rounded([(0.0, -2 * reach, 0.0), (0.0, 0.5 * reach, 0.0), (0.0, 0.5 * reach, reach)], 0.3 * reach, steps=16)
    side = Vector((away.y, -away.x, 0.0))
    rings = []
    for _, distance, z in line:
        middle = away * distance + Vector((0.0, 0.0, z))
        ends = (middle - side * reach, middle + side * reach)
        rings.append([(end.x, end.y, end.z) for end in ends])
    return Part(loft(rings).points, tuple((2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2) for i in range(len(rings) - 1)))


def _lights(framing: Framing) -> Iterator[bpy.types.Object]:
    """Yield key, fill and rim light at positions relative to the camera's view."""
    target = Vector(framing.target)
    back = Vector(framing.camera) - target
    back.z = 0.0
    back.normalize()
    right = Vector((-back.y, back.x, 0.0))
    up = Vector((0.0, 0.0, 1.0))
    size = framing.size
    # The power grows with the square of the distance, so that models of all sizes are equally bright.
    for name, direction, width, power, colour in (
        ("Key light", back * 1.6 - right * 2.2 + up * 2.8, 1.6, 230.0, "fff4e6"),
        ("Fill light", back * 2.0 + right * 2.6 + up * 1.2, 3.0, 55.0, "e3eeff"),
        ("Rim light", -back * 2.0 + right * 1.6 + up * 3.0, 1.6, 170.0, "ffffff"),
    ):
        data = bpy.data.lights.new(name, "AREA")
        data.energy = power * size * size
        data.size = width * size
        data.color = linear(colour)[:3]
        light = bpy.data.objects.new(name, data)
        light.location = target + direction * size
        light.rotation_euler = _looking(tuple(light.location), framing.target)
        yield light


def _looking(place: Vec, target: Vec) -> tuple[float, float, float]:
    """Return the Euler angles, in radians, with which a camera or a light at ``place`` points at ``target``."""
    angles = (Vector(target) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    return (angles.x, angles.y, angles.z)


def _render_settings() -> None:
    """Select Cycles on the CPU, which needs no display, with a low number of light paths."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH_PIXELS, HEIGHT_PIXELS
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 100
    scene.cycles.device = "CPU"
    # Debian builds Blender without Open Image Denoise, and a render that asks for it fails.
    denoise = bool(getattr(_cycles, "with_openimagedenoise", False))
    scene.cycles.use_denoising = denoise
    scene.cycles.samples = PATHS_PER_PIXEL if denoise else PATHS_PER_PIXEL_UNDENOISED
    scene.cycles.max_bounces = 5
    scene.cycles.sample_clamp_indirect = 3.0
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "High Contrast"
    # Dither is noise, which a PNG compresses badly.
    scene.render.dither_intensity = 0.0
    world = bpy.data.worlds.new("World")
    # Since Blender 5 a world has nodes from the start.
    if world.node_tree is None:
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = linear("dfe6ee")
    background.inputs["Strength"].default_value = 0.45
    scene.world = world


def _viewport(screen: bpy.types.Screen) -> None:
    """Make the screen's 3D views look through the camera, in solid shading with the materials' colours.

    A machine without a GPU draws solid shading fast.
    """
    for area in screen.areas:
        if area.type != "VIEW_3D":
            continue
        space = area.spaces.active
        space.shading.type = "SOLID"
        space.shading.light = "STUDIO"
        space.shading.color_type = "MATERIAL"
        space.region_3d.view_perspective = "CAMERA"
        space.region_3d.view_camera_zoom = CAMERA_ZOOM
        space.lens = 50.0
        space.clip_start = 0.01
        # The outlines of lights and camera, and the cursor, would cover the model.
        space.overlay.show_extras = False
        space.overlay.show_relationship_lines = False
        space.overlay.show_cursor = False
