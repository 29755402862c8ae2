"""Notes in the home folder which scenes were brought in, so that no later start brings one in again.

A home folder can be that of several sessions, one after the other, and a session can come to name another scene. Each
session and source has a note of its own. Which of them had the folder last is noted too: only then what was open last
belongs to it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from workspace.files import read_regular_file, write_json
from workspace.names import is_inside

NOTE_FILE: Final = ".blender-session-source.json"
"""Only the agent writes it. The state file is Blender's and the entry's, and two writers would lose what one wrote."""
MAX_NOTES: Final = 32
"""The oldest ones are dropped."""
_MAX_BYTES: Final = 128 * 1024


@dataclass(frozen=True)
class Note:
    """What was brought into the home folder for one source of one session."""

    source: str
    """Tells one source from another."""
    file: str
    """The scene's path, relative to the home folder."""
    is_opened: bool = False
    """Whether Blender has opened it."""
    attempts: int = 0
    """How often Blender was asked to open it."""


@dataclass(frozen=True)
class Notes:
    """All notes of a home folder."""

    latest: str = ""
    """The source of the desktop that had the folder last; empty if it had none."""
    notes: tuple[Note, ...] = ()
    """The one that was written last at the end."""

    def of(self, source: str) -> Note | None:
        """Return the note of a source, as a start with this source finds it.

        A scene that was opened before somebody else had the folder must be opened again.
        """
        note = next((note for note in self.notes if note.source == source), None)
        if note is not None and note.is_opened and self.latest != source:
            return replace(note, is_opened=False, attempts=0)
        return note

    def without(self, source: str) -> tuple[Note, ...]:
        """Return the notes of the other sources."""
        return tuple(note for note in self.notes if note.source != source)


def read_notes(home: Path) -> Notes:
    """Return the notes. What is not valid is left out: the person can write to the file."""
    try:
        found = json.loads(read_regular_file(home / NOTE_FILE, _MAX_BYTES))
        latest, notes = found["latest"], found["notes"]
        return Notes(latest if isinstance(latest, str) else "", tuple(_valid(home, notes)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Notes()


def write_note(home: Path, note: Note) -> None:
    """Write the note of a source, whose desktop has the folder now. If that fails, a later start brings it in again."""
    _write(home, Notes(note.source, (*read_notes(home).without(note.source), note)))


def put_back(home: Path, source: str, former: Note | None) -> None:
    """Write a former note of a source again; None: there was none. If that fails, the present one stays."""
    if former is not None:
        write_note(home, former)
    else:
        _write(home, Notes(source, read_notes(home).without(source)))


def take_over(home: Path, source: str) -> Note | None:
    """Note that the desktop of a source has the folder now, and return the source's own note; None if it has none.

    Args:
        home: the home folder.
        source: the source; empty if the session has none.
    """
    notes = read_notes(home)
    own = notes.of(source)
    if notes.latest != source:
        _write(home, Notes(source, (*notes.without(source), *([own] if own else []))))
    return own


def _write(home: Path, notes: Notes) -> None:
    kept = notes.notes[-MAX_NOTES:]
    write_json(home / NOTE_FILE, {"latest": notes.latest, "notes": [asdict(note) for note in kept]})


def _valid(home: Path, found: list[Mapping[str, object]]) -> Iterator[Note]:
    for each in found[-MAX_NOTES:]:
        match each:
            case {"source": str(source), "file": str(file), "is_opened": bool(is_opened), "attempts": int(attempts)}:
                if type(attempts) is int and file and "\0" not in file and is_inside(home, home / file):
                    yield Note(source, file, is_opened, attempts)
            case _:
                continue
