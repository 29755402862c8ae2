"""A file is read out of a form part by part, wherever the parts begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.requests import ClientDisconnect, Request

from blendersessions.model.errors import DomainError, Invalid
from blendersessions_portal.uploads import Upload, file_in_form

if TYPE_CHECKING:
    from starlette.types import Message

CONTENT = b"BLENDER\r\n--b\r\n\r\n--boundary\r\n" + bytes(range(256))


def form(content: bytes = CONTENT, *, name: str = "a.blend", end: bytes = b"\r\n--boundary--\r\n") -> bytes:
    return (
        b'--boundary\r\nContent-Disposition: form-data; name="csrf"\r\n\r\ntoken\r\n\r\nmore\r\n--boundary\r\n'
        + f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
        + b"Content-Type: application/octet-stream\r\n\r\n"
        + content
        + end
    )


def sent(body: bytes, size: int, *, cut: int | None = None) -> Request:
    """A request whose body arrives in parts of a size."""
    arrived = body[:cut]
    parts = [arrived[start : start + size] for start in range(0, len(arrived), size)] or [b""]

    async def receive() -> Message:
        if not parts:
            return {"type": "http.disconnect"}
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts) or cut is not None}

    headers = [
        (b"content-type", b"multipart/form-data; boundary=boundary"),
        (b"content-length", str(len(body)).encode()),
    ]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def read(upload: Upload) -> bytes:
    return b"".join([part async for part in upload.body])


# The boundary inside the content is one of the cases, so it is no boundary there: a line has to begin with it.
INNER = CONTENT.replace(b"\r\n--boundary", b"\n--boundary")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 61, 100, 4096])
async def test_the_parts_may_be_of_any_size(size: int) -> None:
    upload = await file_in_form(sent(form(INNER), size))
    assert (upload.name, upload.length) == ("a.blend", len(INNER))
    assert upload.fields["csrf"] == "token\r\n\r\nmore"
    assert await read(upload) == INNER


@pytest.mark.parametrize("content", [b"", b"\r", b"\r\n", b"\r\n-", b"\r\n--boundar", b"--boundary"])
async def test_a_file_may_begin_and_end_like_a_boundary(content: bytes) -> None:
    for size in (1, 5, 4096):
        upload = await file_in_form(sent(form(content), size))
        assert upload.length == len(content)
        assert await read(upload) == content


async def test_a_file_that_is_not_the_last_field_has_another_length_than_was_announced() -> None:
    end = b'\r\n--boundary\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--boundary--\r\n'
    upload = await file_in_form(sent(form(INNER, end=end), 16))
    assert len(await read(upload)) < upload.length


async def test_a_form_that_is_cut_ends_early_or_in_an_error() -> None:
    body = form(INNER)
    for cut in range(1, len(body), 9):
        request = sent(body, 64, cut=cut)
        with pytest.raises((ClientDisconnect, Invalid)):  # noqa: PT012 - either may find it
            upload = await file_in_form(request)
            await read(upload)


@pytest.mark.parametrize(
    ("body", "size"), [(b"garbage" * 4000, 100), (b"--boundary\r\n" + b"a" * 20_000, 64), (b"--boundary--\r\n", 5)]
)
async def test_what_is_no_form_is_refused(body: bytes, size: int) -> None:
    with pytest.raises(DomainError, match=r"No file was chosen|cannot be read"):
        await file_in_form(sent(body, size))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("C:\\\\a\\\\b.blend", "b.blend"),
        ("../../b.blend", "b.blend"),
        ("a%22b%0D.blend", 'a"b\r.blend'),
        ("椅子.blend", "椅子.blend"),
    ],
)
async def test_the_name_is_the_last_part_of_what_the_browser_writes(written: str, name: str) -> None:
    assert (await file_in_form(sent(form(name=written), 64))).name == name
