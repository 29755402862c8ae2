"""What all sample scenes share: ground and backdrop, lights, camera, render settings, the look of the viewport."""

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

WIDTH, HEIGHT = 960, 640
"""The picture's size in pixels; thumbnails are half of it."""
SAMPLES, SAMPLES_UNDENOISED = 48, 64
"""Light paths per pixel, with Open Image Denoise and without."""
CAMERA_ZOOM = 12.0
"""Lets the camera's picture fill the 3D view of the Layout workspace on a desktop of 1280x720."""


@dataclass(frozen=True)
class Framing:
    """Where the thing stands and from where it is looked at.

    Attributes:
        target: The point in the middle of the picture, in metres.
        camera: The camera's place.
        size: About half of the thing's largest extent; lights and ground follow it.
        backdrop: Colour of ground and backdrop, six hex digits.
        lens: Focal length in millimetres on a 36 mm sensor.
    """

    target: Vec
    camera: Vec
    size: float
    backdrop: str
    lens: float = 60.0


def set_up(framing: Framing) -> None:
    """Build the stage round the thing."""
    collection = bpy.data.collections.new("Stage")
    bpy.context.scene.collection.children.link(collection)
    ground = mesh_object("Ground", _sweep(framing), Finish("Backdrop", framing.backdrop, roughness=0.85))
    # A click in the viewport shall pick the thing, not the ground behind it.
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
    """Return a photographer's backdrop: a floor that bends up into a wall, square to the camera's direction."""
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
    """Yield key, fill and rim light, placed as seen from the camera."""
    target = Vector(framing.target)
    back = Vector(framing.camera) - target
    back.z = 0.0
    back.normalize()
    right = Vector((-back.y, back.x, 0.0))
    up = Vector((0.0, 0.0, 1.0))
    size = framing.size
    # Power grows with the square of the distance, so that a small thing is lit as a large one.
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
    """Return the Euler angles with which a camera or a light at ``place`` looks at ``target``."""
    angles = (Vector(target) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    return (angles.x, angles.y, angles.z)


def _render_settings() -> None:
    """Choose Cycles on the CPU, which needs no display, and a picture that is soon done."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 100
    scene.cycles.device = "CPU"
    # Debian builds Blender without Open Image Denoise; asking for it then fails the render.
    denoise = bool(getattr(_cycles, "with_openimagedenoise", False))
    scene.cycles.use_denoising = denoise
    scene.cycles.samples = SAMPLES if denoise else SAMPLES_UNDENOISED
    scene.cycles.max_bounces = 5
    scene.cycles.sample_clamp_indirect = 3.0
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "High Contrast"
    # Dither is noise that a PNG cannot pack.
    scene.render.dither_intensity = 0.0
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = linear("dfe6ee")
    background.inputs["Strength"].default_value = 0.45
    scene.world = world


def _viewport(screen: bpy.types.Screen) -> None:
    """Let the screen's 3D views look through the camera, in solid shading with the materials' colours.

    Solid shading is what a machine without a GPU draws fast.
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
        # Lines of lights, the camera's frame and the cursor would lie across the thing.
        space.overlay.show_extras = False
        space.overlay.show_relationship_lines = False
        space.overlay.show_cursor = False
