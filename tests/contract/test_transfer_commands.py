"""`blendersessions upload` and `download`: files arrive whole or not at all, and nothing is overwritten unasked."""

from __future__ import annotations

import os
import zipfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions_cli import transfers
from contract.command import awaiting, done, failure

if TYPE_CHECKING:
    from pathlib import Path

    from contract.agent_standin import AgentStandin
    from contract.kube import Cluster

SCENE = b"BLENDER17-01v0500" + bytes(1000)
LARGE = os.urandom(2**20)


@pytest.fixture
def desktop(cluster: Cluster, agent: AgentStandin, monkeypatch: pytest.MonkeyPatch) -> AgentStandin:
    """The desktop of the session cart."""
    monkeypatch.setattr(transfers, "_PAUSE_SECONDS", 0.0)
    cluster.add_desktop(agent)
    return agent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_files_go_in(desktop: AgentStandin, here: Path) -> None:
    (here / "ä b.png").write_bytes(LARGE)
    (here / "-x.png").write_bytes(b"x")
    done("upload", "cart", "ä b.png", "./-x.png", "--to", "textures/wood")
    assert (desktop.home / "textures/wood/ä b.png").read_bytes() == LARGE
    assert (desktop.home / "textures/wood/-x.png").read_bytes() == b"x"
    said = done("upload", "cart", "ä b.png", "--to", "textures/wood/", "--name", "-").stderr
    assert (desktop.home / "textures/wood/-").read_bytes() == LARGE
    assert "ä b.png is in the session, as textures/wood/-." in said
    again = ("upload", "cart", "ä b.png", "--to", "textures/wood", "--force")
    assert "is replaced in the session" in done(*again).stderr


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command's standard input be a terminal."""
    monkeypatch.setattr("blendersessions_cli.asking.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))


@pytest.fixture
def both(desktop: AgentStandin, here: Path) -> tuple[Path, Path]:
    """A file of one name on both sides, and others on this side."""
    (desktop.home / "textures").mkdir()
    (desktop.home / "textures/ä.png").write_bytes(b"there")
    for name in ("ä.png", "b.png"):
        (here / name).write_bytes(b"here")
    return desktop.home / "textures/ä.png", here / "ä.png"


UP = ("upload", "cart", "b.png", "ä.png", "--to", "textures")
DOWN = ("download", "cart", "textures/ä.png")


def test_nothing_is_replaced_where_nobody_can_be_asked(both: tuple[Path, Path]) -> None:
    there, here = both
    said = failure(*UP)
    assert said.endswith(
        "textures/ä.png is in the session already. Replace with --force, or give another name with --name."
    )
    assert failure(*DOWN).endswith("ä.png is there already. Replace it with --force, or name another place with --to.")
    assert (there.read_bytes(), here.read_bytes()) == (b"there", b"here")
    assert not (there.parent / "b.png").exists(), "the others wait for the answer too"
    done(*UP, "--force")
    assert there.read_bytes() == b"here"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("command", "question"), [(UP, "is in the session already"), (DOWN, "is there already")])
def test_a_person_is_asked_before_a_file_is_replaced(
    both: tuple[Path, Path], command: tuple[str, ...], question: str
) -> None:
    there, here = both
    said = failure(*command, stdin=b"n\n")
    assert f"ä.png {question}. Replace? [y/N]" in said
    assert "Nothing was replaced." in said
    assert (there.read_bytes(), here.read_bytes()) == (b"there", b"here")
    done(*command, stdin=b"y\n")
    assert there.read_bytes() == here.read_bytes()


def test_a_file_that_came_meanwhile_is_not_replaced(desktop: AgentStandin, here: Path) -> None:
    (here / "a").write_bytes(b"here")
    (desktop.home / "a").write_bytes(b"there")
    desktop.listing = b'{"path": "", "files": [], "truncated": true}'
    assert "a is in the session already. Replace with --force" in failure("upload", "cart", "a")
    assert (desktop.home / "a").read_bytes() == b"there"


