"""The picture in a .blend is found without Blender, whatever the file is, within bounds."""

from __future__ import annotations

import functools
import gzip
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene.plain import MAX_BYTES, NotABlend
from scene.preview import MAX_SIDE, Preview, read_preview
from unit.scene.blends import Counted, block, new_blend, old_blend, preview_content, zstd

if TYPE_CHECKING:
    from collections.abc import Callable

PIXELS = bytes(range(2 * 3 * 4))
PICTURE = Preview(2, 3, PIXELS)
gzipped = functools.partial(gzip.compress, mtime=0)
PACKED: list[Callable[[bytes], bytes]] = [lambda content: content, gzipped, zstd]
WITH = [
    old_blend(preview=preview_content(2, 3, PIXELS)),
    old_blend(pointer=4, preview=preview_content(2, 3, PIXELS)),
    old_blend(order=">", preview=preview_content(2, 3, PIXELS, ">")),
    new_blend(preview=preview_content(2, 3, PIXELS)),
]


def read(content: bytes) -> Preview | None:
    return read_preview(io.BytesIO(content))


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize("content", WITH)
def test_the_picture_of_a_file(content: bytes, pack: Callable[[bytes], bytes]) -> None:
    assert read(pack(content)) == PICTURE


def test_a_picture_of_blenders_own_size() -> None:
    pixels = bytes(256 * 256 * 4)
    assert read(zstd(new_blend(preview=preview_content(256, 256, pixels)))) == Preview(256, 256, pixels)


@pytest.mark.parametrize(
    "content",
    [
        new_blend(),
        old_blend(preview=b""),
        old_blend(preview=preview_content(0, 3, PIXELS)),
        old_blend(preview=preview_content(-2, -3, PIXELS)),
        old_blend(preview=preview_content(3, 3, PIXELS)),
        old_blend(preview=preview_content(MAX_SIDE + 1, 1, bytes(4 * MAX_SIDE + 4))),
        old_blend(preview=preview_content(2**31 - 1, 2**31 - 1, PIXELS)),
        # A picture that begins beyond what is read.
        b"BLENDER-v403" + block(b"REND", bytes(MAX_BYTES)) + block(b"TEST", preview_content(2, 3, PIXELS)),
        # One after the block that Blender writes behind it is somebody else's.
        b"BLENDER-v403" + block(b"GLOB", bytes(40)) + block(b"TEST", preview_content(2, 3, PIXELS)),
        # A file of a Blender to come.
        b"BLENDER19-02v0700" + bytes(100),
    ],
)
def test_a_file_without_a_picture(content: bytes) -> None:
    assert read(content) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\3\4", "is no .blend file"),
        (WITH[0][:120], "is cut off"),
        (gzipped(WITH[0])[:60], "is cut off"),
    ],
)
def test_what_is_no_blend_is_told(content: bytes, message: str) -> None:
    with pytest.raises(NotABlend, match=message):
        read(content)


def test_only_the_beginning_of_a_large_file_is_read() -> None:
    file = Counted(WITH[0] + bytes(16 * MAX_BYTES))
    assert read_preview(file) == PICTURE
    assert file.count <= MAX_BYTES


def outcome(content: bytes) -> None:
    """Read a picture. One that is found is whole and small."""
    try:
        found = read(content)
    except NotABlend:
        return
    if found is not None:
        assert len(found.pixels) == found.width * found.height * 4 <= MAX_BYTES


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(content: bytes) -> None:
    outcome(content)


@given(st.sampled_from(WITH), st.sampled_from(PACKED), st.data())
def test_no_damage_does_harm(content: bytes, pack: Callable[[bytes], bytes], data: st.DataObject) -> None:
    packed = bytearray(pack(content))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, min(len(packed) - 1, 300)))] = data.draw(st.integers(0, 255))
    outcome(bytes(packed[: data.draw(st.integers(0, len(packed)))]))


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=100))
def test_no_size_does_harm(width: int, height: int, pixels: bytes) -> None:
    outcome(old_blend(preview=preview_content(width, height, pixels)))
