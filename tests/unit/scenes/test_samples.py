"""samples.yaml, the scripts and the thumbnails have the same scenes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from PIL import Image

SCENES = Path(__file__).resolve().parents[3] / "images/blender/scenes"
SAMPLES: list[dict[str, str]] = yaml.safe_load((SCENES / "samples.yaml").read_text(encoding="utf-8"))["samples"]
by_file = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["file"]))


def top_level(module: Path) -> dict[str, ast.stmt]:
    """Return the functions and assigned names of a module without running it, because it needs Blender."""
    found: dict[str, ast.stmt] = {}
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef):
            found[statement.name] = statement
        if isinstance(statement, ast.Assign):
            found |= {target.id: statement for target in statement.targets if isinstance(target, ast.Name)}
    return found


def test_the_list_has_the_three_scenes_of_the_tutorial() -> None:
    assert {s["file"] for s in SAMPLES} == {"shopping_cart.blend", "fire_extinguisher.blend", "watering_can.blend"}


def test_build_makes_exactly_the_listed_scenes() -> None:
    names = top_level(SCENES / "build.py")["NAMES"]
    assert isinstance(names, ast.Assign)
    built = ast.literal_eval(names.value)
    assert [f"{name}.blend" for name in built] == [sample["file"] for sample in SAMPLES]


@by_file
def test_an_entry_is_complete_and_fit_for_a_page(sample: dict[str, str]) -> None:
    assert set(sample) == {"file", "title", "description", "thumbnail"}
    assert sample["title"].strip()
    assert sample["description"].endswith(".")
    assert len(sample["description"]) <= 120


@by_file
def test_a_scene_has_its_script(sample: dict[str, str]) -> None:
    assert {"FRAMING", "model"} <= set(top_level((SCENES / sample["file"]).with_suffix(".py")))


@by_file
def test_a_thumbnail_is_a_picture_of_the_right_size(sample: dict[str, str]) -> None:
    assert sample["thumbnail"] == f"thumbnails/{Path(sample['file']).stem}.png"
    path = SCENES / sample["thumbnail"]
    assert path.stat().st_size < 150_000
    with Image.open(path) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (480, 320), "RGB")
        extremes = picture.convert("L").getextrema()
    assert extremes[1] - extremes[0] > 150, "the picture is nearly empty; check light and camera"


def test_every_thumbnail_is_listed() -> None:
    kept = {path.relative_to(SCENES).as_posix() for path in (SCENES / "thumbnails").iterdir()}
    assert kept == {sample["thumbnail"] for sample in SAMPLES}
