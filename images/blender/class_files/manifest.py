"""Reads what an extension says of itself: `blender_manifest.toml` of Blender 4.2 and later, schema 1.0.0."""

import platform
import re
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from scene.archive import Entry, Refused
from scene.names import sentence_list, shown_name

NAME: Final = "blender_manifest.toml"
ADD_ON: Final = "add-on"
_TYPES: Final = (ADD_ON, "theme")
_MAX_BYTES: Final = 256 * 1024
_MAX_ID: Final = 63
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_VERSION: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:[-+][0-9A-Za-z.+-]{1,64})?")
_PLATFORMS: Final = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Manifest:
    """What an extension is, and which Blender it fits."""

    id: str
    type: str
    version: str
    oldest: Version
    """The oldest Blender that it runs in."""
    below: Version | None
    """The Blender in which, and after which, it does not run; None if it says nothing."""
    platforms: tuple[str, ...]
    """Where it runs; empty for everywhere."""

    @property
    def order(self) -> tuple[Version, bool]:
        """What tells a newer version from an older one. One with an addition, such as `-beta`, is the older one."""
        return _numbers(self.version), "-" not in self.version

    def misfit(self, blender: Version) -> str:
        """Return why it does not fit a Blender, as the end of the sentence `NAME ...`; empty if it fits."""
        here = _PLATFORMS.get(platform.machine(), "linux-x64")
        if blender < self.oldest:
            return f"needs Blender {_write(self.oldest)} or newer, and this is {_write(blender)}"
        if self.below is not None and blender >= self.below:
            return f"is for a Blender older than {_write(self.below)}, and this is {_write(blender)}"
        if self.platforms and here not in self.platforms:
            return f"is not for {here}, only for {sentence_list(self.platforms)}"
        return ""


def read_manifest(content: zipfile.ZipFile, entries: Sequence[Entry]) -> Manifest:
    """Read the manifest at the top of an extension's archive.

    Raises:
        Refused: there is none, or it is none of an extension.
    """
    found = next((info for path, info in entries if path == PurePosixPath(NAME)), None)
    if found is None:
        raise Refused(f"has no {NAME} at its top: it is no extension. Blender's older add-ons have none")
    with content.open(found) as stream:
        raw = stream.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise Refused(f"has a {NAME} that is too large")
    try:
        fields = tomllib.loads(raw.decode())
    except (ValueError, RecursionError):
        raise Refused(f"has a {NAME} that cannot be read") from None
    return Manifest(
        id=_matching(fields, "id", _ID),
        type=_one_of(fields, "type", _TYPES),
        version=_matching(fields, "version", _VERSION),
        oldest=_numbers(_matching(fields, "blender_version_min", _VERSION)),
        below=_numbers(_matching(fields, "blender_version_max", _VERSION)) if "blender_version_max" in fields else None,
        platforms=_texts(fields, "platforms"),
    )


def _matching(fields: dict[str, object], name: str, pattern: re.Pattern[str]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value) or (name == "id" and len(value) > _MAX_ID):
        raise _no_valid(name, value)
    return value


def _one_of(fields: dict[str, object], name: str, values: tuple[str, ...]) -> str:
    value = fields.get(name)
    if value not in values:
        raise _no_valid(name, value)
    return str(value)


def _texts(fields: dict[str, object], name: str) -> tuple[str, ...]:
    value = fields.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _no_valid(name, value)
    return tuple(shown_name(each) for each in value)


def _no_valid(name: str, value: object) -> Refused:
    said = f", but {shown_name(str(value))}" if value is not None else ""
    return Refused(f"has no valid {name} in its {NAME}{said}")


def _numbers(version: str) -> Version:
    match = _VERSION.fullmatch(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)


def _write(version: Version) -> str:
    return ".".join(map(str, version))
