"""Materials for Cycles and for the solid viewport: paint, metal, rubber, plastic and labels."""

from __future__ import annotations

from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class Finish:
    """The look of a surface.

    Attributes:
        name: Name of the material in the .blend file.
        colour: Six hex digits, sRGB.
        metallic: 1 for bare metal, else 0.
        roughness: From 0 for a mirror to 1 for chalk.
        coat: Weight of the clear coat, from 0 to 1.
    """

    name: str
    colour: str
    metallic: float = 0.0
    roughness: float = 0.5
    coat: float = 0.0


def paint(name: str, colour: str) -> Finish:
    """Return glossy lacquer."""
    return Finish(name, colour, roughness=0.28, coat=0.6)


def metal(name: str, colour: str, roughness: float = 0.22) -> Finish:
    """Return bare metal."""
    return Finish(name, colour, metallic=1.0, roughness=roughness)


def rubber(name: str, colour: str = "1b1c1e") -> Finish:
    """Return dull rubber."""
    return Finish(name, colour, roughness=0.75)


def plastic(name: str, colour: str) -> Finish:
    """Return moulded plastic."""
    return Finish(name, colour, roughness=0.38)


def label(name: str, colour: str) -> Finish:
    """Return printed paper or foil."""
    return Finish(name, colour, roughness=0.6)


def linear(colour: str) -> tuple[float, float, float, float]:
    """Return a colour of six hex digits (sRGB, IEC 61966-2-1) as linear RGBA, which Blender uses."""
    channels: list[float] = []
    for start in (0, 2, 4):
        value = int(colour[start : start + 2], 16) / 255
        channels.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    red, green, blue = channels
    return (red, green, blue, 1.0)


def material(finish: Finish) -> bpy.types.Material:
    """Return the Blender material of a finish, and make it if the file does not have it."""
    found = bpy.data.materials.get(finish.name)
    if found is not None:
        return found
    made = bpy.data.materials.new(finish.name)
    colour = linear(finish.colour)
    # Since Blender 5 a material has nodes from the start.
    if made.node_tree is None:
        made.use_nodes = True
    shader = next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = colour
    shader.inputs["Metallic"].default_value = finish.metallic
    shader.inputs["Roughness"].default_value = finish.roughness
    # Blender 4.0 renamed the socket.
    coat = shader.inputs.get("Coat Weight") or shader.inputs["Clearcoat"]
    coat.default_value = finish.coat
    # For the solid viewport. Metal would be black there, because there is nothing to reflect.
    made.diffuse_color = colour
    made.metallic = 0.0
    made.roughness = finish.roughness
    return made
