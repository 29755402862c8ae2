"""Unpacks a .zip that holds a scene with what belongs to it."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
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
_MAX_NAME_BYTES: Final = 255
_MAX_DEPTH: Final = 32


class _Refused(Exception):  # noqa: N818 - becomes a SceneRefused with the archive's name
    """The message ends the sentence `NAME ...`."""


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
        with archive.open("rb", buffering=0) as raw, zipfile.ZipFile(_Reader(raw)) as opened:
            entries = _entries(opened)
            scene = only_scene([path for path, _ in entries], name)
            _check_announced([info for _, info in entries], max_bytes)
            # No entry gives more than it announces.
            reservation.cover(sum(on_volume(info.file_size) for _, info in entries))
            _extract(opened, entries, folder, max_bytes, reservation)
            return folder / scene
    except _Refused as refused:
        raise SceneRefused(Reason.UNREADABLE, f"{name} {refused}.") from None
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError):
        raise SceneRefused(
            Reason.UNREADABLE, f"{name} is a damaged .zip, or one of an unusual kind. Pack the scene again."
        ) from None


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
            raise _Refused(f"has more than {MAX_ENTRIES} entries, or very long names")
        return self._file.read(size if size >= 0 else MAX_DIRECTORY_BYTES) or b""

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset < 0 and whence == io.SEEK_SET:
            raise zipfile.BadZipFile
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _entries(opened: zipfile.ZipFile) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Return the files by their path in the folder that is made."""
    infos = opened.infolist()
    if len(infos) > MAX_ENTRIES:
        raise _Refused(f"has more than {MAX_ENTRIES} entries, or very long names")
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
        raise _Refused(f"has an entry that leads out of it ({shown_name(name)}). Pack the scene again")
    if any(len(part.encode(errors="replace")) > _MAX_NAME_BYTES for part in parts) or len(parts) > _MAX_DEPTH:
        raise _Refused("has an entry whose name is too long")
    if printable(name) != name:
        raise _Refused(
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
        raise _Refused(f"has an entry that is {what} ({shown_name(str(path))}). Pack the files themselves")
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise _Refused("is encrypted. Pack the scene without a password")
    if not info.is_dir() and info.compress_type not in _METHODS:
        raise _Refused("is compressed in an unusual way. Pack the scene as an ordinary .zip")


def _check_announced(infos: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if sum(info.file_size for info in infos) > max_bytes:
        raise SceneRefused(Reason.TOO_LARGE, _too_large(max_bytes))


def _too_large(max_bytes: int) -> str:
    return (
        f"The unpacked archive is larger than the {megabytes(max_bytes)} that the session class allows "
        "(transfer.maxBytes). Leave out what the scene does not need."
    )


def _extract(
    opened: zipfile.ZipFile,
    entries: list[tuple[PurePosixPath, zipfile.ZipInfo]],
    folder: Path,
    max_bytes: int,
    reservation: Reservation,
) -> None:
    packed = sum(info.compress_size for _, info in entries)
    most = min(max_bytes, max(FREE_BYTES, packed * MAX_RATIO))
    written = 0
    for path, info in entries:
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # `x` refuses a name that is there twice.
            with opened.open(info) as source, target.open("xb") as file:
                for chunk in _chunks(source):
                    written += len(chunk)
                    if written > most:
                        raise SceneRefused(Reason.TOO_LARGE, _bomb(written, max_bytes))
                    file.write(chunk)
                    reservation.wrote(len(chunk))
        except (FileExistsError, NotADirectoryError):
            raise _Refused(f"has two entries of one name ({shown_name(str(path))}). Pack the scene again") from None


def _bomb(written: int, max_bytes: int) -> str:
    if written > max_bytes:
        return _too_large(max_bytes)
    return f"The archive grows to more than {MAX_RATIO} times its size, as no scene does. If it is one, do not pack it."


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk
