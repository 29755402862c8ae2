"""Files on this side: names that stay in their folder, and files that are there when they are whole."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from blendersessions.model.errors import Conflict, Invalid, System

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TAG_CHARACTERS: Final = 16
_CONTROL_CATEGORIES: Final = frozenset({"Cc", "Cs"})
_MOST_NAME_BYTES: Final = 255
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
HOW_TO_REPLACE: Final = "Replace it with --force, or name another place with --to."
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.EMLINK})
"""How a file system says that it has no second names for a file."""


def local_name(path: str) -> str:
    """Return the name that a file of a desktop gets here: its last part, without control characters.

    Raises:
        Invalid: the path ends in no name.
    """
    name = path.rstrip("/").rpartition("/")[2]
    name = "".join("_" if is_control(char) else char for char in name)
    if name in ("", ".", ".."):
        raise Invalid(f"“{path}” ends in no file name. Name the file.", System.OWN)
    if len(os.fsencode(name)) > _MOST_NAME_BYTES:
        raise Invalid(f"“{path}” has a name that is too long for this machine.", System.OWN)
    return name


def is_control(char: str) -> bool:
    """Return whether a character is a control character, or half of one."""
    return unicodedata.category(char) in _CONTROL_CATEGORIES


@dataclass
class PartialFile:
    """A file that comes in. It has a hidden name beside its target until it is whole, and is found again by it.

    Attributes:
        target: where the file will be.
        force: whether it replaces what is there.
    """

    target: Path
    force: bool

    def check(self) -> None:
        """Check that the file may be written.

        Raises:
            Conflict: something is there.
            Invalid: the folder is not there, or a folder has the name.
        """
        folder = self.target.parent
        if not folder.is_dir():
            raise Invalid(f"There is no folder {folder}. Make it first, or name another one with --to.", System.OWN)
        if self.target.is_dir() and not self.target.is_symlink():
            raise Invalid(f"{self.target} is a folder. Name another place with --to.", System.OWN)
        if not self.force and self.is_taken:
            raise self._taken()

    @property
    def is_taken(self) -> bool:
        """Whether something has the name."""
        return os.path.lexists(self.target)

    @property
    def is_begun(self) -> bool:
        """Whether a download of this file was interrupted."""
        return any(self._begun())

    def open(self, etag: str) -> BinaryIO:
        """Open what has come of the file with this ETag, at its end; without an ETag an empty file.

        Raises:
            Invalid: it cannot be written.
            Conflict: another command writes it.
        """
        path = self._path(etag)
        for other in self._begun():
            if other != path or not etag:
                # It is of another content, which nobody sends any more.
                with suppress(OSError):
                    other.unlink()
        try:
            # Nobody else reads it before it is whole.
            handle = os.open(path, _OPEN, 0o600)
        except OSError as error:
            raise Invalid(
                f"{path} cannot be written ({error.strerror}). Name another place with --to.", System.OWN
            ) from error
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_nlink != 1:
            os.close(handle)
            raise Invalid(f"{path} is in the way, and is not yours. Name another place with --to.", System.OWN)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise Conflict(f"Another command downloads {self.target} now.", System.OWN) from error
        file = os.fdopen(handle, "r+b")
        file.seek(0, os.SEEK_END)
        return file

    def publish(self, etag: str) -> None:
        """Give the whole file its name.

        Raises:
            Conflict: something has got the name meanwhile.
        """
        path = self._path(etag)
        umask = os.umask(0)
        os.umask(umask)
        path.chmod(0o666 & ~umask)
        if self.force:
            path.replace(self.target)
            return
        try:
            # A rename would replace what somebody else wrote in the meantime.
            os.link(path, self.target, follow_symlinks=False)
        except FileExistsError as error:
            raise self._taken() from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if self.is_taken:
                raise self._taken() from error
            path.replace(self.target)
            return
        path.unlink()

    def discard(self) -> None:
        """Remove what has come of a file without an ETag, which cannot be continued."""
        self._path("").unlink(missing_ok=True)

    def _begun(self) -> Iterable[Path]:
        return self.target.parent.glob(f"{self._prefix}*.part")

    @property
    def _prefix(self) -> str:
        return f".{hashlib.sha256(os.fsencode(self.target.name)).hexdigest()[:_TAG_CHARACTERS]}."

    def _path(self, etag: str) -> Path:
        tag = hashlib.sha256(etag.encode()).hexdigest()[:_TAG_CHARACTERS]
        return self.target.parent / f"{self._prefix}{tag}.part"

    def _taken(self) -> Conflict:
        return Conflict(f"{self.target} is there already. {HOW_TO_REPLACE}", System.OWN)
