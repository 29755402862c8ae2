"""A disk that is full costs nobody the work that was saved before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from image.volumes import USER

if TYPE_CHECKING:
    from pathlib import Path

    from image.desktops import RunDesktop

FREE_KIB = range(0, 240, 20)
"""From nothing to more than the scene needs. In between the disk fills at every point of a save."""
OBJECTS = """
names = []
try:
    with bpy.data.libraries.load("/home/blender/shopping_cart.blend") as (found, _):
        names = list(found.objects)
except OSError as error:
    print(error)
len(names)
"""
"""Counts the objects in the file: 0 if the file is not whole."""


def fill(home: Path, free_kib: int) -> None:
    """Leave so much space on the volume."""
    filler = home / "filler"
    filler.unlink(missing_ok=True)
    volume = os.statvfs(home)
    filler.write_bytes(bytes(volume.f_bavail * volume.f_frsize - free_kib * 1024))
    os.chown(filler, USER, USER)


def test_a_disk_that_fills_during_a_save_leaves_a_whole_file(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend", home_bytes=2 * 2**20)
    container.wait_ready()
    objects = container.blender(OBJECTS)
    assert objects > 1
    answers = {}
    for free_kib in FREE_KIB:
        fill(container.home, free_kib)
        answers[free_kib] = container.agent.post("/save").status_code
        assert container.blender(OBJECTS) == objects, f"with {free_kib} KiB free the answer was {answers[free_kib]}"
    assert set(answers.values()) == {200, 507}
