"""Fetches a scene from a URL into a file, in one try or in several."""

import asyncio
import email.utils
import errno
import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import aiohttp
from yarl import URL

from limits.room import AHEAD_BYTES, Reservation
from scene.failure import Reason, SceneRefused
from scene.names import BLEND, ZIP
from scene.sizes import duration, megabytes, progress
from scene.web import Interrupted, Web, parse_url, shown

_CHUNK_BYTES: Final = 1024 * 1024
_RETRIED: Final = (408, 425, 429)
"""Statuses that another try may change, besides 5xx."""
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Pace:
    """How patient a fetch is."""

    window_seconds: float = 30.0
    """A server that sends nothing for this long is asked again."""
    window_bytes: int = 64 * 1024
    """A server that sends less than this in a window is given up."""
    tries: int = 6
    """Tries in a row that bring nothing, after which it is given up."""
    pause_seconds: float = 1.0
    """The pause before the second try. Each further one is twice as long."""
    longest_pause_seconds: float = 60.0


@dataclass(frozen=True)
class Limits:
    """What a fetch may take."""

    max_bytes: int
    seconds: float


@dataclass(frozen=True)
class Fetched:
    """What was fetched."""

    name: str
    """The file's name as the server or the URL gives it. It is not safe yet."""


class Fetch:
    """One URL on its way into one file.

    Args:
        web: asks for URLs.
        url: the scene's address.
        sha256: the checksum in hex; empty if none is known.
        target: the file to write. It is the caller's to remove.
        limits: what it may take.
        reservation: its room in the home folder.
        tell: is told a sentence whenever it changes.
        pace: how patient it is.
    """

    def __init__(
        self,
        web: Web,
        url: str,
        sha256: str,
        target: Path,
        limits: Limits,
        reservation: Reservation,
        tell: Callable[[str], None],
        pace: Pace | None = None,
    ) -> None:
        self._web = web
        self._url = parse_url(url)
        self._sha256 = sha256.lower()
        self._target = target
        self._limits = limits
        self._reservation = reservation
        self._tell = tell
        self._pace = pace or Pace()
        self._received = 0
        self._validator = ""
        self._hash = hashlib.sha256()

    async def run(self) -> Fetched:
        """Fetch the file.

        Raises:
            SceneRefused: it cannot be had.
            NoRoom: it does not fit into the home folder.
        """
        self._tell(f"{shown(self._url)} is being fetched.")
        try:
            async with asyncio.timeout(self._limits.seconds):
                with self._target.open("wb") as file:
                    fetched = await self._try_until_done(file)
                    await asyncio.to_thread(_flush, file)
        except TimeoutError:
            raise SceneRefused(
                Reason.UNREACHABLE,
                f"{shown(self._url)} did not arrive within {duration(self._limits.seconds)}: only "
                f"{megabytes(self._received)} came. Try a faster server, or upload the scene.",
            ) from None
        except OSError as error:
            raise explain_write_error(error) from None
        found = self._hash.hexdigest()
        if self._sha256 and found != self._sha256:
            raise SceneRefused(
                Reason.CHECKSUM_MISMATCH,
                f"{shown(self._url)} has the SHA-256 checksum {found}, and not {self._sha256} as the session says. It "
                "was changed or damaged. Correct scene.sha256, or look for the right file.",
            )
        return fetched

    async def _try_until_done(self, file: BinaryIO) -> Fetched:
        failed = 0
        while True:
            former = self._received
            try:
                return await self._try(file)
            except Interrupted as interrupted:
                failed = 1 if self._received > former else failed + 1
                if failed >= self._pace.tries:
                    raise SceneRefused(
                        Reason.UNREACHABLE,
                        f"{interrupted} It was tried {failed} times. Check the scene's address, or upload the scene.",
                    ) from None
                self._tell(f"{interrupted} It is tried again.")
                pause = max(interrupted.seconds, self._pace.pause_seconds * 2 ** (failed - 1))
            await asyncio.sleep(min(pause, self._pace.longest_pause_seconds))

    async def _try(self, file: BinaryIO) -> Fetched:
        headers: dict[str, str] = {}
        if self._received and self._validator:
            headers = {"Range": f"bytes={self._received}-", "If-Range": self._validator}
        async with self._web.get(self._url, headers) as response:
            self._check_status(response)
            if not (response.status == 206 and self._is_continued(response)):
                await asyncio.to_thread(self._restart, file)
            self._validator = _validator(response)
            total = None if response.content_length is None else self._received + response.content_length
            self._check_size(total or 0)
            await self._receive(response, file, total)
            return Fetched(_name(response, self._url))

    def _check_status(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        where = shown(response.url)
        if status == 416:
            # What is here does not fit what is there any more.
            self._validator = ""
            raise Interrupted(f"{where} has changed.")
        if status in _RETRIED or status >= 500:
            raise Interrupted(f"{where} answers with HTTP status {status}.", _retry_after(response))
        if status not in (200, 206):
            raise SceneRefused(
                Reason.UNREACHABLE,
                f"{where} answers with HTTP status {status}. Check the scene's address, and whether it may be read "
                "without signing in.",
            )
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise SceneRefused(
                Reason.UNREACHABLE, f"{where} sends the file compressed, although that was not asked for."
            )
        if response.content_type == "text/html":
            raise SceneRefused(
                Reason.UNREADABLE, f"{where} gives a web page and not a file. Give the address of the file itself."
            )

    def _is_continued(self, response: aiohttp.ClientResponse) -> bool:
        match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != self._received:
            self._validator = ""
            raise Interrupted(f"{shown(response.url)} sends another part than was asked for.")
        return True

    def _restart(self, file: BinaryIO) -> None:
        self._reservation.rewind()
        file.seek(0)
        file.truncate()
        self._received, self._hash = 0, hashlib.sha256()

    async def _receive(self, response: aiohttp.ClientResponse, file: BinaryIO, total: int | None) -> None:
        where, loop = shown(response.url), asyncio.get_running_loop()
        ends_at, begun_with = loop.time() + self._pace.window_seconds, self._received
        while True:
            try:
                async with asyncio.timeout_at(ends_at):
                    chunk = await response.content.read(_CHUNK_BYTES)
            except (TimeoutError, aiohttp.ClientError):
                self._check_pace(where, self._received - begun_with, is_over=loop.time() >= ends_at)
                raise Interrupted(f"{where} stopped sending after {megabytes(self._received)}.") from None
            if not chunk:
                return
            self._check_size(self._received + len(chunk))
            await asyncio.to_thread(self._write, file, chunk, total)
            self._received += len(chunk)
            self._tell(f"{shown(self._url)} is being fetched: {progress(self._received, total)}.")
            if loop.time() >= ends_at:
                self._check_pace(where, self._received - begun_with, is_over=True)
                ends_at, begun_with = loop.time() + self._pace.window_seconds, self._received

    def _check_pace(self, where: str, count: int, *, is_over: bool) -> None:
        if is_over and 0 < count < self._pace.window_bytes:
            raise SceneRefused(
                Reason.UNREACHABLE,
                f"{where} sends too slowly: {count} bytes in {duration(self._pace.window_seconds)}. Try a faster "
                "server, or upload the scene.",
            )

    def _write(self, file: BinaryIO, chunk: bytes, total: int | None) -> None:
        if total is None:
            self._reservation.cover(self._received + len(chunk), AHEAD_BYTES)
        else:
            self._reservation.cover(total)
        file.write(chunk)
        self._reservation.wrote(len(chunk))
        self._hash.update(chunk)

    def _check_size(self, size: int) -> None:
        most = self._limits.max_bytes
        if size > most:
            raise SceneRefused(
                Reason.TOO_LARGE,
                f"{shown(self._url)} is larger than the {megabytes(most)} that the session class allows (it has "
                f"{megabytes(size)} or more). Make the scene smaller, or ask an administrator to raise "
                "transfer.maxBytes.",
            )


def explain_write_error(error: OSError) -> SceneRefused:
    """Return the refusal of a scene that could not be written to the home folder."""
    if error.errno in _FULL:
        return SceneRefused(
            Reason.NO_ROOM,
            "The home folder is full, so the scene does not fit. Delete files there, or use a larger workspace.",
        )
    return SceneRefused(
        Reason.UNREADABLE,
        f"The scene cannot be read, or not be kept in the home folder: {error.strerror}. Ask an administrator.",
    )


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _validator(response: aiohttp.ClientResponse) -> str:
    """Return what tells whether the file is still the same; empty if the server gives nothing."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _retry_after(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:6])
    date = email.utils.parsedate_tz(text)
    return max(0.0, email.utils.mktime_tz(date) - time.time()) if date else 0.0


def _name(response: aiohttp.ClientResponse, asked: URL) -> str:
    """Return the first name that is a scene's or an archive's, else the URL's."""
    disposition = response.content_disposition
    offered = [disposition.filename if disposition else None, asked.name, response.url.name]
    names = [name for name in offered if name]
    return next((name for name in names if name.lower().endswith((BLEND, ZIP))), asked.name)
