"""One living Guacamole token for each Guacamole and user, kept for the next link.

A browser holds one token for each Guacamole: a link with another one signs the first out and closes its desktops, even
for the same user, and a link with a dead one makes any log-in impossible. So a token is made once, checked before each
use, and used again while it works.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from blendersessions.model.errors import DomainError, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from blendersessions.clients.guacamole.person import GuacamoleRest
    from blendersessions.model.user_credentials import UserCredentials


@dataclass(frozen=True)
class _Kept:
    token: str = field(repr=False)
    made_for: str
    """Tells whether it was made for the user's password of now: a user made anew leaves a token that opens nothing."""


@dataclass
class _Book:
    """What is kept for one Guacamole; `last` is whom the last link signed in."""

    last: str = ""
    tokens: dict[str, _Kept] = field(default_factory=dict)


@dataclass(frozen=True)
class SignedIn:
    """A token, and whose desktops in this browser end when it is used there."""

    token: str = field(repr=False)
    displaced: str = ""


def folder() -> Path:
    """Return where tokens are kept, by the XDG base directory specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blender-sessions" / "tokens"


async def token(guacamole: GuacamoleRest, url: str, credentials: UserCredentials) -> SignedIn:
    """Give a user's token for the Guacamole at this URL, a new one only if the kept one does not work.

    Raises:
        Unauthorised: Guacamole refuses the credentials.
        Unavailable: Guacamole does not answer.
        Invalid: the folder cannot be used.
    """
    user = credentials.username
    with _opened(url) as book:
        kept = book.tokens.get(user)
        if kept is not None and not hmac.compare_digest(kept.made_for, _made_for(kept.token, credentials)):
            await _sign_out(guacamole, kept.token)
            kept = None
        if kept is None or not await guacamole.is_alive(kept.token):
            book.tokens.pop(user, None)
            fresh = await guacamole.sign_in(credentials)
            kept = book.tokens[user] = _Kept(fresh, _made_for(fresh, credentials))
        displaced = ""
        if book.last != user and (former := book.tokens.get(book.last)) and await guacamole.is_alive(former.token):
            displaced = book.last
        book.last = user
        return SignedIn(kept.token, displaced)


def _made_for(token: str, credentials: UserCredentials) -> str:
    """Fingerprint a password. Passwords are random and the token is the key, so it tells nothing about either."""
    return hmac.new(token.encode(), credentials.password.encode(), hashlib.sha256).hexdigest()


async def _sign_out(guacamole: GuacamoleRest, token: str) -> None:
    try:
        await guacamole.sign_out(token)
    except DomainError:
        # Without use the token dies by itself within the hour.
        return


@contextmanager
def _opened(url: str) -> Iterator[_Book]:
    """Read what is kept for a Guacamole, keep others out meanwhile, and write it at the end."""
    place = folder()
    path = place / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(place, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        book = _read(path)
        yield book
        try:
            _write(path, book)
        except OSError as error:
            raise _unusable(place, error) from error
    finally:
        os.close(lock)


def _read(path: Path) -> _Book:
    """Read a file of ours; one that is missing, broken or open to others counts for nothing."""
    try:
        if path.stat().st_mode & 0o077:
            return _Book()
        return TypeAdapter(_Book).validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return _Book()


def _write(path: Path, book: _Book) -> None:
    # mkstemp makes files that only their owner may read.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(book), file)
    Path(name).replace(path)


def _unusable(place: Path, error: OSError) -> Invalid:
    return Invalid(
        f"The sign-in cannot be kept in {place} ({error.strerror}), and without that a second link would sign this"
        " browser out of the first: make the folder writable, or name another one in XDG_CACHE_HOME."
    )