@pytest.mark.usefixtures("both")
def test_another_form_of_a_name_is_the_same_name(here: Path) -> None:
    (here / "a\u0308.png").write_bytes(b"here")
    assert "is in the session already" in failure("upload", "cart", "a\u0308.png", "--to", "textures")


def test_standard_input_goes_in_under_a_name(desktop: AgentStandin) -> None:
    done("upload", "cart", "-", "--name", "notes.txt", stdin=LARGE)
    assert (desktop.home / "notes.txt").read_bytes() == LARGE
    done("upload", "cart", "-", "--name", "empty", stdin=b"")
    assert (desktop.home / "empty").read_bytes() == b""
    assert "Give it one with --name" in failure("upload", "cart", "-")


@pytest.mark.parametrize(
    ("arguments", "status", "opened"),
    [
        (["cart.blend"], {}, []),
        (["cart.blend", "--open"], {}, ["cart.blend"]),
        (["cart.blend"], awaiting(), ["cart.blend"]),
        (["cart.blend", "wood.png"], awaiting(), ["cart.blend"]),
        (["cart.blend"], awaiting("UploadTimedOut"), ["cart.blend"]),
        (["cart.blend", "--no-open"], awaiting(), []),
        (["cart.blend", "--to", "b"], awaiting(), []),
        (["wood.png"], awaiting(), []),
        (["cart.blend", "--open", "--name", "b.blend"], {}, ["b.blend"]),
        (["cart.blend", "--name", "CART.BLEND"], awaiting(), ["CART.BLEND"]),
    ],
)
def test_a_scene_is_opened_if_it_is_asked_or_waited_for(
    cluster: Cluster, desktop: AgentStandin, here: Path, arguments: list[str], status: dict[str, Any], opened: list[str]
) -> None:
    cluster.add_desktop(desktop, status=status)
    (here / "cart.blend").write_bytes(SCENE)
    (here / "wood.png").write_bytes(b"wood")
    done("upload", "cart", *arguments)
    assert desktop.opened == opened
    if "wood.png" in arguments:
        last = "/scene/cart.blend" if opened else "/files/wood.png"
        assert desktop.seen[-1] == ("PUT", last), "the scene comes last"


def test_what_cannot_be_uploaded_is_explained(desktop: AgentStandin, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "a").write_bytes(b"a")
    (here / "folder/a").write_bytes(b"a")
    (here / "b.blend").write_bytes(b"no scene")
    os.mkfifo(here / "pipe")
    for arguments, words in (
        (["folder"], "folder is a folder. Pack it into a .zip"),
        (["pipe"], "pipe is no file."),
        (["nowhere"], "nowhere cannot be read (No such file or directory)."),
        (["a", "folder/a"], "Two of the files have the same name."),
        (["a", "--open"], "--open needs one .blend or .zip among the files, and there are 0."),
        (["b.blend", "--open", "--to", "c"], "A scene is opened in the home folder"),
        (["b.blend", "--open"], "b.blend is no .blend."),
        (["a", "--to", "../x"], "leads out of the session's home folder"),
        (["a", "pipe", "--name", "c"], "--name is for one FILE."),
    ):
        assert words in failure("upload", "cart", *arguments)
    assert not list(desktop.home.iterdir())
    desktop.max_bytes = 0
    assert "The file is larger than 0 bytes." in failure("upload", "cart", "a")


def test_files_come_out(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "renders").mkdir()
    (desktop.home / "renders/1 é.png").write_bytes(LARGE)
    (desktop.home / "empty").touch()
    said = done("download", "cart", "renders/1 é.png", "empty", "renders", ".").stderr
    assert (here / "1 é.png").read_bytes() == LARGE
    assert (here / "empty").read_bytes() == b""
    assert zipfile.ZipFile(here / "renders.zip").read("1 é.png") == LARGE
    assert "renders/1 é.png" in zipfile.ZipFile(here / "cart.zip").namelist()
    assert "1 é.png is there, with 1.05 MB." in said
    assert not list(here.glob(".*")), "nothing is left beside them"
    (here / "sub").mkdir()
    done("download", "cart", "renders/1 é.png", "--to", "sub")
    assert (here / "sub/1 é.png").read_bytes() == LARGE


