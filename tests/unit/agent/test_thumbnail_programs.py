"""The program that makes the picture of a file: small, bounded, and with words if there is none."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import agent
from agent.thumbnails.maker.encoding import encode
from agent.thumbnails.maker.file import MAX_BYTES, SIDE
from agent.thumbnails.maker.program import NoPicture
from agent.thumbnails.maker.reading import of_blend, of_picture
from agent.thumbnails.making import NotMade, make
from unit.scene.blends import new_blend, old_blend, preview_content, zstd
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = Path(next(iter(agent.__path__))).parent / "run.py"
PROGRAM = (sys.executable, "-I", str(RUN), "agent.thumbnails.maker.file")
RED, BLUE = (220, 30, 30), (30, 30, 220)


async def made(tmp_path: Path, kind: str, content: bytes) -> Image.Image:
    """Return the picture of a file."""
    (tmp_path / "file").write_bytes(content)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        packed = await make((*PROGRAM, kind), descriptor, DEADLINE_SECONDS)
    finally:
        os.close(descriptor)
    assert len(packed) <= MAX_BYTES
    image = Image.open(io.BytesIO(packed))
    assert image.format == "WEBP"
    assert max(image.size) <= SIDE
    return image


def two_halves(size: tuple[int, int] = (600, 400), mode: str = "RGB") -> Image.Image:
    """Return a picture whose upper half is red, and whose lower half is blue."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0], size[1] // 2))
    return image.convert(mode)


