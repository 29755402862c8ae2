"""Puts the class's start-up file and preferences where Blender looks for them, unless the person has their own.

Blender knows one start-up file and one set of preferences, in its folder for preferences. So the class's are copied to
it. The copy's hash is noted. A file that differs from it is the person's, and is not touched again. A copy that nobody
has changed follows the class: another file takes its place at the next start, or none.
"""

import contextlib
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from class_files.mounts import MOUNTS, NotThere, class_file
from scene.failure import SceneRefused
from scene.header import Header, read_header
from scene.plain import NotABlend
from scene.sizes import megabytes
from scene.versions import BlenderVersion, check_version
from workspace.files import is_regular_file, read_regular_file, write_json

FILES: Final = {
    "BLENDER_STARTUP_FILE": ("startup.blend", "start-up file"),
    "BLENDER_PREFERENCES": ("userpref.blend", "preferences"),
}
"""Name in Blender's folder for preferences, and what a sentence calls it, by the variable of the class's file."""
MAX_BYTES: Final = 32_000_000
NOTE: Final = "class-files.json"
_MAX_NOTE_BYTES: Final = 16 * 1024


def put_defaults(config: Path, environment: Mapping[str, str], mounts: Mapping[str, Path] = MOUNTS) -> tuple[str, ...]:
    """Copy the class's files into the folder for preferences, and return what is wrong with them in sentences.

    Args:
        config: the folder for preferences, in which the person can change everything.
        environment: says which files the class has.
        mounts: where they are.
    """
    former = _read_note(config)
    note: dict[str, str] = {}
    problems: list[str] = []
    for variable, (name, what) in FILES.items():
        target = config / name
        content, problem = None, ""
        try:
            content = _content(variable, what, environment, mounts)
        except NotThere as missing:
            problem = str(missing)
        # A start that was cut off leaves a copy of the class's file without its note.
        ours = {former.get(name), None if content is None else _hash(content)}
        if os.path.lexists(target) and _hash_of(target) not in ours:
            # It is the person's own.
            continue
        try:
            if not problem:
                _replace(target, content)
        except OSError as error:
            problem = f"The {what} of the session class could not be put into place ({error.strerror})."
            content = None
        if problem:
            problems.append(problem)
        if content is not None:
            note[name] = _hash(content)
        elif name in former and os.path.lexists(target):
            note[name] = former[name]
    if note != former:
        write_json(config / NOTE, note)
    return tuple(problems)


def newer_files(config: Path, blender: BlenderVersion, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what this Blender does not know of the class's files that it uses, in sentences: a newer one saved them.

    A copy that this Blender cannot read is taken away, so that it does not count as preferences that were saved.

    Args:
        config: the folder for preferences.
        blender: this Blender.
        environment: says which files the class has.
    """
    note = _read_note(config)
    problems = []
    for variable, (name, what) in FILES.items():
        copy = config / name
        if not environment.get(variable) or name not in note or _hash_of(copy) != note[name]:
            # It is the person's own, or there is none.
            continue
        try:
            shown = f"{environment[variable]}, the {what} of the session class,"
            warning = check_version(shown, _header(read_regular_file(copy, MAX_BYTES)), blender)
        except SceneRefused as refused:
            warning = f"{refused} It is not used."
            with contextlib.suppress(OSError):
                copy.unlink()
        except (OSError, NotABlend):
            # The person has changed it since.
            continue
        if warning:
            problems.append(warning)
    return tuple(problems)


def _content(variable: str, what: str, environment: Mapping[str, str], mounts: Mapping[str, Path]) -> bytes | None:
    """Return the class's file; None if it has none.

    Raises:
        NotThere: it is missing or cannot be used.
    """
    path = class_file(variable, environment, mounts)
    if path is None:
        return None
    problem = f"The {what} of the session class, {environment[variable]}, "
    end = ", so it is not used. Tell an administrator."
    try:
        content = read_regular_file(path, MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise NotThere(f"{problem}has more than {megabytes(MAX_BYTES)}{end}")
        _header(content)
    except OSError as error:
        raise NotThere(f"{problem}cannot be read ({error.strerror or 'it is no file'}){end}") from None
    except NotABlend as reason:
        raise NotThere(f"{problem}{reason}{end}") from None
    return content


def _header(content: bytes) -> Header:
    return read_header(io.BytesIO(content))


def _replace(target: Path, content: bytes | None) -> None:
    """Write a file completely or not at all, or remove it."""
    if content is None:
        target.unlink(missing_ok=True)
        return
    if is_regular_file(target) and _hash_of(target) == _hash(content):
        return
    descriptor, temporary = tempfile.mkstemp(prefix=target.name, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(temporary).replace(target)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _hash_of(path: Path) -> str:
    try:
        return _hash(read_regular_file(path, MAX_BYTES + 1))
    except OSError:
        return "unreadable"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_note(config: Path) -> dict[str, str]:
    try:
        found = json.loads(read_regular_file(config / NOTE, _MAX_NOTE_BYTES))
        return {name: str(found[name]) for name, _ in FILES.values() if name in found}
    except (OSError, ValueError, TypeError, RecursionError):
        return {}
