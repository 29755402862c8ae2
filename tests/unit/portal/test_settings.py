"""The portal reports wrong settings and samples at its start."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from blendersessions_portal.__main__ import main
from blendersessions_portal.samples import load_samples
from blendersessions_portal.settings import Settings

SCENES = Path(__file__).parents[3] / "images" / "blender" / "scenes"
PREFIX = "BLENDERSESSIONS_PORTAL_"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    key = tmp_path / "key"
    key.write_text("k" * 64)
    values = {
        "NAMESPACE": "blender",
        "PUBLIC_URL": "https://blender.test/",
        "GUACAMOLE_URL": "http://guacamole:8080/guacamole",
        "COOKIE_KEY_FILE": str(key),
    }
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_the_required_settings_are_enough() -> None:
    settings = Settings()
    assert settings.port == 8000
    assert settings.max_sessions == 3
    assert settings.guacamole_url == "http://guacamole:8080/guacamole/"
    assert settings.samples_dir == SCENES
    assert settings.read_cookie_key() == b"k" * 64


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NAMESPACE", "", "namespace"),
        ("PUBLIC_URL", "blender.test", "is no base URL"),
        ("PUBLIC_URL", "https://blender.test/?a=b", "is no base URL"),
        ("GUACAMOLE_URL", "ftp://x/", "is no base URL"),
        ("COOKIE_KEY_FILE", "/nowhere/key", "cookie_key_file"),
        ("PORT", "0", "port"),
        ("MAX_SESSIONS", "0", "max_sessions"),
        ("LOG_LEVEL", "LOUD", "log_level"),
    ],
)
def test_the_error_names_a_wrong_setting(environment: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    environment.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError, match=words):
        Settings()


def test_a_key_that_can_be_guessed_is_refused(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("changeme\n")
    environment.setenv(PREFIX + "COOKIE_KEY_FILE", str(short))
    with pytest.raises(ValueError, match="holds 8 bytes: write at least 32") as caught:
        Settings().read_cookie_key()
    assert "changeme" not in str(caught.value)


def test_the_portal_does_not_start_with_wrong_settings_and_names_each_in_a_line(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv(PREFIX + "NAMESPACE")
    environment.setenv(PREFIX + "PUBLIC_URL", "blender.test")
    environment.setenv(PREFIX + "PORT", "planted-value")

    assert main() == 64

    output = capsys.readouterr()
    lines = output.err.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        PREFIX + name for name in ("NAMESPACE", "PUBLIC_URL", "PORT")
    ]
    assert lines[0] == f"{PREFIX}NAMESPACE: Field required. See docs/interfaces.md for the portal's settings."
    assert "PUBLIC_URL: 'blender.test' is no base URL: write http://" in lines[1]
    assert "planted-value" not in output.err
    assert output.out == ""


def test_the_portal_does_not_start_without_a_cluster(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    environment.setenv("KUBECONFIG", str(tmp_path / "nowhere"))

    assert main() == 64

    assert "The portal cannot start" in caplog.text


def test_the_scenes_of_the_image_are_offered_with_their_pictures() -> None:
    samples = list(load_samples(SCENES))
    assert [sample.file for sample in samples] == [
        "shopping_cart.blend",
        "fire_extinguisher.blend",
        "watering_can.blend",
    ]
    for sample in samples:
        assert (SCENES / "thumbnails" / sample.picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "samples: 1",
        "- {file: a.txt, title: A, thumbnail: a.png}",
        "- {file: ../a.blend, title: A, thumbnail: a.png}",
        "- {file: a.blend, title: A, thumbnail: ../../a.png}",
        "- {file: a.blend, thumbnail: a.png}",
        "[",
    ],
)
def test_samples_that_cannot_be_offered_are_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "samples.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"samples\.yaml does not describe the sample scenes") as caught:
        load_samples(tmp_path)
    assert PREFIX + "SAMPLES_DIR" in str(caught.value)