def packed(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def is_like(image: Image.Image, place: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    found = image.convert("RGB").getpixel((int(place[0] * image.width), int(place[1] * image.height)))
    assert isinstance(found, tuple)
    return all(abs(one - other) < 40 for one, other in zip(found, colour, strict=True))


TOP, BOTTOM = (0.5, 0.2), (0.5, 0.8)
UPSIDE_DOWN = two_halves((64, 64), "RGBA").transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes()


@pytest.mark.parametrize(
    "content",
    [
        old_blend(preview=preview_content(64, 64, UPSIDE_DOWN)),
        zstd(new_blend(preview=preview_content(64, 64, UPSIDE_DOWN))),
    ],
)
async def test_the_picture_in_a_blend_is_made_with_the_right_side_up(tmp_path: Path, content: bytes) -> None:
    image = await made(tmp_path, "blend", content)
    assert image.size == (64, 64)
    assert is_like(image, TOP, RED)
    assert is_like(image, BOTTOM, BLUE)


def sixteen_bits() -> bytes:
    """Return a grey PNG of 16 bits: dark above, bright below."""
    dark, bright = ((tone * 256).to_bytes(2, "little") * 600 * 200 for tone in (40, 200))
    return packed(Image.frombytes("I;16", (600, 400), dark + bright), "PNG")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA"])
async def test_a_png_is_scaled_down(tmp_path: Path, mode: str) -> None:
    image = await made(tmp_path, "picture", packed(two_halves(mode=mode), "PNG"))
    assert image.size == (256, 171)
    if mode not in ("L", "LA"):
        assert is_like(image, TOP, RED)
        assert is_like(image, BOTTOM, BLUE)


async def test_a_grey_png_of_16_bits_keeps_its_tones(tmp_path: Path) -> None:
    image = await made(tmp_path, "picture", sixteen_bits())
    assert is_like(image, TOP, (40, 40, 40))
    assert is_like(image, BOTTOM, (200, 200, 200))


def turned_by_half() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 3
    return exif


async def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    image = await made(tmp_path, "picture", packed(two_halves((4000, 3000)), "JPEG", exif=turned_by_half()))
    assert image.size == (256, 192)
    assert is_like(image, TOP, BLUE)
    assert is_like(image, BOTTOM, RED)


@pytest.mark.parametrize("damaged", [b"", b"II*\0", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*\xff\xff\xff\xff"])
async def test_a_damaged_exif_costs_only_the_turn(tmp_path: Path, damaged: bytes) -> None:
    photograph = packed(two_halves((400, 300)), "JPEG", exif=b"Exif\0\0" + damaged)
    image = await made(tmp_path, "picture", photograph)
    assert image.size == (256, 192)
    assert is_like(image, TOP, RED)
    assert is_like(image, BOTTOM, BLUE)


async def test_what_can_be_seen_through_stays_so(tmp_path: Path) -> None:
    glass = Image.new("RGBA", (300, 300), (255, 0, 0, 0))
    image = await made(tmp_path, "picture", packed(glass, "PNG"))
    assert image.convert("RGBA").getpixel((10, 10))[3] == 0


async def test_a_picture_of_noise_fits_too(tmp_path: Path) -> None:
    noise = Image.frombytes("RGBA", (512, 512), os.urandom(512 * 512 * 4))
    await made(tmp_path, "picture", packed(noise, "PNG"))


def png_of(width: int, height: int, rows: bytes) -> bytes:
    """Return a PNG with a size in its head, whatever is in it."""

    def chunk(code: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + code + content + struct.pack(">I", zlib.crc32(code + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("blend", b"", "The file is empty."),
        ("blend", b"hello", "The file is no .blend file."),
        ("blend", new_blend(), "The file has no picture in it. Blender adds one when a person saves the scene."),
        ("picture", b"", "The picture cannot be read"),
        ("picture", b"<svg onload='alert(1)'/>", "The picture cannot be read"),
        ("picture", packed(two_halves(), "GIF"), "The picture cannot be read"),
        ("picture", packed(two_halves(), "PNG")[:90], "The picture cannot be read"),
        ("picture", packed(two_halves(), "JPEG")[:900], "The picture cannot be read"),
        ("picture", png_of(60_000, 60_000, bytes(1024)), "The picture has more than the 40 million"),
        ("picture", png_of(2**31 - 1, 2**31 - 1, b""), "The picture "),
        ("picture", png_of(8000, 4000, bytes(1024)), "The picture cannot be read"),
    ],
)
async def test_what_has_no_picture_is_told(tmp_path: Path, kind: str, content: bytes, words: str) -> None:
    with pytest.raises(NoPicture, match=words.replace(".", r"\.")):
        await made(tmp_path, kind, content)


async def test_a_picture_of_the_largest_size_fits_into_the_memory(tmp_path: Path) -> None:
    image = await made(tmp_path, "picture", png_of(8000, 5000, bytes(5000 * (1 + 8000 * 4))))
    assert image.size == (256, 160)


@pytest.mark.parametrize(
    "code", ["raise SystemExit(3)", "", "print('x' * 2**20)", "import os; os.kill(os.getpid(), 9)"]
)
async def test_a_program_that_fails_is_told(code: str) -> None:
    with pytest.raises(NotMade):
        await make((sys.executable, "-c", code))


async def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """It waits for a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    code = f"import os; open('{tmp_path / 'pid'}', 'w').write(str(os.getpid())); open('{tmp_path / 'pipe'}')"
    with pytest.raises(NotMade, match="TimeoutError"):
        await make((sys.executable, "-c", code), seconds=0.2)


async def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(NotMade):
        await make(("/nonexistent",))


def outcome(read: Callable[[io.BytesIO], Image.Image], content: bytes) -> None:
    with contextlib.suppress(NoPicture):
        encode(read(io.BytesIO(content)), SIDE, MAX_BYTES)


SAMPLES = [
    packed(two_halves((40, 30)), "PNG"),
    packed(two_halves((40, 30), "P"), "PNG"),
    packed(two_halves((40, 30)), "JPEG"),
    packed(two_halves((40, 30)), "JPEG", progressive=True),
    packed(two_halves((40, 30)), "JPEG", exif=turned_by_half()),
]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_no_damage_of_a_picture_does_harm(content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    outcome(lambda stream: of_picture(stream, SIDE), bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_no_size_of_a_blends_picture_does_harm(width: int, height: int) -> None:
    content = preview_content(width, height, bytes(width * height * 4))
    outcome(of_blend, old_blend(preview=content))
