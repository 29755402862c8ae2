"""Images of one program are archives that container engines read."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from localcluster.archive import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    binary = tmp_path / "pause"
    binary.write_bytes(b"\x7fELF...")
    return Program("blender-sessions/pause", binary, arguments=("-quiet",))


def members(content: bytes) -> dict[str, tuple[bytes, int]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = [(member, tar.extractfile(member)) for member in tar.getmembers()]
        return {member.name: (file.read(), member.mode) for member, file in files if file is not None}


def test_the_archive_holds_the_program_under_its_name(program: Program, tmp_path: Path) -> None:
    archive = members(program.write(tmp_path / "out" / "pause.tar").read_bytes())
    (entry,) = json.loads(archive["manifest.json"][0])
    assert entry["RepoTags"] == [program.reference]
    config = json.loads(archive[entry["Config"]][0])
    layer = archive[entry["Layers"][0]][0]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"] == {"Entrypoint": ["/pause", "-quiet"], "User": "65534:65534"}
    assert members(layer) == {"pause": (b"\x7fELF...", 0o755)}


def test_the_same_program_gives_the_same_archive(program: Program, tmp_path: Path) -> None:
    one, two = program.write(tmp_path / "1.tar"), program.write(tmp_path / "2.tar")
    assert one.read_bytes() == two.read_bytes()


def test_another_program_gets_another_tag(program: Program) -> None:
    before = program.reference
    program.binary.write_bytes(b"\x7fELF,,,")
    assert program.reference != before
    assert program.reference.startswith("docker.io/blender-sessions/pause:")
