"""Decides which scene is opened at a start, and which one if Blender cannot read it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from entry.sample_lookup import find_sample
from workspace.sample_copy import copy_sample
from workspace.state_file import WorkspaceState

MAX_FAILED_STARTS: Final = 3
"""A scene that did not come on screen in this many starts in a row is not opened again by itself."""


@dataclass(frozen=True)
class SceneChoice:
    """What Blender opens."""

    scene: Path | None
    """None: Blender's own empty scene."""
    notice: str = ""
    """What the person has to know about it; empty if all is as expected."""

    def prefixed(self, words: str) -> "SceneChoice":
        """Return the same with another sentence before the notice, if there is one to add."""
        return replace(self, notice=f"{words} {self.notice}".strip()) if words else self


def choose_scene(sample: str, samples: Path, home: Path, state: WorkspaceState) -> SceneChoice:
    """Choose the scene that was open last, else the sample's copy, else a new copy of the sample.

    Args:
        sample: file name of a sample; empty for the empty scene.
        samples: the folder of samples.
        home: the home folder.
        state: what the home folder remembers.

    Raises:
        StartError: there is no sample of that name.
    """
    original = find_sample(sample, samples) if sample else None
    if state.scene and state.failed_starts >= MAX_FAILED_STARTS:
        sentences = (
            f"{state.scene} did not appear on screen in {MAX_FAILED_STARTS} starts in a row and was not opened again. "
            "The file is unchanged."
        )
        return _new_copy(original, home, explain=True).prefixed(sentences)
    choice = _last_or_sample(original, home, state)
    crashed = "Blender ended unexpectedly. Look for changes that were not saved under File > Recover > Auto Save."
    return choice.prefixed(crashed if state.running else "")


def choose_replacement(unreadable: Path, sample: str, samples: Path, home: Path) -> SceneChoice:
    """Choose what is opened in place of a scene that Blender cannot read; that file stays, it may be mended."""
    original = find_sample(sample, samples) if sample else None
    sentences = f"{unreadable.name} cannot be read. The file is unchanged."
    return _new_copy(original, home, explain=True).prefixed(sentences)


def state_during_start(choice: SceneChoice, home: Path, state: WorkspaceState) -> WorkspaceState:
    """Return what the home folder has to record while that scene is being opened."""
    scene = choice.scene
    name = str(scene.relative_to(home)) if scene is not None and scene.is_relative_to(home) else ""
    failed = state.failed_starts + 1 if name == state.scene else 1
    return WorkspaceState(scene=name, running=True, failed_starts=failed)


def _last_or_sample(original: Path | None, home: Path, state: WorkspaceState) -> SceneChoice:
    if state.scene and (home / state.scene).is_file():
        return SceneChoice(home / state.scene)
    gone = f"{state.scene} was open last and no longer exists." if state.scene else ""
    if original is not None and (copy := home / original.name).is_file():
        return SceneChoice(copy, f"{gone} {copy.name} was opened instead." if gone else "")
    return _new_copy(original, home, explain=bool(gone)).prefixed(gone)


def _new_copy(original: Path | None, home: Path, *, explain: bool) -> SceneChoice:
    """Choose a new copy of the sample, or the empty scene without a sample.

    Args:
        original: the sample in the image.
        home: the home folder.
        explain: whether the notice names what was opened. A copy that fails is always explained.
    """
    if original is None:
        return SceneChoice(None, "An empty scene was opened." if explain else "")
    try:
        copy = copy_sample(original, home)
    except OSError as error:
        notice = (
            f"{original.name} could not be copied to the home folder: {error.strerror}. "
            "Delete files there that you do not need."
        )
        return SceneChoice(original, notice)
    return SceneChoice(copy, f"A new copy of the sample was opened as {copy.name}." if explain else "")
