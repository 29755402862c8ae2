"""Finds the class's files where the pod has its ConfigMaps and volumes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MOUNTS: Final = {
    "BLENDER_EXTENSIONS": Path("/run/extensions"),
    "BLENDER_STARTUP_FILE": Path("/run/startup"),
    "BLENDER_PREFERENCES": Path("/run/preferences"),
}
"""Where a class's files are mounted, by the variable that has their path below it."""


class NotThere(Exception):  # noqa: N818 - what the files are
    """What the class names is not in its place. The message is a sentence for the person."""


def class_file(variable: str, environment: Mapping[str, str], mounts: Mapping[str, Path] = MOUNTS) -> Path | None:
    """Return the path of a file or folder of the class, without a link in it; None if the class names none.

    A ConfigMap's keys are links within its mount, so links are followed, but not out of it.

    Raises:
        NotThere: there is nothing, or a link leads out of the mount.
    """
    named = environment.get(variable, "")
    if not named:
        return None
    mount = mounts[variable]
    path = Path(os.path.realpath(mount / named))
    what = mount if named == "." else named
    if not path.is_relative_to(os.path.realpath(mount)):
        raise NotThere(f"{what} leads out of the volume that the session class names. Tell an administrator.")
    # `Path.exists` may raise an error, and this does not.
    if not os.path.exists(path):  # noqa: PTH110
        raise NotThere(f"{what} is not there, though the session class names it. Tell an administrator.")
    return path
