"""What is refused before anything is touched, and the way out that the message names."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from localcluster import paths, preflight
from localcluster.errors import LocalClusterError
from localcluster.preflight import (
    DISK_NEEDED_BYTES,
    GIB,
    MEMORY_NEEDED_BYTES,
    Disk,
    Facts,
    available_memory,
    check,
    disks_of,
    filesystem_of,
    kind_problems,
    problems,
)

PLACES = {"cache": Path("/home/me/.cache/blender-sessions"), "state": Path("/var/lib/blender-sessions/demo")}
CACHE, STATE = {"cache": PLACES["cache"]}, {"state": PLACES["state"]}
FINE = Facts(
    system="Linux",
    machine="x86_64",
    user_id=0,
    has_apt=True,
    disks=(Disk(CACHE, 40 * GIB), Disk(STATE, 40 * GIB)),
    memory=8 * GIB,
    busy_ports=(),
)
DOCKER = {"docker": Path("/var/lib/docker")}
FINE_FOR_KIND = replace(FINE, user_id=1000, disks=(Disk(CACHE, 40 * GIB), Disk(DOCKER, 40 * GIB)))


def test_a_fitting_machine_has_no_problems() -> None:
    assert problems(FINE, filled=set(), missing_packages=["runc"]) == []
    assert kind_problems(FINE_FOR_KIND, filled=set(), docker_answers=True) == []
    check([])


@pytest.mark.parametrize(
    ("facts", "words", "way_out"),
    [
        (replace(FINE, system="Darwin"), "This is Darwin", "Docker engine"),
        (replace(FINE, machine="riscv64"), "riscv64", "x86_64"),
        (replace(FINE, user_id=1000), "must run as root", "sudo"),
        (replace(FINE, disks=(Disk(CACHE, GIB), Disk(STATE, 40 * GIB))), "/home/me/.cache", "XDG_CACHE_HOME"),
        (replace(FINE, disks=(Disk(CACHE, 40 * GIB), Disk(STATE, GIB))), str(PLACES["state"]), "Free some"),
        (replace(FINE, memory=GIB), "1.0 GiB of memory", "larger machine"),
        (replace(FINE, busy_ports=(8080,)), "Port 8080", "--http-port"),
        (replace(FINE, overlays=(PLACES["state"],)), "overlay", "Mount a volume"),
    ],
)
def test_a_problem_is_named_with_its_way_out(facts: Facts, words: str, way_out: str) -> None:
    (problem,) = problems(facts, filled=set())
    assert words in problem
    assert way_out in problem


@pytest.mark.parametrize(
    ("facts", "docker_answers", "words", "way_out"),
    [
        (FINE_FOR_KIND, False, "No Docker engine", "--engine embedded"),
        (replace(FINE_FOR_KIND, disks=(Disk(DOCKER, GIB),)), True, "/var/lib/docker", "Free some"),
        (replace(FINE_FOR_KIND, memory=GIB), True, "1.0 GiB of memory", "larger machine"),
        (replace(FINE_FOR_KIND, busy_ports=(8080,)), True, "Port 8080", "kind-config.yaml"),
    ],
)
def test_a_problem_with_kind_is_named_with_its_way_out(
    facts: Facts, words: str, way_out: str, *, docker_answers: bool
) -> None:
    (problem,) = kind_problems(facts, filled=set(), docker_answers=docker_answers)
    assert words in problem
    assert way_out in problem


def test_the_memory_of_another_machine_is_not_judged() -> None:
    assert kind_problems(replace(FINE_FOR_KIND, system="Darwin", memory=0), filled=set(), docker_answers=True) == []


def test_places_on_one_disk_share_its_space() -> None:
    needed = sum(DISK_NEEDED_BYTES.values())
    assert problems(replace(FINE, disks=(Disk(PLACES, needed),)), filled=set()) == []
    (problem,) = problems(replace(FINE, disks=(Disk(PLACES, needed - 1),)), filled=set())
    assert f"{PLACES['cache']} and {PLACES['state']} have together" in problem
    assert f"{needed // GIB} are needed" in problem


def test_folders_yet_to_be_made_are_found_on_their_disk(tmp_path: Path) -> None:
    places = {"cache": tmp_path / "a" / "b", "state": tmp_path / "c"}
    (disk,) = disks_of(places)
    assert disk.folders == places
    assert disk.free > 0


def test_the_readme_names_what_is_asked_for() -> None:
    text = " ".join((paths.REPOSITORY / "README.md").read_text().split())
    stated = re.search(r"(\d+) GiB of free memory and (\d+) GiB of free disk", text)
    assert stated, "the README does not say what a machine needs"
    assert int(stated[1]) * GIB == MEMORY_NEEDED_BYTES
    assert int(stated[2]) * GIB == sum(DISK_NEEDED_BYTES.values())


def test_missing_packages_matter_only_without_apt() -> None:
    (problem,) = problems(replace(FINE, has_apt=False), filled=set(), missing_packages=["buildah", "runc"])
    assert "buildah, runc" in problem
    assert problems(replace(FINE, has_apt=False), filled=set()) == []


def test_a_second_run_needs_little_disk() -> None:
    again = preflight.DISK_NEEDED_AGAIN_BYTES
    facts = replace(FINE, disks=(Disk(CACHE, again["cache"]), Disk(STATE, again["state"])))
    assert problems(facts, filled=PLACES.keys()) == []
    assert len(problems(facts, filled=set())) == 2


def test_a_second_cluster_needs_no_disk_for_builds() -> None:
    again = preflight.DISK_NEEDED_AGAIN_BYTES["cache"] + DISK_NEEDED_BYTES["state"]
    assert problems(replace(FINE, disks=(Disk(PLACES, again),)), filled={"cache"}) == []
    (problem,) = problems(replace(FINE, disks=(Disk(PLACES, again - 1),)), filled={"cache"})
    assert f"{again // GIB} are needed" in problem


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(LocalClusterError) as caught:
        check(problems(replace(FINE, user_id=1000, busy_ports=(8080, 6443)), filled=set()))
    assert str(caught.value).count("\n- ") == 2
    assert "sudo" in str(caught.value)


def test_memory_is_read_from_the_kernel(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  8000000 kB\nMemAvailable:  3145728 kB\n")
    assert available_memory(meminfo) == 3 * GIB
    assert available_memory(tmp_path / "none") == 0


def test_the_file_system_is_that_of_the_deepest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("overlay / overlay rw 0 0\n/dev/a /var ext4 rw 0 0\n/dev/b /variety xfs rw 0 0\n")
    assert filesystem_of(Path("/var/lib/x"), mounts) == "ext4"
    assert filesystem_of(Path("/home"), mounts) == "overlay"
