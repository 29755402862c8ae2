"""Notes in the home folder which scene was brought in, so that a later start brings nothing in again."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workspace.files import read_regular_file, write_json
from workspace.names import is_inside

NOTE_FILE: Final = ".blender-session-source.json"
"""Only the agent writes it. The state file is Blender's and the entry's, and two writers would lose what one wrote."""
_MAX_BYTES: Final = 16 * 1024


@dataclass(frozen=True)
class Note:
    """What was brought into the home folder."""

    source: str
    """Tells one source from another."""
    file: str
    """The scene's path, relative to the home folder."""
    is_opened: bool = False
    """Whether Blender has opened it."""
    attempts: int = 0
    """How often Blender was asked to open it."""


def read_note(home: Path) -> Note | None:
    """Return the note; None if there is none that is valid. The person can write to the file."""
    try:
        found = json.loads(read_regular_file(home / NOTE_FILE, _MAX_BYTES))
        note = Note(found["source"], found["file"], found["is_opened"], found["attempts"])
        if not isinstance(note.source, str) or not isinstance(note.is_opened, bool) or type(note.attempts) is not int:
            return None
        return note if note.file and is_inside(home, home / note.file) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_note(home: Path, note: Note) -> None:
    """Write the note. If that fails, a later start brings the scene in again."""
    write_json(home / NOTE_FILE, note.__dict__)


def put_back(home: Path, note: Note | None) -> None:
    """Write a former note again; None: there was none. If that fails, the present one stays."""
    if note is not None:
        write_note(home, note)
        return
    with suppress(OSError):
        (home / NOTE_FILE).unlink(missing_ok=True)
