"""Unpacks a .zip that holds a scene with what belongs to it."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from limits.room import Reservation, on_volume
from scene.failure import Reason, SceneRefused
from scene.names import is_blend, printable, sentence_list, shown_name
from scene.sizes import megabytes

MAX_ENTRIES: Final = 10_000
MAX_DIRECTORY_BYTES: Final = 2 * 1024 * 1024
"""The list of entries is read at once, so a longer one is refused."""
MAX_RATIO: Final = 200
"""An archive that grows more than this, beyond `FREE_BYTES`, is taken for a bomb. Scenes grow about twenty times."""
FREE_BYTES: Final = 64 * 1024 * 1024
_CHUNK_BYTES: Final = 256 * 1024
_UTF8_FLAG: Final = 0x800
_ENCRYPTED_FLAG: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others, which no system's own archiver uses, can ask for gigabytes of memory."""
_LEFT_OUT: Final = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems add by themselves."""
_BOMB: Final = (
    f"The archive grows to more than {MAX_RATIO} times its size, as no scene does. If it is one, do not pack it."
)
_MAX_NAME_BYTES: Final = 255
_MAX_DEPTH: Final = 32


Entry = tuple[PurePosixPath, zipfile.ZipInfo]
"""A file of an archive, by its path in the folder that is made."""


class Refused(Exception):  # noqa: N818 - becomes an error or a notice with the archive's name
    """An archive is not unpacked. The message ends the sentence `NAME ...`."""


@dataclass
class TooMuch(Exception):  # noqa: N818 - says what came out
    """More came out of an archive than it may."""

    is_bomb: bool
    """Whether that is because it grows too much, and not because it has too much."""


def is_archive(path: Path) -> bool:
    """Return whether a file begins as a .zip does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(archive: Path, name: str, folder: Path, max_bytes: int, reservation: Reservation) -> Path:
    """Unpack an archive into an empty folder, and return the path of its only scene.

    If everything lies in one folder, its content is unpacked without the folder.

    Args:
        archive: the .zip.
        name: its name, for messages.
        folder: an empty folder. What is in it after an error is not complete.
        max_bytes: the most that all files together may have.
        reservation: their room in the home folder.

    Raises:
        SceneRefused: the archive is damaged, is refused, or does not have exactly one scene at its top.
        NoRoom: it does not fit into the home folder.
        OSError: the folder cannot be written.
    """
    try:
        with opened(archive) as (content, entries):
            scene = only_scene([path for path, _ in entries], name)
            if announced_bytes(entries) > max_bytes:
                raise SceneRefused(Reason.TOO_LARGE, _too_large(max_bytes))
            # No entry gives more than it announces.
            reservation.cover(sum(on_volume(info.file_size) for _, info in entries))
            extract(content, entries, folder, max_bytes, reservation.wrote)
            return folder / scene
    except Refused as refused:
        raise SceneRefused(Reason.UNREADABLE, f"{name} {refused}.") from None
    except TooMuch as much:
        raise SceneRefused(Reason.TOO_LARGE, _BOMB if much.is_bomb else _too_large(max_bytes)) from None


@contextmanager
def opened(archive: Path) -> Iterator[tuple[zipfile.ZipFile, list[Entry]]]:
    """Open an archive for the block, with its files. A folder around all of them is left away.

    Raises:
        Refused: it is damaged, or has what no archive of files has. An error in the block counts too.
        OSError: it cannot be read.
    """
    try:
        with archive.open("rb", buffering=0) as raw, zipfile.ZipFile(_Reader(raw)) as content:
            yield content, _entries(content)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError):
        raise Refused("is a damaged .zip, or one of an unusual kind. Pack it again") from None


def announced_bytes(entries: Sequence[Entry]) -> int:
    """Return how many bytes an archive says that its files have."""
    return sum(info.file_size for _, info in entries)


def only_scene(paths: list[PurePosixPath], name: str) -> PurePosixPath:
    """Return the only scene among the files at the top.

    Args:
        paths: the files.
        name: the name of what holds them, for messages.

    Raises:
        SceneRefused: there is none, or more than one.
    """
    scenes = sorted({path.name for path in paths if len(path.parts) == 1 and is_blend(path.name)})
    if len(scenes) == 1:
        return PurePosixPath(scenes[0])
    if scenes:
        message = f"{name} has {len(scenes)} .blend files at its top: {sentence_list(scenes)}. Leave only one there."
    else:
        message = (
            f"{name} has no .blend file at its top. Put the scene there, and what it links to beside it or in folders."
        )
    raise SceneRefused(Reason.UNREADABLE, message)


