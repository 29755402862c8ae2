"""A built image is kept, and a failed build names its log.

Buildah is replaced by a program that writes down its arguments.
"""

import hashlib
import os
from pathlib import Path

import pytest

from localcluster.images import ImageBuildError, ImageRef, build, build_recipe
from localcluster.images.base import ensure_base
from localcluster.images.buildah import Buildah
from localcluster.images.catalog import blender_recipe, cache_dir

BUILDAH = r"""#!/bin/sh
echo "$@" >> "$BUILDAH_CALLS"
for last in "$@"; do :; done
case "$*" in
    *" bud "*) echo "step 1"; echo "the disk is full"; exit "${BUILDAH_BUD_CODE:-0}";;
    *" push "*) target="${last#docker-archive:}"; echo archive > "${target%%:*}";;
    *" images "*) echo 1234;;
    *" containers "*) printf '%s\n' 1a-working-container run7-blender sid-working-container-1;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "buildah"
    program.parent.mkdir()
    program.write_text(BUILDAH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("BUILDAH_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for suite in ("trixie", "bullseye", "sid"):
        digest = cache_dir() / "base" / f"{suite}.sha256"
        digest.parent.mkdir(parents=True, exist_ok=True)
        digest.write_text(suite)
    return tmp_path / "calls"


def test_an_image_is_built_once(calls: Path) -> None:
    steps: list[tuple[str, str]] = []
    first = build(["guacd"], lambda name, step: steps.append((name, step)))
    second = build(["guacd"], lambda name, step: steps.append((name, step)))
    assert steps == [("guacd", "building"), ("guacd", "exporting"), ("guacd", "built"), ("guacd", "present")]
    assert first == second
    assert first["guacd"].repository == "blender-sessions/guacd"
    assert first["guacd"].archive.name == f"guacd-{first['guacd'].tag}.tar"
    assert first["guacd"].archive.read_text() == "archive\n"
    assert calls.read_text().count(" bud ") == 1


def test_the_archive_carries_the_name_that_containerd_looks_for(calls: Path) -> None:
    image = build(["guacd"])["guacd"]
    push = next(line for line in calls.read_text().splitlines() if " push " in line)
    assert push.endswith(f":docker.io/blender-sessions/guacd:{image.tag}")


def test_an_image_is_built_with_its_arguments_and_this_machines_files(calls: Path) -> None:
    image = build(["blender-5.2"])["blender-5.2"]
    bud = next(line for line in calls.read_text().splitlines() if " bud " in line)
    assert " --build-arg DEBIAN=sid --build-arg BLENDER=5.2 " in bud
    assert f" --volume {cache_dir()}/apt.conf:/etc/apt/apt.conf:ro " in bud
    assert image.reference == f"docker.io/blender-sessions/blender-5.2:{image.tag}"
    assert image.tag != build(["blender"])["blender"].tag


@pytest.mark.parametrize(
    ("answer", "settings"),
    [("checked='false'", 'Acquire::Check-Valid-Until "false";\n'), ("checked='true'", ""), ("", "")],
)
def test_a_build_takes_old_package_lists_where_the_machine_does(calls: Path, answer: str, settings: str) -> None:
    program = calls.parent / "bin" / "apt-config"
    program.write_text(f'#!/bin/sh\necho "{answer}"\n')
    program.chmod(0o755)
    build(["guacd"])
    assert (cache_dir() / "apt.conf").read_text() == settings


def test_an_archive_of_this_machine_is_built_by_its_sha256(calls: Path, tmp_path: Path) -> None:
    archive = tmp_path / "blender-5.2.2-linux-x64.tar.xz"
    images: list[ImageRef] = []
    for content in (b"one", b"other"):
        archive.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        images.append(build_recipe(blender_recipe("5.2", str(archive), sha256)))
    image, other = images
    bud = next(line for line in calls.read_text().splitlines() if " bud " in line)
    assert f" --volume {archive}:/tmp/official/{archive.name}:ro " in bud
    assert (
        f" --build-arg BLENDER_URL={archive.name} --build-arg BLENDER_SHA256={hashlib.sha256(b'one').hexdigest()} "
        in bud
    )
    assert image.repository == "blender-sessions/blender-5.2-official"
    assert image.tag != other.tag


def test_the_archives_of_one_blender_do_not_count_for_another(calls: Path) -> None:
    calls.touch()
    others = [cache_dir() / f"blender-{middle}{'a' * 12}.tar" for middle in ("5.2-", "5.2-official-")]
    for other in others:
        other.touch()
    for digit in "abc":
        (cache_dir() / f"blender-{digit * 12}.tar").touch()
    build(["blender"])
    assert all(other.exists() for other in others)


def test_only_the_newest_two_archives_are_kept(calls: Path) -> None:
    calls.touch()
    old = [cache_dir() / f"guacd-{digit * 12}.tar" for digit in "abc"]
    for age, archive in enumerate(old):
        archive.touch()
        os.utime(archive, (1000 - age, 1000 - age))
    other = cache_dir() / "guacamole-standin-aaaaaaaaaaaa.tar"
    other.touch()
    image = build(["guacd"])["guacd"]
    assert sorted(cache_dir().glob("guacd-*.tar")) == sorted([image.archive, old[0]])
    assert other.exists()


def test_what_an_ended_build_left_is_removed_before_the_next(calls: Path) -> None:
    build(["guacd"])
    lines = calls.read_text().splitlines()
    # A container of another name belongs to tests that run.
    removal = next(
        number for number, line in enumerate(lines) if line.endswith(" rm 1a-working-container sid-working-container-1")
    )
    assert removal < next(number for number, line in enumerate(lines) if " bud " in line)


def test_a_build_that_fails_shows_the_end_of_its_log(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDAH_BUD_CODE", "125")
    with pytest.raises(ImageBuildError, match="the disk is full") as failed:
        build(["guacd"])
    assert str(cache_dir() / "logs" / "guacd.log") in str(failed.value)
    assert "125" in str(failed.value)
    assert calls.exists()
    assert not list(cache_dir().glob("*.tar"))


def test_an_unknown_image_is_refused_before_anything_is_built(calls: Path) -> None:
    with pytest.raises(ValueError, match=r"'bledner'.*blender, guacd"):
        build(["guacd", "bledner"])
    assert not calls.exists()


def test_a_missing_program_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageBuildError, match="Install the Debian package 'buildah'"):
        Buildah(tmp_path).run(["images"], tmp_path / "log")


def test_a_base_image_that_we_cannot_make_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match="debian:SUITE-slim"):
        ensure_base("alpine:3", tmp_path, Buildah(tmp_path), tmp_path / "log")
