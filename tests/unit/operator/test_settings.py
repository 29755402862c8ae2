"""Settings come from the environment, and a wrong one is reported by its name."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from blendersessions_operator import __main__ as main
from blendersessions_operator.handlers.logs import JsonFormatter
from blendersessions_operator.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "BLENDERSESSIONS_"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    values = {
        "GUACAMOLE_URL": "http://guacamole:8080/guacamole",
        "GUACAMOLE_USERNAME": "admin",
        "GUACAMOLE_PASSWORD_FILE": str(tmp_path / "password"),
        "PUBLIC_URL": "https://desk.example",
        "BLENDER_IMAGE": "blender:1",
    }
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_an_unset_setting_has_the_documented_default() -> None:
    settings = Settings()
    assert settings.public_url == "https://desk.example/", "the slash is added"
    assert settings.guacamole_group == "blender-sessions"
    assert settings.health_port == 8080
    assert settings.log_level == "INFO"
    assert settings.namespace_list == []
    assert settings.installation.image_pull_policy == "IfNotPresent"
    assert settings.guacamole_ca_file is None


def test_a_platform_may_choose_the_users(environment: pytest.MonkeyPatch) -> None:
    assert Settings().installation.fixed_users
    environment.setenv(PREFIX + "FIXED_USERS", "false")
    assert not Settings().installation.fixed_users


def test_namespaces_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(PREFIX + "NAMESPACES", "art, school,")
    assert Settings().namespace_list == ["art", "school"]


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [("", None), ("guacd.desks.svc:4822", ("guacd.desks.svc", 4822)), ("[fd00::1]:4822", ("fd00::1", 4822))],
)
def test_the_address_of_guacd_may_be_unknown(
    environment: pytest.MonkeyPatch, address: str, endpoint: tuple[str, int] | None
) -> None:
    environment.setenv(PREFIX + "GUACD_ADDRESS", address)
    assert Settings().guacd_endpoint == endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUACAMOLE_URL", "guacamole:8080"),
        ("PUBLIC_URL", ""),
        ("BLENDER_IMAGE", ""),
        ("BLENDER_IMAGE_PULL_POLICY", "Sometimes"),
        ("HEALTH_PORT", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("GUACAMOLE_USERNAME", None),
        ("GUACD_ADDRESS", "guacd"),
        ("GUACD_ADDRESS", "guacd:0"),
        ("GUACD_ADDRESS", ":4822"),
        ("GUACD_SECONDS", "0"),
        ("FETCH_NETWORKS", "10.0.0.0/8,127.0.0.0/8"),
    ],
)
def test_a_wrong_setting_ends_the_process_and_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str | None
) -> None:
    if value is None:
        environment.delenv(PREFIX + name)
    else:
        environment.setenv(PREFIX + name, value)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert PREFIX + name in capsys.readouterr().err


def test_a_log_line_is_one_json_object() -> None:
    record = logging.LogRecord("blendersessions", logging.INFO, "f", 1, "two\nlines of %s", ("text",), None)
    record.session = "art/cart"
    line = JsonFormatter().format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "two\nlines of text"
    assert (entry["level"], entry["logger"], entry["session"]) == ("INFO", "blendersessions", "art/cart")
    assert entry["time"].endswith("+00:00")


def test_the_pull_secrets_are_named_with_commas(environment: pytest.MonkeyPatch) -> None:
    assert Settings().installation.image_pull_secrets == ()
    environment.setenv(PREFIX + "IMAGE_PULL_SECRETS", "registry, mirror,")
    assert Settings().installation.image_pull_secrets == ("registry", "mirror")
