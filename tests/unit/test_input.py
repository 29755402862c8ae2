"""`spec.input`, from the API to the container: a session's word, else its class's, else Blender's own preference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from blendersessions.model.session import Input
from blendersessions_operator.resources.pod import outdated, pod
from unit.operator.factories import session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

CRDS = Path(__file__).parents[2] / "crds"
BOTH = {"emulateMiddleButton": True, "emulateNumpad": True}


def environment(wanted: Manifest, default: Manifest) -> dict[str, str]:
    """The container's variables for input, of a session and a class with these settings."""
    of = session({"input": wanted})
    (container,) = pod(of.desktop, of, settings(of, {"input": default}))["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"] if entry["name"].startswith("BLENDER_EMULATE_")}


@pytest.mark.parametrize(
    ("wanted", "default", "given"),
    [
        ({}, {}, {}),
        (BOTH, {}, {"BLENDER_EMULATE_MIDDLE_BUTTON": "true", "BLENDER_EMULATE_NUMPAD": "true"}),
        ({}, BOTH, {"BLENDER_EMULATE_MIDDLE_BUTTON": "true", "BLENDER_EMULATE_NUMPAD": "true"}),
        ({"emulateNumpad": False}, {}, {"BLENDER_EMULATE_NUMPAD": "false"}),
        ({}, {"emulateMiddleButton": False}, {"BLENDER_EMULATE_MIDDLE_BUTTON": "false"}),
        (
            {"emulateMiddleButton": False},
            BOTH,
            {"BLENDER_EMULATE_MIDDLE_BUTTON": "false", "BLENDER_EMULATE_NUMPAD": "true"},
        ),
        (
            {"emulateNumpad": True},
            {"emulateMiddleButton": True, "emulateNumpad": False},
            {"BLENDER_EMULATE_MIDDLE_BUTTON": "true", "BLENDER_EMULATE_NUMPAD": "true"},
        ),
    ],
)
def test_a_sessions_word_goes_before_its_classs_and_silence_leaves_the_preference(
    wanted: Manifest, default: Manifest, given: dict[str, str]
) -> None:
    assert environment(wanted, default) == given


def test_a_desktop_that_runs_gets_a_new_word_at_its_next_start() -> None:
    of = session({})
    running = pod(of.desktop, of, settings(of))
    assert not outdated(running, of.desktop, of, settings(of))
    changed = session({"input": BOTH})
    assert outdated(running, changed.desktop, changed, settings(changed))


@pytest.mark.parametrize("file", ["blendersessions.yaml", "blendersessionclasses.yaml"])
def test_the_api_server_and_the_operator_know_the_same_preferences(file: str) -> None:
    (version,) = yaml.safe_load((CRDS / file).read_text())["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["input"]["properties"]
    fields = Input.model_json_schema(by_alias=True)["properties"]

    assert schema.keys() == fields.keys()
    for name, field in schema.items():
        assert field["type"] == "boolean", name
        assert "default" not in field, "a default would overrule the class and the person"
        assert fields[name]["default"] is None
