"""Valid inputs of the container become settings and a scene. Invalid ones become a reason that a person understands."""

import json
from pathlib import Path

import pytest

from entry.errors import StartError
from entry.sample_lookup import find_sample
from entry.settings import Settings


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("shopping_cart.blend", "watering_can.blend"):
        (folder / name).write_text(name)
    (folder / "notes.txt").write_text("not a scene")
    (tmp_path / "outside.blend").write_text("outside")
    return folder


def test_a_sample_is_found_by_its_name(samples: Path) -> None:
    assert find_sample("shopping_cart.blend", samples) == samples / "shopping_cart.blend"


@pytest.mark.parametrize(
    "name",
    [
        "unknown.blend",
        "../outside.blend",
        "/etc/passwd",
        "./shopping_cart.blend",
        "shopping_cart",
        "notes.txt",
        "..",
        ".",
        "*.blend",
        "shopping_cart.blend\n",
        "shopping_cart.blend/",
    ],
)
def test_another_name_is_refused_with_the_list_of_samples(samples: Path, name: str) -> None:
    with pytest.raises(StartError) as refused:
        find_sample(name, samples)
    assert refused.value.reason == "SceneNotFound"
    expected = f"There is no sample scene {name!r}. The image has: shopping_cart.blend, watering_can.blend."
    assert str(refused.value) == expected


def test_the_reason_is_written_as_one_json_object(tmp_path: Path) -> None:
    StartError("SceneNotFound", "There is no sample scene 'x'.").write(tmp_path / "log")
    written = json.loads((tmp_path / "log").read_text())
    assert written == {"reason": "SceneNotFound", "message": "There is no sample scene 'x'."}


def test_the_scene_comes_from_the_environment() -> None:
    assert Settings.from_environment({}).scene == ""
    assert Settings.from_environment({"BLENDER_SCENE": "watering_can.blend"}).scene == "watering_can.blend"
