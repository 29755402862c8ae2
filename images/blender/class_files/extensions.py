"""Installs the extensions of the class into a folder from which Blender loads them, once for each pod."""

import errno
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from class_files.manifest import ADD_ON, Manifest, Version, read_manifest
from class_files.repository import Listed, file_problem, list_repository
from scene.archive import Refused, TooMuch, announced_bytes, extract, opened
from scene.names import shown_name
from scene.sizes import megabytes
from workspace.files import clear_path, is_regular_file, read_regular_file, write_json

MAX_BYTES: Final = 256 * 1024 * 1024
"""The most that all extensions together may have unpacked. They lie on the pod's temporary folder."""
_OWN_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors that are not about what is in an archive: the next one would have them too."""
_RECORD: Final = ".installed.json"
_MAX_RECORD_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Installation:
    """What was installed."""

    add_ons: tuple[str, ...] = ()
    """IDs of those that can be enabled. A theme is chosen by the person."""
    problems: tuple[str, ...] = ()
    """Sentences about those that were not."""


@dataclass(frozen=True)
class _Candidate:
    listed: Listed
    manifest: Manifest

    @property
    def name(self) -> str:
        return shown_name(self.listed.file.name)


def install(source: Path, target: Path, blender: Version, max_bytes: int = MAX_BYTES) -> Installation:
    """Install the extensions of a repository, and return what came of each.

    What this pod has already stays as it is: modules of a Blender that runs are in those files.

    Args:
        source: the folder of the repository, which is only read.
        target: the folder of the extensions, of which each gets one of its own.
        blender: this Blender.
        max_bytes: the most that all may have unpacked.

    Raises:
        OSError: the target cannot be written.
    """
    if (known := _read_record(target)) is not None:
        return known
    clear_path(target)
    target.mkdir(parents=True)
    listed, problems = list_repository(source)
    candidates: list[_Candidate] = []
    for each in listed:
        try:
            candidates.append(_look_at(each))
        except Refused as refused:
            problems.append(_left_out(shown_name(each.file.name), str(refused)))
    chosen, misfits = _choose(candidates, blender)
    problems += misfits
    add_ons, left = [], max_bytes
    for candidate in chosen:
        try:
            left -= _unpack_alone(candidate, target, left, max_bytes)
        except Refused as refused:
            clear_path(target / candidate.manifest.id)
            problems.append(_left_out(candidate.name, str(refused)))
            continue
        if candidate.manifest.type == ADD_ON:
            add_ons.append(candidate.manifest.id)
    installation = Installation(tuple(add_ons), tuple(problems))
    write_json(target / _RECORD, asdict(installation))
    return installation


def _look_at(listed: Listed) -> _Candidate:
    try:
        if not is_regular_file(listed.file):
            raise Refused("cannot be read. Let everybody read it, or the desktops' user 1000")
        if problem := file_problem(listed):
            raise Refused(problem)
        with opened(listed.file) as (content, entries):
            return _Candidate(listed, read_manifest(content, entries))
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})") from None


def _choose(candidates: list[_Candidate], blender: Version) -> tuple[list[_Candidate], list[str]]:
    """Return the newest version of each extension that fits this Blender, and what is said of the others.

    A repository for several Blenders has several versions of an extension, so only one without any that fits is told.
    """
    chosen, problems = [], []
    for same in _by_id(candidates):
        fitting = [each for each in same if not each.manifest.misfit(blender)]
        if not fitting:
            problems += [_left_out(each.name, each.manifest.misfit(blender)) for each in same]
            continue
        newest = max(fitting, key=lambda each: each.manifest.order)
        chosen.append(newest)
        for each in fitting:
            if each is not newest and each.manifest.order == newest.manifest.order:
                problems.append(_left_out(each.name, f"has the same extension and version as {newest.name}"))
    return chosen, problems


def _by_id(candidates: list[_Candidate]) -> Iterator[list[_Candidate]]:
    for name in dict.fromkeys(each.manifest.id for each in candidates):
        yield [each for each in candidates if each.manifest.id == name]


def _unpack_alone(candidate: _Candidate, target: Path, left: int, max_bytes: int) -> int:
    """Unpack an extension as `_unpack` does. An error that its content causes does not end the others' installation."""
    try:
        return _unpack(candidate, target, left, max_bytes)
    except OSError as error:
        if error.errno in _OWN_ERRORS:
            raise
        raise Refused(f"cannot be unpacked ({error.strerror})") from None


def _unpack(candidate: _Candidate, target: Path, left: int, max_bytes: int) -> int:
    """Unpack an extension and return its size, which is at most what is left of all that there may be.

    Raises:
        Refused: it cannot be unpacked, or is too large.
        OSError: the target cannot be written.
    """
    folder = target / candidate.manifest.id
    too_large = (
        f"does not fit: all extensions of a class together may have {megabytes(max_bytes)} unpacked. "
        "A larger one belongs in the image"
    )
    folder.mkdir()
    try:
        with opened(candidate.listed.file) as (content, entries):
            size = announced_bytes(entries)
            if size > min(left, shutil.disk_usage(target).free):
                raise Refused(too_large)
            extract(content, entries, folder, left)
        size += sum(_wheel_bytes(path) for path in folder.glob("**/*.whl") if is_regular_file(path))
        if size > left:
            raise Refused(too_large)
    except TooMuch as much:
        raise Refused("grows like a zip bomb" if much.is_bomb else too_large) from None
    return size


def _wheel_bytes(wheel: Path) -> int:
    """Return what a wheel has unpacked. Blender unpacks it beside the extensions."""
    try:
        with opened(wheel) as (_, entries):
            return announced_bytes(entries)
    except Refused as refused:
        raise Refused(f"has a wheel, {shown_name(wheel.name)}, that {refused}") from None


def _left_out(name: str, why: str) -> str:
    return f"The extension {name} was not installed: it {why}."


def _read_record(target: Path) -> Installation | None:
    try:
        found = json.loads(read_regular_file(target / _RECORD, _MAX_RECORD_BYTES))
        record = Installation(**{name: tuple(map(str, found[name])) for name in ("add_ons", "problems")})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return replace(record, add_ons=tuple(each for each in record.add_ons if each.isidentifier()))
