"""What runs out is named: before it happens, in the reason of the end, and at the next start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from image.volumes import USER

if TYPE_CHECKING:
    from pathlib import Path

    from image.desktops import RunDesktop

LIMIT = 1200 * 2**20
USED = "/sys/fs/cgroup/memory/memory.usage_in_bytes"
FILL = "import sys; sys.modules['filler'] = bytearray({size})"


def fill(folder: Path, size: int) -> None:
    file = folder / "filler"
    file.write_bytes(os.urandom(2**20) * (size // 2**20))
    os.chown(file, USER, USER)


def test_memory_is_warned_of_and_its_end_is_told(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend", memory=LIMIT)
    container.wait_ready()
    used = int(container.run(f"cat {USED}"))

    container.blender(FILL.format(size=int(0.9 * LIMIT) - used))
    container.wait_log("The memory is nearly full")
    container.blender_begin(f"x = bytearray({2 * LIMIT})")

    end = container.exit()
    assert (end.code, end.reason) == (64, "OutOfMemory")
    assert "1.2 GiB" in end.message
    assert "spec.resources.limits.memory" in end.message
    container.start_again()
    container.wait_ready()
    container.wait_log("more memory than its limit of 1.2 GiB")


def test_full_folders_are_warned_of(run_desktop: RunDesktop) -> None:
    limit = 100 * 2**20
    container = run_desktop(env={"BLENDER_HOME_LIMIT_BYTES": str(limit), "BLENDER_TMP_LIMIT_BYTES": str(limit)})
    fill(container.home, int(0.9 * limit))
    fill(container.tmp, int(0.9 * limit))
    container.wait_ready()
    container.wait_log("The home folder is nearly full")
    container.wait_log("The folder /tmp is nearly full")
