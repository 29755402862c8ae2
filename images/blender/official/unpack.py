"""Takes an official build of Blender into an image: `python3 unpack.py SOURCE SHA256 TARGET`.

SOURCE is an https URL, or the name of an archive in this program's folder. The archive is
`blender-VERSION-linux-x64.tar.xz` as blender.org publishes it: one folder with the program, its libraries, its Python
and its scripts.
"""

import hashlib
import lzma
import re
import sys
import tarfile
import tempfile
import urllib.request
import zlib
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Final
from urllib.error import URLError

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_CHUNK_BYTES: Final = 1024 * 1024
_TIMEOUT_SECONDS: Final = 60
_DAMAGED: Final = (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error)


class Refused(Exception):  # noqa: N818 - what is said to the person who builds
    """The archive is not taken. The message says why, and what to do."""


def take(source: str, sha256: str, here: Path, target: Path) -> None:
    """Unpack an official build into a folder, which gets the program `blender`.

    Args:
        source: an https URL, or the name of an archive in `here`.
        sha256: the archive's SHA-256 in hexadecimal digits.
        here: the folder of archives that were put there.
        target: the folder, which is empty.

    Raises:
        Refused: it is not what was asked for. Nothing is in `target` then.
        OSError: it cannot be read or unpacked.
        HTTPException: the server does not speak HTTP.
    """
    if not _SHA256.fullmatch(sha256):
        raise Refused(
            f"BLENDER_SHA256 is {sha256!r}. Give the 64 hexadecimal digits that are published beside the archive."
        )
    with tempfile.TemporaryFile() as archive:
        with _opened(source, here) as stream:
            found = _copy(stream, archive)
        if found != sha256.lower():
            raise Refused(
                f"{source} has the SHA-256 {found}, and BLENDER_SHA256 is {sha256.lower()}. Nothing was unpacked: the "
                "archive is another one, or it is damaged. Compare it with the digits that are published beside it."
            )
        archive.seek(0)
        _unpack(source, archive, target)


def _opened(source: str, here: Path) -> BinaryIO:
    if source.startswith("https://"):
        # blender.org refuses what urllib calls itself.
        request = urllib.request.Request(source, headers={"User-Agent": "blender-sessions"})  # noqa: S310 - https alone
        try:
            opened: BinaryIO = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310
        except URLError as error:
            raise Refused(
                f"{source} was not answered with an archive: {error}. Download the archive with a browser, and give "
                "its path to `make images`, or put it into images/blender/official/ and give its name."
            ) from error
        return opened
    if "/" in source or not (here / source).is_file():
        raise Refused(
            f"BLENDER_URL is {source!r}. Give an address that begins with https://, or put the archive into "
            "images/blender/official/ and give its name."
        )
    return (here / source).open("rb")


def _copy(stream: BinaryIO, target: BinaryIO) -> str:
    """Copy a stream, and return the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _unpack(source: str, archive: BinaryIO, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        try:
            with tarfile.open(fileobj=archive) as packed:
                packed.extractall(folder, filter="data")
        except _DAMAGED as error:
            raise Refused(f"{source} cannot be unpacked: {error}. Give a .tar.xz of Blender for Linux.") from error
        tops = list(Path(folder).iterdir())
        if len(tops) != 1 or not (tops[0] / "blender").is_file():
            raise Refused(f"{source} holds no Blender for Linux: one folder with the program `blender` was expected.")
        for each in tops[0].iterdir():
            each.rename(target / each.name)


if __name__ == "__main__":
    try:
        take(sys.argv[1], sys.argv[2], Path(__file__).parent, Path(sys.argv[3]))
    except (Refused, OSError, HTTPException) as error:
        sys.exit(f"The official build of Blender was not taken: {error}")