class _Reader(io.RawIOBase):
    """A file that refuses to be read in very large pieces."""

    def __init__(self, file: io.RawIOBase) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise Refused(f"has more than {MAX_ENTRIES} entries, or very long names")
        return self._file.read(size if size >= 0 else MAX_DIRECTORY_BYTES) or b""

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset < 0 and whence == io.SEEK_SET:
            raise zipfile.BadZipFile
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _entries(content: zipfile.ZipFile) -> list[Entry]:
    infos = content.infolist()
    if len(infos) > MAX_ENTRIES:
        raise Refused(f"has more than {MAX_ENTRIES} entries, or very long names")
    found = []
    for info in infos:
        path = _path(info)
        _check_kind(path, info)
        if path.parts and not set(path.parts) & set(_LEFT_OUT):
            found.append((path, info))
    tops = {path.parts[0] for path, _ in found}
    has_one_folder = len(tops) == 1 and all(len(path.parts) > 1 or info.is_dir() for path, info in found)
    files = [(path, info) for path, info in found if not info.is_dir()]
    return [(PurePosixPath(*path.parts[1:]), info) for path, info in files] if has_one_folder else files


def _path(info: zipfile.ZipInfo) -> PurePosixPath:
    name = _name(info).replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or any(len(part) > 1 and part[1] == ":" for part in parts[:1]):
        raise Refused(f"has an entry that leads out of it ({shown_name(name)}). Pack it again")
    if any(len(part.encode(errors="replace")) > _MAX_NAME_BYTES for part in parts) or len(parts) > _MAX_DEPTH:
        raise Refused("has an entry whose name is too long")
    if printable(name) != name:
        raise Refused(
            f"has an entry whose name cannot be printed ({shown_name(name)}). Rename it, and pack the scene again"
        )
    return PurePosixPath(*parts)


def _name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name. Many archivers write UTF-8 without saying so, which Python reads as code page 437."""
    if not info.flag_bits & _UTF8_FLAG:
        try:
            return info.orig_filename.encode("cp437").decode()
        except UnicodeError:
            return info.orig_filename
    return info.orig_filename


def _check_kind(path: PurePosixPath, info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a link" if kind == stat.S_IFLNK else "no file"
        raise Refused(f"has an entry that is {what} ({shown_name(str(path))}). Pack the files themselves")
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise Refused("is encrypted. Pack it without a password")
    if not info.is_dir() and info.compress_type not in _METHODS:
        raise Refused("is compressed in an unusual way. Pack it as an ordinary .zip")


def _too_large(max_bytes: int) -> str:
    return (
        f"The unpacked archive is larger than the {megabytes(max_bytes)} that the session class allows "
        "(transfer.maxBytes). Leave out what the scene does not need."
    )


def extract(
    content: zipfile.ZipFile,
    entries: Sequence[Entry],
    folder: Path,
    max_bytes: int,
    wrote: Callable[[int], None] = lambda _: None,
) -> None:
    """Unpack files of an archive that is open into an empty folder. What is there after an error is not complete.

    Args:
        content: the archive.
        entries: its files.
        folder: an empty folder.
        max_bytes: the most that may come out.
        wrote: is told how many bytes more are in the folder.

    Raises:
        Refused: two files have one name.
        TooMuch: more than `max_bytes` come out, or so much that the archive must be a bomb.
        OSError: the folder cannot be written.
    """
    packed = sum(info.compress_size for _, info in entries)
    most = min(max_bytes, max(FREE_BYTES, packed * MAX_RATIO))
    written = 0
    for path, info in entries:
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # `x` refuses a name that is there twice.
            with content.open(info) as source, target.open("xb") as file:
                for chunk in _chunks(source):
                    written += len(chunk)
                    if written > most:
                        raise TooMuch(is_bomb=written <= max_bytes)
                    file.write(chunk)
                    wrote(len(chunk))
        except (FileExistsError, NotADirectoryError):
            raise Refused(f"has two entries of one name ({shown_name(str(path))}). Pack it again") from None


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk
