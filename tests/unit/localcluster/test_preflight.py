"""What is refused before anything is touched, and the way out that the message names."""

from dataclasses import replace
from pathlib import Path

import pytest

from localcluster.errors import LocalClusterError
from localcluster.preflight import DISK_NEEDED_AGAIN, GIB, Facts, available_memory, check, filesystem_of, problems

FINE = Facts(
    system="Linux",
    machine="x86_64",
    user_id=0,
    has_apt=True,
    free_disk={"cache": 40 * GIB, "state": 40 * GIB},
    places={"cache": Path("/home/me/.cache/blender-sessions"), "state": Path("/var/lib/blender-sessions/demo")},
    memory=8 * GIB,
    busy_ports=(),
    state_filesystem="ext4",
)


def test_a_fitting_machine_has_no_problems() -> None:
    assert problems(FINE, first=True, missing_packages=["runc"]) == []
    check(FINE, first=True)


@pytest.mark.parametrize(
    ("facts", "says", "way_out"),
    [
        (replace(FINE, system="Darwin"), "This is Darwin", "Docker engine"),
        (replace(FINE, machine="riscv64"), "riscv64", "x86_64"),
        (replace(FINE, user_id=1000), "must run as root", "sudo"),
        (replace(FINE, free_disk={"cache": GIB, "state": 40 * GIB}), "/home/me/.cache", "XDG_CACHE_HOME"),
        (replace(FINE, free_disk={"cache": 40 * GIB, "state": GIB}), "/var/lib/blender-sessions/demo", "Free some"),
        (replace(FINE, memory=GIB), "1.0 GiB of memory", "larger machine"),
        (replace(FINE, busy_ports=(8080,)), "Port 8080", "--http-port"),
        (replace(FINE, state_filesystem="overlay"), "overlay", "Mount a volume"),
    ],
)
def test_a_problem_is_named_with_its_way_out(facts: Facts, says: str, way_out: str) -> None:
    (problem,) = problems(facts, first=True)
    assert says in problem
    assert way_out in problem


def test_missing_packages_matter_only_without_apt() -> None:
    (problem,) = problems(replace(FINE, has_apt=False), first=True, missing_packages=["buildah", "runc"])
    assert "buildah, runc" in problem
    assert problems(replace(FINE, has_apt=False), first=True) == []


def test_a_second_run_needs_little_disk() -> None:
    facts = replace(FINE, free_disk={"cache": DISK_NEEDED_AGAIN, "state": DISK_NEEDED_AGAIN})
    assert problems(facts, first=False) == []
    assert len(problems(facts, first=True)) == 2


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(LocalClusterError) as caught:
        check(replace(FINE, user_id=1000, busy_ports=(8080, 6443)), first=True)
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
