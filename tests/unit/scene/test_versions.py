"""A Blender opens what it can read, warns of what is newer, and refuses the rest with both versions."""

from __future__ import annotations

import io

import pytest

from scene.failure import Reason, SceneRefused
from scene.header import Header, read_header
from scene.versions import BlenderVersion, check_version
from unit.scene.blends import new_blend, old_blend

DEBIAN = BlenderVersion("4.3.2", (4, 3, 32))
LTS = BlenderVersion("4.5.4 LTS", (4, 5, 91))
NEWEST = BlenderVersion("5.2.2", (5, 2, 14))


def header(content: bytes) -> Header:
    return read_header(io.BytesIO(content))


@pytest.mark.parametrize("blender", [DEBIAN, LTS, NEWEST])
@pytest.mark.parametrize("version", ["403", "402", "279", "236"])
def test_an_older_file_is_opened_without_a_word(blender: BlenderVersion, version: str) -> None:
    assert check_version("cart.blend", header(old_blend(version)), blender) == ""


def test_a_newer_file_that_can_be_read_is_opened_with_a_warning() -> None:
    assert check_version("cart.blend", header(old_blend("405", (4, 2, 0))), DEBIAN) == (
        "cart.blend was saved by Blender 4.5. This desktop has Blender 4.3.2: what that does not know is lost when the "
        "scene is saved."
    )
    assert "saved by Blender 5.2" in check_version("cart.blend", header(new_blend()), LTS)


@pytest.mark.parametrize(
    ("content", "blender", "needed"),
    [
        (new_blend(), DEBIAN, "4.5"),
        (old_blend("405", (4, 4, 0)), DEBIAN, "4.4"),
        (new_blend("0600", (6, 0, 0)), NEWEST, "6.0"),
        (b"BLENDER19-02v0700" + bytes(99), NEWEST, "7.0"),
    ],
)
def test_a_file_that_is_too_new_names_both_versions(content: bytes, blender: BlenderVersion, needed: str) -> None:
    with pytest.raises(SceneRefused) as refused:
        check_version("cart.blend", header(content), blender)
    assert refused.value.reason == Reason.TOO_NEW
    assert refused.value.needs == needed
    assert f"needs Blender {needed} or newer" in str(refused.value)
    assert f"This desktop has Blender {blender.text}" in str(refused.value)


def test_a_file_of_a_development_version_does_not_ask_for_the_version_that_is_here() -> None:
    with pytest.raises(SceneRefused) as refused:
        check_version("cart.blend", header(old_blend("403", (4, 3, 33))), DEBIAN)
    assert (refused.value.reason, refused.value.needs) == (Reason.TOO_NEW, "4.4"), "no class with the same one is named"
    assert str(refused.value) == (
        "cart.blend was saved by a development version of Blender 4.3, and this desktop has the release 4.3.2, which "
        "cannot read it. Blender 4.3 of a later date may open it, and releases after 4.3 do."
    )


def test_a_later_release_that_saved_a_file_is_known_to_open_it() -> None:
    with pytest.raises(SceneRefused) as refused:
        check_version("cart.blend", header(new_blend("0502", (4, 5, 99))), LTS)
    assert (refused.value.reason, refused.value.needs) == (Reason.TOO_NEW, "5.2")
    assert str(refused.value) == (
        "cart.blend was saved by Blender 5.2, and needs what came after this desktop's Blender 4.5.4 LTS. "
        "Blender 5.2 opens it."
    )


def test_a_file_of_a_big_endian_machine() -> None:
    old = header(old_blend("249", (2, 40, 0), order=">"))
    assert check_version("cart.blend", old, LTS) == ""
    with pytest.raises(SceneRefused, match="big-endian") as refused:
        check_version("cart.blend", old, NEWEST)
    assert refused.value.reason == Reason.UNREADABLE
