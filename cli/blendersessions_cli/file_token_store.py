"""Files of tokens, one for each Guacamole, so that a second link uses the token of the first."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from blendersessions.clients.guacamole.token_cache import CachedToken, TokenCache
from blendersessions.model.errors import Invalid, System

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from blendersessions.clients.guacamole.token_cache import SignIn
    from blendersessions.model.user_credentials import UserCredentials


@dataclass(frozen=True)
class SignedIn:
    """A token, and the user whom it signs out of the browser.

    Attributes:
        token: a token that works.
        displaced: the user of the last link, if it is another one whose token still works; empty if there is none.
    """

    token: str = field(repr=False)
    displaced: str = ""


@dataclass
class _TokenFile:
    """The content of a file.

    Attributes:
        last: the user whom the last link signed in; empty before the first link.
        tokens: the tokens by user.
    """

    last: str = ""
    tokens: dict[str, CachedToken] = field(default_factory=dict)


@dataclass(frozen=True)
class _FileTokenStore:
    """The token of one user in a file."""

    file: _TokenFile
    username: str

    def candidates(self) -> Sequence[CachedToken]:
        kept = self.file.tokens.get(self.username)
        return [kept] if kept else []

    def keep(self, token: CachedToken) -> None:
        self.file.tokens[self.username] = token


async def token(guacamole: SignIn, url: str, credentials: UserCredentials) -> SignedIn:
    """Return a user's token: the kept one while it works, else a new one.

    Args:
        guacamole: checks tokens and signs in.
        url: base URL of that Guacamole.
        credentials: the user's.

    Raises:
        Unauthorised: Guacamole refuses the credentials.
        Unavailable: Guacamole does not answer.
        Invalid: the folder of the files cannot be written.
    """
    username = credentials.username
    with _locked_file(url) as file:
        found = await TokenCache(guacamole).token(_FileTokenStore(file, username), credentials)
        former = file.tokens.get(file.last) if file.last != username else None
        displaced = file.last if former and await guacamole.is_alive(former.token) else ""
        file.last = username
        return SignedIn(found, displaced)


def folder() -> Path:
    """Return the folder of the files (XDG Base Directory Specification, `XDG_CACHE_HOME`)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blender-sessions" / "tokens"


@contextmanager
def _locked_file(url: str) -> Iterator[_TokenFile]:
    """Yield the content of a Guacamole's file, and write it at the end. Other commands wait for the lock until then."""
    place = folder()
    path = place / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(place, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = _read(path)
        yield file
        try:
            _write(path, file)
        except OSError as error:
            raise _unusable(place, error) from error
    finally:
        os.close(lock)


def _read(path: Path) -> _TokenFile:
    """Read a token file. One that is missing, broken or readable by others counts as empty."""
    try:
        if path.stat().st_mode & 0o077:
            return _TokenFile()
        return TypeAdapter(_TokenFile).validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return _TokenFile()


def _write(path: Path, file: _TokenFile) -> None:
    # mkstemp makes files that only their owner may read.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8") as new:
        json.dump(asdict(file), new)
    Path(name).replace(path)


def _unusable(place: Path, error: OSError) -> Invalid:
    return Invalid(
        f"The sign-in cannot be kept in {place} ({error.strerror}). Without it, a second link would sign your browser"
        " out of the first. Make the folder writable, or name another one in XDG_CACHE_HOME.",
        System.OWN,
    )
