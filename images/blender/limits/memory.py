"""Reads the container's memory from its control group, of version 1 or 2."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CGROUP: Final = Path("/sys/fs/cgroup")
_UNLIMITED_BYTES: Final = 1 << 60
"""Version 1 reports a number near 2^63 when there is no limit."""


@dataclass(frozen=True)
class Memory:
    """The memory of all processes in the container."""

    used_bytes: int
    """Without what the kernel can drop: the pages of files that were read or written."""
    limit_bytes: int | None
    """None if the container has no limit."""
    kills: int
    """Processes that the kernel ended since the container started because the limit was reached."""


def read_memory(cgroup: Path = CGROUP) -> Memory | None:
    """Return the container's memory, or None where its control group cannot be seen."""
    try:
        if (cgroup / "memory.max").exists():
            return _read(cgroup, "memory.current", "memory.max", "memory.events", "inactive_file")
        return _read(
            cgroup / "memory",
            "memory.usage_in_bytes",
            "memory.limit_in_bytes",
            "memory.oom_control",
            "total_inactive_file",
        )
    except (OSError, ValueError):
        return None


def gibibytes(number: float) -> str:
    """Write a number of bytes as people read it, such as `600 MiB` or `4 GiB`."""
    if number < 1 << 30:
        return f"{number / (1 << 20):.0f} MiB"
    return f"{number / (1 << 30):.1f}".removesuffix(".0") + " GiB"


def _read(folder: Path, usage: str, limit: str, events: str, inactive: str) -> Memory:
    text = (folder / limit).read_text().strip()
    most = None if text == "max" or int(text) >= _UNLIMITED_BYTES else int(text)
    droppable = _fields(folder / "memory.stat").get(inactive, 0)
    used = max(0, int((folder / usage).read_text()) - droppable)
    return Memory(used, most, _fields(folder / events).get("oom_kill", 0))


def _fields(file: Path) -> dict[str, int]:
    """Read a file of lines `NAME NUMBER`."""
    pairs = (line.split() for line in file.read_text().splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
