"""Points output paths that lead to the temporary folder into the home folder, because /tmp is lost with the pod."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bpy

from bridge.objects import searched_objects
from workspace.names import CACHES_FOLDER, RENDERS_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPORARY: Final = "/tmp"  # noqa: S108 - the folder that is avoided


def keep_outputs(home: Path) -> None:
    """Change output paths below /tmp, and fluid caches of a scene without a file, to folders in the home folder."""
    renders, caches = home / RENDERS_FOLDER, home / CACHES_FOLDER
    prefix = f"{Path(bpy.data.filepath).stem or 'untitled'}-"
    for scene in bpy.data.scenes:
        if scene.library is None and _is_temporary(scene.render.filepath):
            rest = _below_temporary(scene.render.filepath)
            scene.render.filepath = str(renders / rest) if rest else f"{renders}/{prefix}"
        for node in _file_outputs(scene):
            # Blender 5 renamed the property.
            name = "directory" if hasattr(node, "directory") else "base_path"
            folder = str(getattr(node, name))
            if _is_temporary(folder):
                setattr(node, name, str(renders / _below_temporary(folder)))
    for settings in _fluid_domains():
        if _is_temporary(settings.cache_directory) or _is_of_this_run(settings.cache_directory):
            settings.cache_directory = str(caches / Path(settings.cache_directory).name)


def _is_temporary(path: str) -> bool:
    return path == _TEMPORARY or path.startswith((f"{_TEMPORARY}/", f"{_TEMPORARY}\\"))


def _is_of_this_run(path: str) -> bool:
    """Return whether a path is below Blender's own temporary folder, which Blender removes when it ends."""
    return bool(bpy.app.tempdir) and path.startswith(bpy.app.tempdir)


def _below_temporary(path: str) -> str:
    return path.removeprefix(_TEMPORARY).lstrip("/\\")


def _file_outputs(scene: "bpy.types.Scene") -> "Iterator[bpy.types.CompositorNodeOutputFile]":
    # Since Blender 5 scenes may share a compositor, which may come from another file.
    shared = hasattr(scene, "compositing_node_group")
    tree = scene.compositing_node_group if shared else scene.node_tree
    if scene.library is None and tree is not None and tree.library is None:
        for node in tree.nodes:
            if node.type == "OUTPUT_FILE":
                yield node


def _fluid_domains() -> "Iterator[bpy.types.FluidDomainSettings]":
    for item in searched_objects():
        if item.library is not None:
            continue
        for modifier in item.modifiers:
            if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                # A domain without settings yet has none to change.
                with contextlib.suppress(AttributeError):
                    yield modifier.domain_settings
