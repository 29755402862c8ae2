"""Keeps images that were painted or edited, which saving a scene does not do."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from workspace.files import is_regular_file
from workspace.names import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterator


def keep_changed_images(home: Path) -> list[str]:
    """Save each changed image to its own file in the home folder, else pack it into the scene.

    Args:
        home: the home folder. An image elsewhere is packed, because its file is lost with the pod.

    Returns:
        the names of images that could not be kept.
    """
    return [str(image.name) for image in _changed_images() if not (_saved(image, home) or _packed(image))]


def has_changed_images() -> bool:
    """Return whether an image has changes that are neither saved nor packed."""
    return next(_changed_images(), None) is not None


def _changed_images() -> "Iterator[bpy.types.Image]":
    for image in bpy.data.images:
        if image.is_dirty and image.source != "VIEWER" and image.library is None:
            yield image


def _saved(image: "bpy.types.Image", home: Path) -> bool:
    if not image.filepath or image.packed_file is not None or image.source != "FILE":
        return False
    file = Path(bpy.path.abspath(image.filepath))
    if not is_regular_file(file) or not is_inside(home, file):
        return False
    try:
        image.save()
    except RuntimeError:
        return False
    return True


def _packed(image: "bpy.types.Image") -> bool:
    try:
        image.pack()
    except RuntimeError:
        return False
    if image.users == 0:
        # Blender leaves out of the file what nothing uses.
        image.use_fake_user = True
    return True
