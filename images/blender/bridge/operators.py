"""Calls operators also while Blender evaluates the scene in another thread, as it does during a bake."""

from typing import Any

import bpy
from _bpy import ops


def call(name: str, **arguments: Any) -> None:  # noqa: ANN401 - whatever the operator takes
    """Call an operator by its Python name, such as `wm.quit_blender`.

    Before Blender 5.2 `bpy.ops` refuses every operator during a bake, because it would update the scene before. What it
    calls itself does not. Since then it leaves the update out, and has no such function any more.

    Raises:
        RuntimeError: the operator failed.
    """
    if hasattr(ops, "call"):
        ops.call(name, arguments)
        return
    module, _, operator = name.partition(".")
    getattr(getattr(bpy.ops, module), operator)(**arguments)
