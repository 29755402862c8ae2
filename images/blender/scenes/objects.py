"""Turns mesh data into Blender objects."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import bmesh
import bpy
from materials import Finish, material
from parts import Part

SHARP_ANGLE_RADIANS = math.radians(35)
"""Edges with a larger angle between their faces stay sharp under smooth shading."""


@dataclass
class Model:
    """The subject of a scene: a collection of named objects, all children of the first one.

    Moving the first object in Blender moves the whole model.
    """

    title: str
    objects: list[bpy.types.Object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.collection = bpy.data.collections.new(self.title)
        bpy.context.scene.collection.children.link(self.collection)

    @property
    def main(self) -> bpy.types.Object:
        """The first object, which is the parent of all others."""
        return self.objects[0]

    def add(self, name: str, part: Part, finish: Finish) -> None:
        """Add a piece as a new object."""
        made = mesh_object(name, part, finish)
        self.collection.objects.link(made)
        if self.objects:
            made.parent = self.main
        self.objects.append(made)


def mesh_object(name: str, part: Part, finish: Finish) -> bpy.types.Object:
    """Return a new object, shaded smooth with sharp edges, that is in no collection yet."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(part.points, [], part.faces)
    editable = bmesh.new()
    editable.from_mesh(mesh)
    bmesh.ops.recalc_face_normals(editable, faces=editable.faces)
    editable.to_mesh(mesh)
    editable.free()
    for polygon in mesh.polygons:
        polygon.use_smooth = True
    # Blender 4.1 replaced the mesh's auto smooth by sharp edges.
    if hasattr(mesh, "use_auto_smooth"):
        mesh.use_auto_smooth = True
        mesh.auto_smooth_angle = SHARP_ANGLE_RADIANS
    else:
        mesh.set_sharp_from_angle(angle=SHARP_ANGLE_RADIANS)
    mesh.materials.append(material(finish))
    return bpy.data.objects.new(name, mesh)


def lettering(text: str, height: float) -> Part:
    """Return a text in Blender's built-in font as a flat piece.

    Args:
        text: the text.
        height: font size in metres.

    Returns:
        A piece in the x-z plane, centred at the origin, that is read from -y.
    """
    curve = bpy.data.curves.new(text, "FONT")
    curve.body = text
    curve.size = height
    curve.align_x = "CENTER"
    curve.align_y = "CENTER"
    curve.resolution_u = 3
    holder = bpy.data.objects.new(text, curve)
    bpy.context.scene.collection.objects.link(holder)
    shaped = holder.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = shaped.to_mesh()
    points = tuple((float(vertex.co.x), 0.0, float(vertex.co.y)) for vertex in mesh.vertices)
    faces = tuple(tuple(polygon.vertices) for polygon in mesh.polygons)
    shaped.to_mesh_clear()
    bpy.data.objects.remove(holder)
    bpy.data.curves.remove(curve)
    return Part(points, faces)
