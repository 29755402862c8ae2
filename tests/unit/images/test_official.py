"""An official build of Blender gets into an image if it is the one that was asked for, and else says why not."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tls_server import tls_server

if TYPE_CHECKING:
    from tls_server import Answering

PROGRAM = Path(__file__).parents[3] / "images" / "blender" / "official" / "unpack.py"
NAME = "blender-5.2.0-linux-x64.tar.xz"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The program's folder, in which people put archives."""
    folder = tmp_path / "official"
    folder.mkdir()
    (folder / PROGRAM.name).write_text(PROGRAM.read_text())
    (tmp_path / "opt" / "blender").mkdir(parents=True)
    return folder


def pack(archive: Path, members: dict[str, bytes | tarfile.TarInfo]) -> str:
    """Write an archive and return its SHA-256."""
    with tarfile.open(archive, "w:xz") as packed:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                packed.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            packed.addfile(member, io.BytesIO(content))
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def link(name: str, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.SYMTYPE, target
    return made


TOP = NAME.removesuffix(".tar.xz")
BLENDER = {
    f"{TOP}/blender": b"#!/bin/sh\n",
    f"{TOP}/5.2/scripts/startup/bl_ui.py": b"",
    f"{TOP}/lib/libOpenImageDenoise.so.2": b"library",
    f"{TOP}/lib/libOpenImageDenoise.so": link(f"{TOP}/lib/libOpenImageDenoise.so", "libOpenImageDenoise.so.2"),
}


def unpack(here: Path, source: str, sha256: str, **environment: str | Path) -> str:
    """Run the program and return what it says; empty if it took the archive."""
    command = [sys.executable, here / PROGRAM.name, source, sha256, here.parent / "opt" / "blender"]
    result = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == (result.stderr == ""), result.stderr
    return result.stderr


def unpacked(here: Path) -> set[str]:
    folder = here.parent / "opt" / "blender"
    assert list(folder.parent.iterdir()) == [folder]
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_the_archive_is_unpacked_without_its_outer_folder(here: Path) -> None:
    sha256 = pack(here / NAME, BLENDER)
    assert unpack(here, NAME, sha256.upper()) == ""
    assert unpacked(here) == {name.removeprefix(f"{TOP}/") for name in BLENDER}
    folder = here.parent / "opt" / "blender"
    assert (folder / "blender").stat().st_mode & 0o111 == 0o111
    assert (folder / "lib" / "libOpenImageDenoise.so").read_bytes() == b"library"


def test_the_archive_is_downloaded_by_a_name_of_our_own(here: Path, tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("200 OK", (tmp_path / NAME).read_bytes())

    sha256 = pack(tmp_path / NAME, BLENDER)
    with tls_server(tmp_path, script) as server:
        assert unpack(here, server.url(f"/{NAME}"), sha256, SSL_CERT_FILE=server.ca_file) == ""
    assert unpacked(here) == {name.removeprefix(f"{TOP}/") for name in BLENDER}
    # blender.org answers Python-urllib with 403.
    assert [asked["user-agent"] for asked in server.asked] == ["blender-sessions"]


def test_a_server_that_refuses_the_download_is_told_with_a_way_out(here: Path, tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("403 Forbidden", b"Are you a person?")

    with tls_server(tmp_path, script) as server:
        said = unpack(here, server.url(f"/{NAME}"), "a" * 64, SSL_CERT_FILE=server.ca_file)
        not_trusted = unpack(here, server.url(f"/{NAME}"), "a" * 64)
    assert "was not answered with an archive: HTTP Error 403: Forbidden. Download the archive with a browser" in said
    assert "CERTIFICATE_VERIFY_FAILED" in not_trusted
    assert not unpacked(here)


def test_a_download_that_breaks_off_is_refused(here: Path, tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        content = (tmp_path / NAME).read_bytes()
        await answering.respond("200 OK", content[:-100], length=len(content))

    sha256 = pack(tmp_path / NAME, BLENDER)
    with tls_server(tmp_path, script) as server:
        said = unpack(here, server.url(f"/{NAME}"), sha256, SSL_CERT_FILE=server.ca_file)
    assert "was not taken" in said
    assert not unpacked(here)


def test_another_archive_is_refused(here: Path) -> None:
    found = pack(here / NAME, BLENDER)
    said = unpack(here, NAME, "0" * 64)
    assert f"{NAME} has the SHA-256 {found}, and BLENDER_SHA256 is {'0' * 64}. Nothing was unpacked" in said
    assert not unpacked(here)


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64, "a" * 65])
def test_without_a_sha256_nothing_is_taken(here: Path, sha256: str) -> None:
    pack(here / NAME, BLENDER)
    assert "Give the 64 hexadecimal digits" in unpack(here, NAME, sha256)


@pytest.mark.parametrize(
    "source", ["http://example.org/a.tar.xz", "ftp://example.org/a", "none.tar.xz", "../a", "file:///a"]
)
def test_what_is_neither_https_nor_there_is_refused(here: Path, source: str) -> None:
    said = unpack(here, source, "a" * 64)
    assert f"BLENDER_URL is {source!r}. Give an address that begins with https://" in said


NO_BLENDER = {
    "two folders": {"a/blender": b"", "b/blender": b""},
    "a Mac's": {"Blender/Blender.app/blender": b""},
    "nothing": {},
}


@pytest.mark.parametrize("members", NO_BLENDER.values(), ids=NO_BLENDER.keys())
def test_an_archive_of_something_else_is_refused(here: Path, members: dict[str, bytes | tarfile.TarInfo]) -> None:
    assert "holds no Blender for Linux" in unpack(here, NAME, pack(here / NAME, members))
    assert not unpacked(here)


HOSTILE = {
    "a file outside": {"../outside": b""},
    "a link outside": {"a/lib": link("a/lib", "../../etc")},
    "an absolute link": {"a/lib": link("a/lib", "/etc")},
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_archive_that_leads_out_is_refused(here: Path, members: dict[str, bytes | tarfile.TarInfo]) -> None:
    said = unpack(here, NAME, pack(here / NAME, BLENDER | members))
    assert f"{NAME} cannot be unpacked" in said
    assert not unpacked(here)


def test_a_file_that_is_no_archive_is_refused(here: Path) -> None:
    (here / NAME).write_bytes(b"<html>Not found</html>")
    sha256 = hashlib.sha256((here / NAME).read_bytes()).hexdigest()
    assert f"{NAME} cannot be unpacked" in unpack(here, NAME, sha256)
    assert not unpacked(here)


def test_an_archive_that_ends_too_early_is_refused(here: Path) -> None:
    pack(here / NAME, BLENDER | {f"{TOP}/large": bytes(range(256)) * 4096})
    (here / NAME).write_bytes((here / NAME).read_bytes()[:-100])
    sha256 = hashlib.sha256((here / NAME).read_bytes()).hexdigest()
    assert f"{NAME} cannot be unpacked" in unpack(here, NAME, sha256)
    assert not unpacked(here)
