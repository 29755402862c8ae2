"""Packs a folder into a .zip that is sent while it is made."""

import io
import os
import stat
import time
from collections.abc import Generator, Iterator
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from agent.files.ranges import etag_of, modified_seconds
from agent.files.tree import LeftOut, TreeFile, walk
from agent.streams import BLOCK_BYTES

LEFT_OUT_NAME: Final = "not in this archive.txt"
_FILE_MODE: Final = (stat.S_IFREG | 0o644) << 16
_FOLDER_MODE: Final = (stat.S_IFDIR | 0o755) << 16 | 0x10
_FIRST_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_LAST_MOMENT: Final = (2107, 12, 31, 23, 59, 58)
"""What the format can say."""


class _Sink(io.RawIOBase):
    """Where `zipfile` writes to. It has no positions, so the archive is one that can be sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken


def blocks_of_archive(folder: int, max_bytes: int) -> Generator[bytes, None, None]:
    """Yield an archive of a folder in pieces. The files are stored as they are, since most of them are packed already.

    A file that cannot be read, or that is larger than may go out, is named in a text at the end of the archive.

    Args:
        folder: the folder's descriptor.
        max_bytes: the largest file that may go out.
    """
    sink, left_out = _Sink(), LeftOut()
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for found in walk(folder, max_bytes, left_out):
            if found.descriptor is None:
                archive.writestr(_info(found, _FOLDER_MODE), b"")
            else:
                yield from _add(archive, sink, found, found.descriptor, left_out)
            if sink.size >= BLOCK_BYTES:
                yield sink.take()
        if left_out:
            archive.writestr(_free_name(archive), left_out.text())
    yield sink.take()


def _add(archive: ZipFile, sink: _Sink, found: TreeFile, descriptor: int, left_out: LeftOut) -> Iterator[bytes]:
    info = _info(found, _FILE_MODE)
    # By this size it is decided whether the entry may have more than 4 GiB. More than that is not read.
    info.file_size = left = found.status.st_size
    fault = ""
    with archive.open(info, "w") as entry:
        while left and not fault:
            try:
                block = os.read(descriptor, min(BLOCK_BYTES, left))
            except OSError as error:
                block, fault = b"", f"only its begin is here: {os.strerror(error.errno or 0)}"
            fault = fault or ("" if block else "only its begin is here: it was cut while it was packed")
            entry.write(block)
            left -= len(block)
            if sink.size >= BLOCK_BYTES:
                yield sink.take()
    if not fault and etag_of(os.fstat(descriptor)) != etag_of(found.status):
        fault = "it was changed while it was packed"
    if fault:
        left_out.add(found.path, fault)


def _info(found: TreeFile, mode: int) -> ZipInfo:
    moment = time.gmtime(modified_seconds(found.status))[:6]
    info = ZipInfo(found.path, min(max(moment, _FIRST_MOMENT), _LAST_MOMENT))
    info.external_attr = mode
    return info


def _free_name(archive: ZipFile) -> str:
    name = LEFT_OUT_NAME
    while name in archive.NameToInfo:
        name = f"_{name}"
    return name
