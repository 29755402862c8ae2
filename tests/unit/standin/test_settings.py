"""The stand-in reports a wrong setting by its name."""

from pathlib import Path

import pytest

from standin.settings import Settings, SettingsError


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    password = tmp_path / "password"
    password.write_text("pw\n")
    return {"STANDIN_ADMIN_PASSWORD_FILE": str(password)}


def test_only_the_password_is_required(environment: dict[str, str]) -> None:
    settings = Settings.from_environment(environment)
    assert settings.admin_password == "pw"
    assert (settings.admin_username, settings.data_source, settings.database) == ("guacadmin", "postgresql", ":memory:")
    assert (settings.port, settings.guacd_port) == (8080, 4822)
    assert "pw" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STANDIN_PORT", "http"),
        ("STANDIN_PORT", "-1"),
        ("STANDIN_GUACD_PORT", "65536"),
        ("STANDIN_DATA_SOURCE", "oracle"),
        ("STANDIN_ADMIN_PASSWORD_FILE", ""),
        ("STANDIN_ADMIN_PASSWORD_FILE", "/nonexistent/password"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({**environment, name: value})


def test_an_empty_password_file_is_refused(environment: dict[str, str]) -> None:
    Path(environment["STANDIN_ADMIN_PASSWORD_FILE"]).write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        Settings.from_environment(environment)
