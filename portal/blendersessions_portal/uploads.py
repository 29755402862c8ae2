"""A file in a request, read part by part while it is passed on: as the whole body, or in a form."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from blendersessions.model.errors import DomainError, Invalid, System

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

_MAX_PREAMBLE: Final = 16 * 1024
"""The longest part of a form before its file, in bytes."""
_HEADERS_END: Final = b"\r\n\r\n"
_AFTER_FILE: Final = len(b"\r\n----\r\n")
"""What follows a file that is a form's last field (RFC 7578), without the boundary."""


class TooLargeError(DomainError):
    """A file is larger than the class allows."""


class LengthMissingError(DomainError):
    """A request does not say how long it is."""


@dataclass
class Upload:
    """A file on its way in.

    Attributes:
        name: the file's name; empty for a whole body.
        length: its size in bytes.
        body: its content. It is read from the browser as fast as it is taken.
        fields: the fields of the form that came before the file.
    """

    name: str
    length: int
    body: AsyncIterator[bytes]
    fields: dict[str, str] = field(default_factory=dict)


def whole_body(request: Request) -> Upload:
    """Return a request's body as a file.

    Raises:
        LengthMissingError: the request does not say how long it is.
    """
    return Upload("", _content_length(request), request.stream())


async def file_in_form(request: Request) -> Upload:
    """Return the file of a form, which is its last field. The form is read up to the first byte of the file.

    Raises:
        LengthMissingError: the request does not say how long it is.
        Invalid: there is no file in the form.
    """
    length = _content_length(request)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise _no_file()
    form, parts, fed = _Form(boundary), request.stream(), 0
    pending = bytearray()
    async for part in parts:
        pending += part
        # What follows the headers of a field is fed in the next turn, so that the file's first byte is known exactly.
        while not form.at_file and (end := pending.find(_HEADERS_END)) >= 0:
            piece = bytes(pending[: end + len(_HEADERS_END)])
            del pending[: len(piece)]
            form.feed(piece)
            fed += len(piece)
        if form.at_file:
            size = length - fed - len(boundary) - _AFTER_FILE
            if not form.file_name or size < 0:
                raise _no_file()
            return Upload(form.file_name, size, form.rest(bytes(pending), parts), form.fields)
        if fed + len(pending) > _MAX_PREAMBLE:
            break
    raise _no_file()


class _Form:
    """Reads a form up to the end of its file."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.file_name = ""
        self.at_file = False
        self._ended = False
        self._header, self._value = b"", b""
        self._field = ""
        self._content: deque[bytes] = deque()
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
            },
        )

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise Invalid("The browser sent a form that cannot be read. Try again.", System.OWN) from error

    async def rest(self, pending: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the file, of which `pending` has been read already."""
        self.feed(pending)
        while True:
            while self._content:
                yield self._content.popleft()
            if self._ended:
                return
            part = await anext(parts, None)
            if part is None:
                return
            self.feed(part)

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            self.at_file = b"filename" in options
            self.file_name = _file_name(options.get(b"filename", b""))
        self._header, self._value = b"", b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self.at_file:
            if not self._ended:
                self._content.append(bytes(data[start:end]))
        elif self._field:
            self.fields[self._field] = self.fields.get(self._field, "") + data[start:end].decode("utf-8", "replace")

    def _on_part_end(self) -> None:
        self._ended = self.at_file
        self._field = ""


def _file_name(written: bytes) -> str:
    """Return the name that a browser wrote: without folders, and with the characters that it escapes."""
    name = written.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    for escape in ("%22", "%0D", "%0A"):
        name = name.replace(escape, unquote(escape))
    return name


def _content_length(request: Request) -> int:
    written = request.headers.get("content-length", "")
    if not written.isascii() or not written.isdigit():
        raise LengthMissingError("The browser does not say how long the file is, so it is not taken.", System.OWN)
    return int(written)


def _no_file() -> Invalid:
    return Invalid("No file was chosen. Go back, choose one, and send it again.", System.OWN)
