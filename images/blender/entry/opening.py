"""Decides which scene is opened at a start, and which one if Blender cannot read it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from entry.scene import find_sample
from workspace.memory import Memory
from workspace.samples import copy_sample

PATIENCE: Final = 3
"""A scene that did not come on screen in this many starts in a row is not opened again by itself."""


@dataclass(frozen=True)
class Opening:
    """What Blender opens."""

    scene: Path | None
    """None: Blender's own empty scene."""
    notice: str = ""
    """What the person has to know about it; empty if all is as expected."""

    def also(self, words: str) -> "Opening":
        """Return the same with another sentence before the notice, if there is one to add."""
        return replace(self, notice=f"{words} {self.notice}".strip()) if words else self


def decide(sample: str, samples: Path, home: Path, memory: Memory) -> Opening:
    """Choose the scene that was open last, else the sample's copy, else a new copy of the sample.

    Args:
        sample: file name of a sample; empty for the empty scene.
        samples: the folder of samples.
        home: the home folder.
        memory: what the home folder remembers.

    Raises:
        StartError: there is no sample of that name.
    """
    original = find_sample(sample, samples) if sample else None
    if memory.scene and memory.failed_starts >= PATIENCE:
        words = f"{memory.scene} did not come on screen in {PATIENCE} starts; it was left as it is."
        return _new_copy(original, home, said=True).also(words)
    opening = _last_or_sample(original, home, memory)
    crashed = "Blender ended unexpectedly. What was not saved may be under File > Recover > Auto Save."
    return opening.also(crashed if memory.running else "")


def instead_of(unreadable: Path, sample: str, samples: Path, home: Path) -> Opening:
    """Choose what is opened in place of a scene that Blender cannot read; that file stays, it may be mended."""
    original = find_sample(sample, samples) if sample else None
    return _new_copy(original, home, said=True).also(f"{unreadable.name} cannot be read; it was left as it is.")


def started(opening: Opening, home: Path, memory: Memory) -> Memory:
    """Return what the home folder has to remember while that scene is being opened."""
    scene = opening.scene
    name = str(scene.relative_to(home)) if scene is not None and scene.is_relative_to(home) else ""
    failed = memory.failed_starts + 1 if name == memory.scene else 1
    return Memory(scene=name, running=True, failed_starts=failed)


def _last_or_sample(original: Path | None, home: Path, memory: Memory) -> Opening:
    if memory.scene and (home / memory.scene).is_file():
        return Opening(home / memory.scene)
    gone = f"{memory.scene}, which was open last, is not there any more." if memory.scene else ""
    if original is not None and (copy := home / original.name).is_file():
        return Opening(copy, f"{gone} {copy.name} is open in its place." if gone else "")
    return _new_copy(original, home, said=bool(gone)).also(gone)


def _new_copy(original: Path | None, home: Path, *, said: bool) -> Opening:
    """Open a new copy of the sample; `said` tells whether the person has to be told which one."""
    if original is None:
        return Opening(None, "This is an empty scene." if said else "")
    try:
        copy = copy_sample(original, home)
    except OSError as error:
        words = f"The home folder takes no copy of {original.name} ({error.strerror}): delete what is not needed there."
        return Opening(original, words)
    return Opening(copy, f"A new copy of the sample is open as {copy.name}." if said else "")
