"""Chooses the scene that Blender opens at a start, and its replacement if Blender cannot read it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from entry.sample_lookup import find_sample
from workspace.files import is_regular_file
from workspace.sample_copy import copy_sample
from workspace.scenes import newest_copy, newest_scene, written_at
from workspace.state_file import WorkspaceState

MAX_FAILED_STARTS: Final = 3
"""A scene that did not appear on screen in this many starts in a row is not opened again automatically."""


@dataclass(frozen=True)
class SceneChoice:
    """The scene to open, and the notice for the person."""

    scene: Path | None
    """The scene's file; None for Blender's empty scene."""
    notice: str = ""
    """Explains an unexpected choice; empty for an expected one."""

    def prefixed(self, sentences: str) -> "SceneChoice":
        """Return the choice with sentences, which may be empty, before its notice."""
        return replace(self, notice=f"{sentences} {self.notice}".strip()) if sentences else self


def choose_scene(
    sample: str, samples: Path, home: Path, state: WorkspaceState, recovered: Path | None = None
) -> SceneChoice:
    """Choose the scene that was open last, else the sample's existing copy, else a new copy of the sample.

    Args:
        sample: file name of a sample; empty for the empty scene.
        samples: the folder of samples.
        home: the home folder.
        state: the state that the last start left in the home folder.
        recovered: the newest automatic save of the last start, or None.

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
    return choice.prefixed(_explain_end(choice, home, state, recovered) if state.running else "")


def _explain_end(choice: SceneChoice, home: Path, state: WorkspaceState, recovered: Path | None) -> str:
    """Explain an end that was not in order, and offer the automatic save if it is newer than the scene."""
    cause = state.ended_because or "Blender ended unexpectedly."
    if recovered is None or not _is_newer(recovered, choice.scene):
        return cause
    file = recovered.relative_to(home)
    return f"{cause} The last automatic save is newer than the scene: {file}. File > Open shows what is in it."


def _is_newer(file: Path, scene: Path | None) -> bool:
    return scene is None or written_at(file) > written_at(scene)


def choose_replacement(unreadable: Path, sample: str, samples: Path, home: Path) -> SceneChoice:
    """Choose the scene to open in place of one that Blender cannot read.

    The unreadable file is left unchanged, because it may be repairable.

    Args:
        unreadable: the file that Blender cannot read.
        sample: file name of a sample; empty for the empty scene.
        samples: the folder of samples.
        home: the home folder.

    Raises:
        StartError: there is no sample of that name.
    """
    original = find_sample(sample, samples) if sample else None
    sentences = f"{unreadable.name} cannot be read. The file is unchanged."
    return _new_copy(original, home, explain=True).prefixed(sentences)


def state_during_start(choice: SceneChoice, home: Path, state: WorkspaceState) -> WorkspaceState:
    """Return the state to write before Blender opens the chosen scene.

    Args:
        choice: the scene that Blender will open.
        home: the home folder.
        state: the state before this start.
    """
    scene = choice.scene
    name = str(scene.relative_to(home)) if scene is not None and scene.is_relative_to(home) else ""
    failed = state.failed_starts + 1 if name == state.scene else 1
    return WorkspaceState(scene=name, running=True, failed_starts=failed)


def _last_or_sample(original: Path | None, home: Path, state: WorkspaceState) -> SceneChoice:
    if state.scene and is_regular_file(home / state.scene):
        return SceneChoice(home / state.scene)
    gone = _explain_missing(home, state) if state.scene else ""
    copy = home / original.name if original is not None and is_regular_file(home / original.name) else None
    if not state.found and (copy is not None or original is None) and (newest := newest_scene(home)) is not None:
        # The home folder was used before, and a person deleted the state.
        unknown = "It is not known which scene was open last."
        return SceneChoice(
            newest, "" if newest == copy else f"{unknown} {newest.name} was changed last and was opened."
        )
    if copy is not None:
        return SceneChoice(copy, f"{gone} {copy.name} was opened instead." if gone else "")
    return _new_copy(original, home, explain=bool(gone)).prefixed(gone)


def _explain_missing(home: Path, state: WorkspaceState) -> str:
    exists = os.path.lexists(home / state.scene)
    gone = f"{state.scene} was open last and {'cannot be read' if exists else 'no longer exists'}."
    copy = newest_copy(home)
    return gone if copy is None else f"{gone} The newest automatic save is {copy.relative_to(home)}."


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
