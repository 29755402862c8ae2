"""The files of one desktop, by the agent's HTTP interface (docs/interfaces.md, "The Blender container").

Bodies are streamed in both directions, so a transfer needs the same memory whatever its size.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from blendersessions.clients import desktop_folder
from blendersessions.clients.desktop_folder import read_folder
from blendersessions.clients.thumbnail import MAX_BYTES as MAX_THUMBNAIL_BYTES
from blendersessions.clients.thumbnail import checked_etag, read_thumbnail
from blendersessions.clients.transfer import STALL_SECONDS, UploadBody, download_in
from blendersessions.model.errors import (
    AlreadyThere,
    Conflict,
    DomainError,
    Invalid,
    NoSuchRange,
    NotFound,
    System,
    Unauthorised,
    Unavailable,
)
from blendersessions.model.fields import foreign_line, foreign_object, foreign_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from aiohttp.connector import Connection

    from blendersessions.clients.desktop_folder import Folder
    from blendersessions.clients.thumbnail import Thumbnail
    from blendersessions.clients.transfer import Download

CHUNK_BYTES: Final = 2**18
"""Size of the parts in which a body is best read."""
_CONNECT_SECONDS: Final = 10.0
_REQUEST: Final = aiohttp.ClientTimeout(total=60.0, sock_connect=_CONNECT_SECONDS)
_DOWNLOAD: Final = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=STALL_SECONDS)
_UPLOAD: Final = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
_THUMBNAIL: Final = aiohttp.ClientTimeout(total=15.0, sock_connect=3.0)
"""Longer than an agent lets somebody wait for a picture."""
_SUCCESS: Final = (200, 201, 204, 206)
_MAX_ANSWER_BYTES: Final = 64 * 1024
_MAX_MESSAGE_CHARACTERS: Final = 500
_UNKNOWN_ADDRESS: Final = "The paths are "
"""How an agent begins that does not know an address. A file or folder that is gone is told in other words."""
_ERRORS: Final[Mapping[int, type[DomainError]]] = {
    401: Unauthorised,
    403: Unauthorised,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    412: AlreadyThere,
    416: NoSuchRange,
    429: Unavailable,
    # A disk stays full until somebody makes room.
    507: Invalid,
}
"""The errors of answers. Any other below 500 is `Invalid`, and any other from 500 on `Unavailable`."""


class AgentFiles:
    """The client for the files of one desktop, in an `async with` block. Paths are relative to the home folder.

    Every method raises these errors, with the agent's own words where it has any:
        Unauthorised: the token is refused, or the class switches such transfers off.
        Unavailable: the agent does not answer, or has too many transfers.
        NotFound: there is no such file or folder.
        Conflict: a folder has the file's name.
        Invalid: the request is refused for what it wants; NoSuchRange for the part of a file.

    Args:
        desktop: the desktop's name, for messages.
        address: the agent's base address, such as `http://10.0.0.7:8788`.
        token: the token that the agent accepts.
        connector: how the agent is reached, if not by TCP. The client closes it.
    """

    def __init__(self, desktop: str, address: str, token: str, connector: aiohttp.BaseConnector | None = None) -> None:
        self._desktop = desktop
        self._address = address.rstrip("/")
        self._opened: dict[aiohttp.ClientResponse, asyncio.Transport] = {}
        self._session = aiohttp.ClientSession(
            connector=connector or aiohttp.TCPConnector(limit=0, force_close=True),
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            # What a desktop calls compressed could unpack to any size.
            auto_decompress=False,
            read_bufsize=CHUNK_BYTES,
            request_class=type("_Request", (_Request,), {"opened": self._opened}),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def list(self, path: str = "") -> Folder:
        """List a folder; without a path the home folder."""
        async with self._request("GET", _with_path("/files", path), _REQUEST) as response:
            found = read_folder(await _read(response, desktop_folder.MAX_BYTES + 1))
        if found is None:
            raise self._unavailable("sends no list of its files")
        return found

    @asynccontextmanager
    async def download(self, path: str, byte_range: str = "", if_range: str = "") -> AsyncIterator[Download]:
        """Yield a file, or a part of it.

        Args:
            path: the file.
            byte_range: the header Range, such as `bytes=1000-`; empty for the whole file.
            if_range: the ETag of the file of which the range is wanted. Of any other file the whole comes.
        """
        headers = {"Range": byte_range} if byte_range else {}
        headers |= {"If-Range": if_range} if byte_range and if_range else {}
        async with self._request("GET", f"/files/{_quoted(path)}", _DOWNLOAD, headers) as response:
            yield self._download(response)

    @asynccontextmanager
    async def archive(self, path: str = "") -> AsyncIterator[Download]:
        """Yield a folder as a zip; without a path the home folder."""
        async with self._request("GET", _with_path("/archive", path), _DOWNLOAD) as response:
            yield self._download(response)

    async def thumbnail(self, path: str = "", etag: str = "", *, may_be_old: bool = False) -> Thumbnail | None:
        """Return the picture of a file, or without a path that of the screen; None if the known one is still right.

        Args:
            path: the file.
            etag: the picture that is known; empty if none is.
            may_be_old: whether the screen's last picture will do, which comes at once.

        Raises:
            NotFound: the file has no picture.
        """
        target = f"/thumbnail/{_quoted(path)}" if path.strip("/") else "/thumbnail"
        known = checked_etag(etag)
        headers = {"If-None-Match": known} if known else {}
        headers |= {"Cache-Control": "max-stale"} if may_be_old else {}
        accepted = (200, 304) if known else (200,)
        async with self._request("GET", target, _THUMBNAIL, headers, accepted=accepted) as response:
            if response.status == 304:
                return None
            content = await _read(response, MAX_THUMBNAIL_BYTES + 1)
            media_type, tag = (response.headers.get(name) or "" for name in ("Content-Type", "ETag"))
        found = read_thumbnail(content, media_type, tag)
        if found is None:
            raise self._unavailable("sends no picture that can be shown")
        return found

    async def upload(self, path: str, body: AsyncIterable[bytes], length: int, *, replace: bool = True) -> bool:
        """Write a file, and its folders if they are missing; return whether it is new.

        The file is there when all of it has arrived, and until then what was there before.

        Args:
            path: the file.
            body: its content.
            length: the number of bytes in it.
            replace: whether it may take the place of a file that is there.

        Raises:
            AlreadyThere: it may not, and a file is there.
            Invalid: the body has another length.
        """
        only_new = {} if replace else {"If-None-Match": "*"}
        status, _ = await self._put(f"/files/{_quoted(path)}", body, length, only_new)
        return status == 201

    async def open_scene(self, name: str, body: AsyncIterable[bytes], length: int) -> str:
        """Write a .blend or a .zip, have Blender open it, and return its path in the home folder.

        Args:
            name: the file's name.
            body: its content.
            length: the number of bytes in it.

        Raises:
            Invalid: the body has another length, or Blender cannot open it.
        """
        _, text = await self._put(f"/scene/{_quoted(name)}", body, length)
        return foreign_text(foreign_object(text).get("file"), desktop_folder.MAX_PATH_CHARACTERS)

    async def delete(self, path: str) -> None:
        """Delete a file or an empty folder."""
        async with self._request("DELETE", f"/files/{_quoted(path)}", _REQUEST):
            pass

    async def _put(
        self, target: str, body: AsyncIterable[bytes], length: int, more: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a body; return the status and the body of the answer."""
        headers = {"Content-Length": str(length), "Content-Type": "application/octet-stream", **(more or {})}
        sent = UploadBody(body, length)
        try:
            async with asyncio.timeout(STALL_SECONDS) as stalled:
                parts = sent.parts(stalled)
                async with self._request("PUT", target, _UPLOAD, headers, parts) as response:
                    return response.status, await _read(response, _MAX_ANSWER_BYTES)
        except TimeoutError as error:
            raise self._unavailable("takes nothing more of the file, or does not answer") from error
        except Unavailable as error:
            if sent.failure is not None:
                raise sent.failure from error
            raise

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        target: str,
        limits: aiohttp.ClientTimeout,
        headers: Mapping[str, str] | None = None,
        body: AsyncIterable[bytes] | None = None,
        accepted: Collection[int] = _SUCCESS,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield a successful answer."""
        url = URL(self._address + target, encoded=True)
        try:
            response = await self._session.request(
                method, url, headers=headers, data=body, timeout=limits, allow_redirects=False
            )
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._unavailable(f"does not answer ({type(error).__name__})") from error
        finally:
            self._abort({each for each, transport in self._opened.items() if transport.is_closing()})
        try:
            if response.status not in accepted:
                raise await self._error(method, target, response)
            yield response
        finally:
            # An answer may come before all of the body was sent, and not all of an answer may have been read.
            response.close()
            self._abort({response})

    def _abort(self, responses: Iterable[aiohttp.ClientResponse]) -> None:
        """End connections. One that is closed only would stay until the agent takes what was not sent of a body."""
        for response in responses:
            if transport := self._opened.pop(response, None):
                transport.abort()

    async def _error(self, method: str, target: str, response: aiohttp.ClientResponse) -> DomainError:
        status, text = response.status, b""
        with contextlib.suppress(Unavailable):
            text = await _read(response, _MAX_ANSWER_BYTES)
        kind = _ERRORS.get(status, Invalid if 400 <= status < 500 else Unavailable)
        words = foreign_line(foreign_object(text).get("message"), _MAX_MESSAGE_CHARACTERS)
        if status == 404 and words.startswith(_UNKNOWN_ADDRESS):
            return self._too_old()
        return kind(words or f"The desktop {self._desktop} answered {status} to {method} {target}.", System.AGENT)

    def _download(self, response: aiohttp.ClientResponse) -> Download:
        found = download_in(response)
        if found is None:
            raise self._unavailable("does not say which part of the file it sends")
        return found

    def _too_old(self) -> Invalid:
        return Invalid(
            f"The desktop {self._desktop} gives and takes no files: its image is older than this program. A session"
            " that starts anew gets the current image.",
            System.AGENT,
        )

    def _unavailable(self, fault: str) -> Unavailable:
        return Unavailable(f"The agent of the desktop {self._desktop} {fault}. Try again.", System.AGENT)


class _Request(aiohttp.ClientRequest):
    """Notes the connection of each answer, before the answer has begun."""

    opened: dict[aiohttp.ClientResponse, asyncio.Transport]

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        transport, response = conn.transport, await super().send(conn)
        if transport is not None:
            self.opened[response] = transport
        return response


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Read an answer to its end, or to its longest length."""
    text = bytearray()
    try:
        while len(text) < most_bytes and (part := await response.content.read(most_bytes - len(text))):
            text += part
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"The agent's answer broke off ({type(error).__name__}). Try again.", System.AGENT) from error
    return bytes(text)


def _quoted(path: str) -> str:
    return quote(path.strip("/"), safe="/", errors="replace")


def _with_path(target: str, path: str) -> str:
    return f"{target}?path={_quoted(path)}" if path.strip("/") else target
