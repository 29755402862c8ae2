"""The VNC password reaches the X server, or the start ends with a reason."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from entry.display import window_manager_command, write_password_file
from entry.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def vncpasswd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of the VNC server's own, which turns the password around."""
    program = tmp_path / "programs" / "vncpasswd"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$1" = -f ] && rev\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


@pytest.mark.usefixtures("vncpasswd")
@pytest.mark.parametrize("secret", [b"abcdefgh", b"abcdefgh\n"])
def test_the_password_is_written_for_this_user_alone(tmp_path: Path, secret: bytes) -> None:
    (tmp_path / "secret").write_bytes(secret)
    write_password_file(tmp_path / "secret", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"hgfedcba\n"
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600


def test_a_password_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="The VNC password cannot be read") as failed:
        write_password_file(tmp_path / "nowhere", tmp_path / "target")
    assert failed.value.reason == "DisplayFailed"


def test_an_empty_password_is_reported(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\n")
    with pytest.raises(StartError, match="is empty"):
        write_password_file(tmp_path / "secret", tmp_path / "target")


def test_a_program_that_fails_is_reported_with_its_words(tmp_path: Path, vncpasswd: Path) -> None:
    vncpasswd.write_text("#!/bin/sh\necho 'too short' >&2\nexit 1\n")
    (tmp_path / "secret").write_bytes(b"abc")
    with pytest.raises(StartError, match="vncpasswd failed: too short"):
        write_password_file(tmp_path / "secret", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_the_window_manager_reads_our_configuration_only(tmp_path: Path) -> None:
    command = window_manager_command(tmp_path / "openbox.xml")
    assert command == ["openbox", "--sm-disable", "--config-file", str(tmp_path / "openbox.xml")]
