"""The beginning of a .blend says which Blender wrote it and which can read it; anything else is refused with words."""

from __future__ import annotations

import functools
import gzip
import io
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene.header import Header, read_header
from scene.plain import MAX_BYTES, MAX_COMPRESSED_BYTES, NotABlend
from unit.scene.blends import Counted, block, global_content, new_blend, old_blend, skippable, zstd

if TYPE_CHECKING:
    from collections.abc import Callable

gzipped = functools.partial(gzip.compress, mtime=0)
"""Without the time in it, so that the tests have the same names in each process of a run."""
PLAIN = [old_blend(), old_blend(pointer=4), old_blend(order=">"), new_blend()]
PACKED: list[Callable[[bytes], bytes]] = [
    lambda content: content,
    gzipped,
    zstd,
    # Blender writes a frame for each megabyte, and a table at the end.
    lambda content: zstd(content[:100]) + zstd(content[100:]) + skippable(bytes(30)),
    lambda content: skippable(b"x" * 9) + zstd(content),
]


def read(content: bytes) -> Header:
    return read_header(io.BytesIO(content))


@pytest.mark.parametrize("pack", PACKED)
def test_a_file_of_blender_4_3(pack: Callable[[bytes], bytes]) -> None:
    assert read(pack(old_blend())) == Header((4, 3), (3, 6, 13))


@pytest.mark.parametrize("pack", PACKED)
def test_a_file_of_blender_5_2(pack: Callable[[bytes], bytes]) -> None:
    assert read(pack(new_blend())) == Header((5, 2), (4, 5, 85))


@pytest.mark.parametrize(
    ("pointer", "order", "version", "expected"),
    [(4, "<", "236", (2, 36)), (4, ">", "249", (2, 49)), (8, ">", "279", (2, 79)), (8, "<", "405", (4, 5))],
)
def test_files_of_other_machines(pointer: int, order: str, version: str, expected: tuple[int, int]) -> None:
    found = read(old_blend(version, (2, 35, 1), pointer=pointer, order=order))
    assert found == Header(expected, (2, 35, 1), little_endian=order == "<")


def test_no_blender_before_4_5_reads_the_new_header_whatever_the_file_says() -> None:
    assert read(new_blend(oldest=(4, 2, 0))).oldest_reader == (4, 5, 0)


def test_a_header_of_a_blender_to_come() -> None:
    found = read(b"BLENDER19-02v0700" + bytes(100))
    assert not found.is_known
    assert (found.version, found.oldest_reader) == ((7, 0), (7, 0, 0))


def test_a_file_that_does_not_say_who_can_read_it() -> None:
    assert read(b"BLENDER-v403" + block(b"ENDB", b"")).oldest_reader == (0, 0, 0)


def test_a_global_block_too_far_away_is_not_looked_for() -> None:
    far = b"BLENDER-v403" + block(b"TEST", bytes(MAX_BYTES)) + block(b"GLOB", global_content((9, 0, 0)))
    assert read(far).oldest_reader == (0, 0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\0" * 100, "is no .blend file"),
        (b"BLENDER", "is no .blend file"),
        (b"BLENDER-v", "is no .blend file"),
        (b"blender-v403" + bytes(99), "is no .blend file"),
        (b"<!DOCTYPE html>", "is no .blend file"),
        (gzipped(b"hello"), "is no .blend file"),
        (b"BLENDER-v403", "is cut off"),
        (old_blend()[:200], "is cut off"),
        (new_blend()[:60], "is cut off"),
        (zstd(old_blend()[:200]), "is cut off"),
        (zstd(old_blend())[:20], "is cut off"),
        (gzipped(old_blend())[:12], "is cut off"),
        (zstd(b""), "is cut off"),
        (gzipped(old_blend())[:60], "is cut off"),
        (b"\x1f\x8b" + bytes(50), "is damaged: it cannot be decompressed"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "is damaged: it cannot be decompressed"),
        (b"BLENDER-v403" + block(b"REND", b"", length=-5), "is damaged: a block has no valid length"),
    ],
)
def test_what_is_no_blend_is_refused_with_words(content: bytes, message: str) -> None:
    with pytest.raises(NotABlend) as refused:
        read(content)
    assert str(refused.value) == message


def bomb() -> bytes:
    """Return 64 MiB of one block, in 64 KiB."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    parts = [packer.compress(b"BLENDER-v403" + struct.pack("<4siQii", b"DATA", 2**31 - 1, 0, 0, 1))]
    parts += [packer.compress(bytes(1024 * 1024)) for _ in range(64)]
    return b"".join([*parts, packer.flush()])


def test_only_the_beginning_of_a_large_file_is_read() -> None:
    file = Counted(old_blend() + bytes(16 * MAX_BYTES))
    assert read_header(file).version == (4, 3)
    assert file.count <= MAX_BYTES


@pytest.mark.parametrize("content", [bomb(), zstd(b"BLENDER-v403" + block(b"DATA", bytes(64 * 1024 * 1024)))])
def test_a_bomb_is_not_unpacked(content: bytes) -> None:
    assert read(content).oldest_reader == (0, 0, 0)


def test_what_never_gives_a_byte_ends() -> None:
    file = Counted(skippable(bytes(2 * MAX_COMPRESSED_BYTES)))
    with pytest.raises(NotABlend):
        read_header(file)
    assert file.count <= MAX_COMPRESSED_BYTES


def outcome(content: bytes) -> str:
    try:
        read(content)
    except NotABlend as refused:
        return str(refused)
    return ""


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(content: bytes) -> None:
    outcome(content)


@given(st.sampled_from(PLAIN), st.sampled_from(PACKED), st.data())
def test_no_damage_does_harm(content: bytes, pack: Callable[[bytes], bytes], data: st.DataObject) -> None:
    packed = bytearray(pack(content))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, min(len(packed) - 1, 300)))] = data.draw(st.integers(0, 255))
    outcome(bytes(packed[: data.draw(st.integers(0, len(packed)))]))


@given(
    st.sampled_from([b"-v", b"_v", b"-V", b"_V"]),
    st.integers(0, 999),
    st.lists(
        st.tuples(
            st.sampled_from([b"GLOB", b"REND", b"TEST", b"ENDB", b"\0\0\0\0"]),
            st.binary(max_size=40),
            st.none() | st.integers(-(2**31), 2**31 - 1),
        ),
        max_size=5,
    ),
)
def test_no_row_of_blocks_does_harm(kind: bytes, version: int, blocks: list[tuple[bytes, bytes, int | None]]) -> None:
    pointer, order = (8 if kind[:1] == b"-" else 4), ("<" if kind[1:] == b"v" else ">")
    parts = [block(code, content, pointer=pointer, order=order, length=length) for code, content, length in blocks]
    outcome(b"BLENDER" + kind + f"{version:03}".encode() + b"".join(parts))
