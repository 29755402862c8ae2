"""`spec.display`, from the API to the X server: what a session asks for is the screen that Xvnc gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from blendersessions.model.session import Display
from blendersessions_operator.resources.pod import pod
from entry.errors import StartError
from entry.screen import Screen
from unit.operator.factories import session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

CRD = Path(__file__).parents[2] / "crds" / "blendersessions.yaml"
DEFAULTS = {"BLENDER_WIDTH": "1280", "BLENDER_HEIGHT": "720", "BLENDER_DEPTH": "24"}
DEFAULT_ARGUMENTS = ["-geometry", "1280x720", "-depth", "24"]


def environment(display: Manifest) -> dict[str, str]:
    """The screen's part of the environment of the container of a session with this display."""
    of = session({"display": display})
    (container,) = pod(of.desktop, of, settings(of))["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"] if entry["name"] in DEFAULTS}


@pytest.mark.parametrize(
    ("display", "different", "arguments"),
    [
        ({}, {}, DEFAULT_ARGUMENTS),
        (
            {"width": 1920, "height": 1080, "colorDepth": 16},
            {"BLENDER_WIDTH": "1920", "BLENDER_HEIGHT": "1080", "BLENDER_DEPTH": "16"},
            ["-geometry", "1920x1080", "-depth", "16"],
        ),
        # Xvnc has no screen of 8 bits.
        ({"colorDepth": 8}, {"BLENDER_DEPTH": "8"}, ["-geometry", "1280x720", "-depth", "16"]),
        # Guacamole ignores the input; the screen is the same.
        ({"readOnly": True}, {}, DEFAULT_ARGUMENTS),
    ],
)
def test_the_screen_is_what_the_session_asks_for(
    display: Manifest, different: dict[str, str], arguments: list[str]
) -> None:
    given = environment(display)

    assert given == DEFAULTS | different
    assert Screen.from_environment(given).server_arguments == arguments


def test_a_container_without_settings_shows_the_default_screen() -> None:
    assert Screen.from_environment({}) == Screen.from_environment(environment({}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLENDER_WIDTH", "0"),
        ("BLENDER_HEIGHT", "-5"),
        ("BLENDER_WIDTH", "wide"),
        ("BLENDER_HEIGHT", "40000"),
        ("BLENDER_DEPTH", "32"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(StartError, match=name) as refused:
        Screen.from_environment({name: value})
    assert refused.value.reason == "DisplayFailed"


def test_the_api_server_and_the_operator_agree_on_defaults_and_bounds() -> None:
    (version,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["display"]["properties"]
    words = ("type", "default", "minimum", "maximum", "enum")

    def comparable(properties: Manifest) -> Manifest:
        return {name: {key: field.get(key) for key in words} for name, field in properties.items()}

    assert comparable(schema) == comparable(Display.model_json_schema(by_alias=True)["properties"])
