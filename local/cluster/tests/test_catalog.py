"""Which Blenders there are images of, and what is said of the others."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from localcluster.__main__ import main
from localcluster.errors import LocalClusterError
from localcluster.images.catalog import BLENDERS, NAMES, blender_name, blender_recipe, dockerfile, recipe

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "a" * 64


def test_every_blender_of_debian_has_an_image() -> None:
    names = [blender_name(version) for version in BLENDERS]
    assert names == ["blender", "blender-5.2"]
    assert set(names) <= set(NAMES)


def test_the_dockerfiles_defaults_are_the_first_blender() -> None:
    version, debian = next(iter(BLENDERS.items()))
    text = dockerfile("blender").read_text()
    assert re.findall(r"^ARG (DEBIAN|BLENDER)=(.+)$", text, re.MULTILINE) == [("DEBIAN", debian), ("BLENDER", version)]


def test_a_blender_that_debian_does_not_have_is_refused_with_the_way_out() -> None:
    with pytest.raises(LocalClusterError, match=r"no Blender 4\.5 .* has 4\.3 and 5\.2\. .*BLENDER_URL"):
        blender_name("4.5")


def test_an_official_build_is_taken_from_an_address() -> None:
    built = blender_recipe("4.5", "https://example.org/blender-4.5.1-linux-x64.tar.xz", SHA256)
    assert built.name == "blender-4.5-official"
    assert built.dockerfile == dockerfile("blender")
    assert built.arguments == {
        "BLENDER": "4.5",
        "BLENDER_URL": "https://example.org/blender-4.5.1-linux-x64.tar.xz",
        "BLENDER_SHA256": SHA256,
    }
    assert not built.mounts


def test_without_an_archive_it_is_debians() -> None:
    assert blender_recipe("5.2", "", "") == recipe("blender-5.2")


def test_digits_without_an_archive_are_refused() -> None:
    with pytest.raises(LocalClusterError, match="Give BLENDER_URL too"):
        blender_recipe("5.2", "", SHA256)


@pytest.mark.parametrize("version", ["5", "5.2.2", "5.2 LTS", "v5.2", "../5.2"])
def test_an_official_build_is_named_by_two_numbers(version: str) -> None:
    with pytest.raises(LocalClusterError, match=r"Give the first two numbers of the version, such as 5\.2"):
        blender_recipe(version, "https://example.org/blender.tar.xz", SHA256)


def test_an_archive_of_this_machine_is_compared_before_anything_is_built(tmp_path: Path) -> None:
    archive = tmp_path / "blender-5.2.2-linux-x64.tar.xz"
    archive.write_bytes(b"archive")
    digits = hashlib.sha256(b"archive").hexdigest()
    with pytest.raises(LocalClusterError, match=f"has the SHA-256 {digits}, and BLENDER_SHA256 is {SHA256}"):
        blender_recipe("5.2", str(archive), SHA256)
    assert blender_recipe("5.2", str(archive), digits.upper()).mounts == {archive: f"/tmp/official/{archive.name}"}


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match=r"There is no file .*/none\.tar\.xz"):
        blender_recipe("5.2", str(tmp_path / "none.tar.xz"), SHA256)


def test_an_archive_without_its_version_is_refused() -> None:
    result = CliRunner().invoke(main, ["images", "--blender-url", "https://example.org/blender.tar.xz"])
    assert isinstance(result.exception, LocalClusterError)
    assert "BLENDER=5.2" in str(result.exception)


def test_an_address_that_is_not_https_is_refused_before_anything_is_built() -> None:
    with pytest.raises(LocalClusterError, match=r"BLENDER_URL is http://example.org/.* begins with https://"):
        blender_recipe("5.2", "http://example.org/blender.tar.xz", SHA256)


@pytest.mark.parametrize("digits", ["", "12ab", "x" * 64])
def test_digits_that_are_no_sha_256_are_refused_before_anything_is_built(digits: str) -> None:
    with pytest.raises(LocalClusterError, match="Give the 64 hexadecimal digits"):
        blender_recipe("5.2", "https://example.org/blender.tar.xz", digits)