def test_standard_output_gets_one_file_and_nothing_else(desktop: AgentStandin) -> None:
    (desktop.home / "a").write_bytes(LARGE)
    desktop.breaks_off_after = [1000, 70_000]
    result = done("download", "cart", "a", "--to", "-")
    assert result.stdout_bytes == LARGE
    assert result.stderr == ""
    assert "One PATH alone" in failure("download", "cart", "a", "b", "--to", "-")


def test_what_is_here_already_is_replaced_by_force_alone(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "a").write_bytes(b"new")
    (here / "a").write_bytes(b"old")
    assert "a is there already. Replace it with --force" in failure("download", "cart", "a")
    assert (here / "a").read_bytes() == b"old"
    done("download", "cart", "a", "--force")
    assert (here / "a").read_bytes() == b"new"
    (here / "elsewhere").write_bytes(b"kept")
    (here / "a").unlink()
    (here / "a").symlink_to("elsewhere")
    assert "is there already" in failure("download", "cart", "a")
    done("download", "cart", "a", "--force")
    assert ((here / "a").read_bytes(), (here / "elsewhere").read_bytes()) == (b"new", b"kept")
    (here / "b").mkdir()
    assert "There is no folder nowhere." in failure("download", "cart", "a", "--to", "nowhere")


def test_a_download_goes_on_where_a_connection_broke_off(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "a").write_bytes(LARGE)
    desktop.breaks_off_after = [1000, 70_000]
    done("download", "cart", "a")
    assert (here / "a").read_bytes() == LARGE
    assert desktop.ranges[0] == ""
    assert all(each.startswith("bytes=") for each in desktop.ranges[1:])
    assert len(desktop.ranges) == 3


def test_an_interrupted_download_is_continued_by_the_next_command(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "a").write_bytes(LARGE)
    desktop.breaks_off_after = [500_000, *[0] * transfers._FRUITLESS]
    assert "broke off" in failure("download", "cart", "a")
    [part] = here.glob(".*.part")
    assert part.stat().st_size == 500_000
    assert part.stat().st_mode & 0o077 == 0
    desktop.ranges.clear()
    desktop.breaks_off_after.clear()
    done("download", "cart", "a")
    assert (here / "a").read_bytes() == LARGE
    assert desktop.ranges == ["bytes=0-0", "bytes=500000-"]
    assert not list(here.glob(".*"))


def test_a_file_that_has_changed_is_downloaded_anew(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "a").write_bytes(LARGE)
    desktop.breaks_off_after = [500_000, *[0] * transfers._FRUITLESS]
    failure("download", "cart", "a")
    (desktop.home / "a").write_bytes(b"another")
    desktop.breaks_off_after.clear()
    done("download", "cart", "a")
    assert (here / "a").read_bytes() == b"another"
    assert not list(here.glob(".*"))


def test_a_file_that_changes_in_the_middle_is_not_patched_together(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "a").write_bytes(LARGE)
    desktop.breaks_off_after = [500_000]
    desktop.content_after_break = bytes(len(LARGE))
    assert "a changed while it was downloaded" in failure("download", "cart", "a")
    assert not (here / "a").exists()


def test_a_zip_that_breaks_off_leaves_nothing(desktop: AgentStandin, here: Path) -> None:
    desktop.downloads = False
    (desktop.home / "renders").mkdir()
    assert "allows no downloads" in failure("download", "cart", "renders")
    assert not list(here.iterdir())


def test_a_name_ends_in_its_folder_here_whatever_it_holds(desktop: AgentStandin, here: Path) -> None:
    (desktop.home / "a\x1b[2Jb\t").write_bytes(b"x")
    said = done("download", "cart", "a\x1b[2Jb\t").stderr
    assert (here / "a_[2Jb_").read_bytes() == b"x"
    assert "\x1b" not in said
