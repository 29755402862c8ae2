"""Calls operators also while Blender evaluates the scene in another thread, as it does during a bake."""

from typing import Any

from _bpy import ops


def call(name: str, **arguments: Any) -> None:  # noqa: ANN401 - whatever the operator takes
    """Call an operator by its Python name, such as `wm.quit_blender`.

    `bpy.ops` refuses every operator during a bake, because it would update the scene before.

    Raises:
        RuntimeError: the operator failed.
    """
    ops.call(name, arguments)
