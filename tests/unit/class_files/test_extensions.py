"""Extensions are installed without Blender, and none that is broken, hostile or unfit keeps the others out."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from class_files.extensions import Installation, install
from image.extensions import WHEEL, extension, packed, wheel
from unit.scene.zips import link, names_below, special, zipped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BLENDER = (4, 3, 2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def installed(source: Path, files: Mapping[str, bytes], max_bytes: int = 2**20) -> Installation:
    """Install files into a folder beside their own."""
    for name, content in files.items():
        (source / name).write_bytes(content)
    return install(source, source.parent / "target", BLENDER, max_bytes)


def test_an_extension_is_unpacked_into_a_folder_of_its_id(source: Path) -> None:
    files = {"b.zip": packed(extension("brush")), "a.zip": packed(extension("array_tools"))}
    assert installed(source, files) == Installation(("array_tools", "brush"))
    target = source.parent / "target"
    for name in ("array_tools", "brush"):
        assert names_below(target / name) == ["__init__.py", "blender_manifest.toml"]


def test_a_folder_around_the_files_is_left_away(source: Path) -> None:
    content = packed({f"brush-main/{name}": text for name, text in extension("brush").items()})
    assert installed(source, {"a.zip": content}) == Installation(("brush",))
    assert names_below(source.parent / "target" / "brush") == ["__init__.py", "blender_manifest.toml"]


def test_a_theme_is_installed_and_not_enabled(source: Path) -> None:
    theme = extension("dark")["blender_manifest.toml"]
    assert isinstance(theme, str)
    content = packed({"blender_manifest.toml": theme.replace("add-on", "theme"), "dark.xml": "<bpy/>"})
    assert installed(source, {"a.zip": content}) == Installation()
    assert "dark.xml" in names_below(source.parent / "target" / "dark")


def test_what_a_pod_has_stays_as_it_is(source: Path) -> None:
    first = installed(source, {"a.zip": packed(extension("brush")), "bad.zip": b"no zip"})
    assert [problem.split(":")[0] for problem in first.problems] == ["The extension bad.zip was not installed"]
    assert installed(source, {"b.zip": packed(extension("other"))}) == first
    assert not (source.parent / "target" / "other").exists()


def test_an_installation_that_was_cut_off_begins_again(source: Path) -> None:
    half = source.parent / "target" / "brush"
    half.mkdir(parents=True)
    (half / "left.py").write_text("half")
    assert installed(source, {"a.zip": packed(extension("brush"))}) == Installation(("brush",))
    assert "left.py" not in names_below(half)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"oldest": "4.4.0"}, "needs Blender 4.4.0 or newer, and this is 4.3.2"),
        ({"oldest": "4.3.3"}, "needs Blender 4.3.3 or newer"),
        ({"more": 'blender_version_max = "4.3.0"'}, "is for a Blender older than 4.3.0, and this is 4.3.2"),
        ({"more": 'platforms = ["windows-x64"]'}, ", only for windows-x64"),
        ({"version": "one"}, "has no valid version in its blender_manifest.toml, but one"),
        ({"oldest": "4"}, "has no valid blender_version_min in its blender_manifest.toml, but 4"),
        ({"more": "platforms = 1"}, "has no valid platforms"),
        ({"more": "]["}, "has a blender_manifest.toml that cannot be read"),
    ],
)
def test_what_does_not_fit_is_told_with_its_name(source: Path, about: dict[str, str], why: str) -> None:
    files = {"bad.zip": packed(extension("bad", **about)), "good.zip": packed(extension("good"))}
    found = installed(source, files)
    assert found.add_ons == ("good",)
    [problem] = found.problems
    assert problem.startswith("The extension bad.zip was not installed: it ")
    assert why in problem


@pytest.mark.parametrize("name", ["", "..", "../a", "a/b", "a.b", "_a", "a__b", "a" * 64, "ä", "1a"])
def test_an_id_that_is_no_module_is_refused(source: Path, name: str) -> None:
    [problem] = installed(source, {"bad.zip": packed(extension(name))}).problems
    assert "has no valid id in its blender_manifest.toml" in problem


HOSTILE = {
    "an entry that leads out": ((("../../escaped.py", b"x"),), "has an entry that leads out of it"),
    "an absolute entry": ((("/etc/escaped.py", b"x"),), "has an entry that leads out of it"),
    "a link": (((link("escaped"), b"/etc/passwd"),), "has an entry that is a link"),
    "a device": (((special("escaped", stat.S_IFCHR), b""),), "has an entry that is no file"),
    "one name twice": ((("a.py", b"1"), ("a.py", b"2")), "has two entries of one name"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("which", HOSTILE)
def test_a_hostile_archive_leaves_nothing(source: Path, which: str) -> None:
    entries, why = HOSTILE[which]
    plain = [(name, text.encode() if isinstance(text, str) else text) for name, text in extension("bad").items()]
    found = installed(source, {"bad.zip": zipped(*plain, *entries), "good.zip": packed(extension("good"))})
    assert found.add_ons == ("good",)
    assert why in found.problems[0]
    assert not list(source.parent.rglob("escaped*"))
    assert not (source.parent / "target" / "bad").exists()


DEEP = "/".join(["d" * 255] * 31) + "/deep.py"
"""Each name is as long as a name may be, and all together are longer than a path may be."""


def test_an_archive_that_cannot_be_unpacked_keeps_no_other_out(source: Path) -> None:
    files = {
        "deep.zip": packed(extension("deep") | {DEEP: ""}),
        "folder.zip": packed(extension("folder") | {"wheels/a.whl/module.py": ""}),
        "good.zip": packed(extension("good")),
    }
    found = installed(source, files)
    assert found == Installation(
        ("folder", "good"),
        ("The extension deep.zip was not installed: it cannot be unpacked (File name too long).",),
    )
    assert not (source.parent / "target" / "deep").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_target_that_cannot_be_written_is_no_fault_of_an_archive(
    source: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("class_files.extensions.extract", refuse)
    with pytest.raises(OSError, match=os.strerror(number)):
        installed(source, {"good.zip": packed(extension("good"))})


def test_a_bomb_and_what_is_too_large_are_refused(source: Path) -> None:
    large = packed(extension("large") | {"data.bin": os.urandom(2**20)})
    found = installed(source, {"large.zip": large, "small.zip": packed(extension("small"))})
    assert found.add_ons == ("small",)
    assert "does not fit: all extensions of a class together may have 1 MB unpacked" in found.problems[0]
    bomb = packed(extension("bomb") | {"data.bin": bytes(100 * 2**20)})
    [problem] = install_anew(source, {"bomb.zip": bomb}, 2**30).problems[1:]
    assert problem == "The extension bomb.zip was not installed: it grows like a zip bomb."


def install_anew(source: Path, files: Mapping[str, bytes], max_bytes: int) -> Installation:
    """Install files in a pod that has nothing yet, beside the small and the large one that does not fit."""
    for name, content in files.items():
        (source / name).write_bytes(content)
    (source / "large.zip").write_bytes(b"no zip")
    found = install(source, source.parent / "anew", BLENDER, max_bytes)
    return Installation(found.add_ons, tuple(sorted(found.problems, reverse=True)))


def test_a_wheel_counts_with_what_it_has_unpacked(source: Path) -> None:
    heavy = packed({"heavy.py": bytes(2**20)})
    files = {
        "heavy.zip": packed(extension("heavy") | {f"wheels/{WHEEL}": heavy}),
        "light.zip": packed(extension("light") | {f"wheels/{WHEEL}": wheel()}),
        "torn.zip": packed(extension("torn") | {f"wheels/{WHEEL}": wheel()[:50]}),
    }
    found = installed(source, files)
    assert found.add_ons == ("light",)
    assert "heavy.zip was not installed: it does not fit" in found.problems[0]
    assert f"has a wheel, {WHEEL}, that is a damaged .zip" in found.problems[1]


def test_the_newest_version_that_fits_is_taken_and_one_that_is_there_twice_is_told(source: Path) -> None:
    files = {
        "tool-1.9.0.zip": packed(extension("tool", version="1.9.0")),
        "tool-1.10.0.zip": packed(extension("tool", "VERSION = 110", version="1.10.0")),
        "tool-1.10.0-beta.zip": packed(extension("tool", version="1.10.0-beta")),
        "tool-2.0.0.zip": packed(extension("tool", version="2.0.0", oldest="5.0.0")),
        "copy-of-tool.zip": packed(extension("tool", "VERSION = 110", version="1.10.0")),
    }
    found = installed(source, files)
    assert found.add_ons == ("tool",)
    [problem] = found.problems
    assert problem.endswith(
        "tool-1.10.0.zip was not installed: it has the same extension and version as copy-of-tool.zip."
    )
    assert (source.parent / "target" / "tool" / "__init__.py").read_text() == "VERSION = 110"


def test_what_is_no_extension_is_told(source: Path) -> None:
    os.mkfifo(source / "pipe.zip")
    files = {"add-on.zip": packed({"__init__.py": "bl_info = {}"}), "text.zip": b"text", "notes.txt": b"not looked at"}
    found = installed(source, files)
    assert found.add_ons == ()
    assert [problem.partition("was not installed: it ")[2].partition(".")[0] for problem in found.problems] == [
        "has no blender_manifest",
        "cannot be read",
        "is a damaged ",
    ]


def test_a_folder_without_extensions_is_told(source: Path) -> None:
    assert installed(source, {}).problems == ("The session class names extensions, and there are none.",)
    [problem] = install(source / "gone", source.parent / "anew", BLENDER).problems
    assert problem.startswith("The extensions of the session class cannot be read")


@pytest.mark.parametrize("record", [b"", b"[]", b'{"add_ons": 1, "problems": []}', b"\xff", b"[" * 10_000])
def test_a_record_that_was_tampered_with_is_made_again(source: Path, record: bytes) -> None:
    target = source.parent / "target"
    target.mkdir()
    (target / ".installed.json").write_bytes(record)
    assert installed(source, {"a.zip": packed(extension("brush"))}) == Installation(("brush",))


def test_an_archive_of_another_compression_is_refused(source: Path) -> None:
    plain = [(name, str(text).encode()) for name, text in extension("bad").items()]
    [problem] = installed(source, {"bad.zip": zipped(*plain, method=zipfile.ZIP_LZMA)}).problems
    assert "is compressed in an unusual way" in problem
