"""An image that lacks a library of an official build says which, and what to do, before Blender is started."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "images" / "blender" / "official" / "libraries.py"


def said_of(blender: Path) -> str:
    """Run the program and return what it says; empty if nothing is missing."""
    result = subprocess.run([sys.executable, PROGRAM, blender], capture_output=True, text=True, check=False)
    assert (result.returncode == 0) == (result.stderr == ""), result.stderr
    return result.stderr


@pytest.fixture
def blender(tmp_path: Path) -> Path:
    """A program of this machine under the name that the image gives it."""
    program = tmp_path / "opt" / "blender"
    program.parent.mkdir()
    shutil.copyfile("/bin/true", program)
    program.chmod(0o755)
    linked = tmp_path / "blender"
    linked.symlink_to(program)
    return linked


def test_a_program_that_has_all_its_libraries_is_taken(blender: Path) -> None:
    assert said_of(blender) == ""


def test_libraries_that_are_missing_are_named(blender: Path) -> None:
    blender.write_bytes(blender.read_bytes().replace(b"libc.so.6", b"libX.so.9"))
    said = said_of(blender)
    assert "needs libX.so.9, which neither its archive nor the image has" in said
    assert "the list below BLENDER_URL in images/blender/Dockerfile" in said


def test_a_program_that_needs_a_newer_system_is_refused(blender: Path) -> None:
    blender.write_bytes(blender.read_bytes().replace(b"GLIBC_2.34", b"GLIBC_9.99"))
    said = said_of(blender)
    assert "cannot run on this Debian" in said
    assert "GLIBC_9.99" in said


def test_a_program_of_another_processor_is_refused(blender: Path) -> None:
    blender.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x00\x7f" + bytes(44))
    said = said_of(blender)
    assert "Exec format error" in said
    assert "Take the archive for Linux and this processor." in said
