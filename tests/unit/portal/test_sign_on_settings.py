"""A sign-on that would let nobody in, or everybody, is named at the start."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from blendersessions_portal.sign_on_settings import PREFIX, GroupClasses, SignOnMode, SignOnSettings

CONFIGURATION = Path(__file__).parents[3] / "images" / "proxy"


def settings(**more: object) -> SignOnSettings:
    """A sign-on by header."""
    values: dict[str, object] = {"trusted_proxies": (ip_network("10.42.0.0/16"),)}
    return SignOnSettings(mode=SignOnMode.HEADER, **(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"MODE": "Header"}, "TRUSTED_PROXIES is needed"),
        ({"MODE": "Header", "TRUSTED_PROXIES": "10.42.0.1/16"}, "is no network"),
        ({"MODE": "Header", "TRUSTED_PROXIES": "oauth2-proxy"}, "is no network"),
        ({"MODE": "header"}, "'Guests'"),
        ({"USER_HEADER": "Remote User"}, "is no name of a header"),
        ({"USER_HEADER": ""}, "at least 1 character"),
        ({"USER_HEADER": "REMOTE_USER"}, "lets through"),
        ({"USER_HEADER": "Host"}, "says nothing of people"),
        ({"GROUPS_HEADER": "X-Forwarded-For"}, "says nothing of people"),
        ({"SIGN_OUT_URL": "javascript:alert(1)"}, "SIGN_OUT_URL is no address"),
        ({"SIGN_OUT_URL": "//evil.test"}, "SIGN_OUT_URL is no address"),
        ({"PROXY_KEY_FILE": "/nowhere"}, "PROXY_KEY_FILE"),
        ({"CLASSES": '[{"group": "film"}]'}, "classes"),
    ],
)
def test_the_error_names_what_is_wrong(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], words: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError) as caught:
        SignOnSettings()
    assert words.lower() in str(caught.value).lower()


def test_no_header_that_the_charts_proxy_writes_names_people() -> None:
    written: set[str] = set()
    for file in CONFIGURATION.glob("*.conf*"):
        written |= set(re.findall(r"^\s*proxy_set_header ([A-Za-z0-9-]+) ", file.read_text(), re.MULTILINE))
    for name in written:
        with pytest.raises(ValidationError):
            settings(user_header=name)


def test_all_of_them_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "MODE": "Header",
        "TRUSTED_PROXIES": "10.42.0.0/16, fd00::/8",
        "USER_HEADER": "Remote-User",
        "GROUPS_SEPARATOR": ";",
        "ADMIN_GROUPS": '["staff, all", "root"]',
        "CLASSES": '[{"group": "*", "classes": ["default"]}]',
        "FOLD_CASE": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(PREFIX + name, value)
    found = SignOnSettings()
    assert [str(network) for network in found.trusted_proxies] == ["10.42.0.0/16", "fd00::/8"]
    assert found.admin_groups == ("staff, all", "root")
    assert found.classes == (GroupClasses(group="*", classes=("default",)),)


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "short"
    file.write_text("changeme")
    with pytest.raises(ValueError, match="holds 8 bytes") as caught:
        settings(proxy_key_file=file).read_proxy_key()
    assert "changeme" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "OPENID_CLIENT_ID is needed"),
        ({"OPENID_CLIENT_ID": "a"}, "OPENID_ISSUER is ''"),
        ({"OPENID_CLIENT_ID": "a", "OPENID_ISSUER": "http://id.example.org"}, "write https://"),
        ({"OPENID_CLIENT_ID": "a", "OPENID_ISSUER": "http://127.0.0.1.example.org"}, "write https://"),
        ({"OPENID_CLIENT_ID": "a", "OPENID_ISSUER": "https://id.test", "OPENID_SCOPES": "profile"}, "needs openid"),
        ({"OPENID_MAX_AGE_SECONDS": "1"}, "greater than or equal to 60"),
    ],
)
def test_a_provider_that_cannot_work_is_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], words: str
) -> None:
    for name, value in ({"MODE": "OpenIDConnect"} | values).items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError) as caught:
        SignOnSettings()
    assert words in str(caught.value)
