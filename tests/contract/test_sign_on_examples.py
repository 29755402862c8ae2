"""The examples of docs/sign-on.md: the chart takes their values, and the portal the headers of each proxy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from blendersessions_portal.sign_on_settings import SignOnSettings
from chart.rendering import PUBLIC_URL, render
from unit.portal.fakes import FakeGuacamole, FakeStore, write_samples
from unit.portal.portals import Portal

if TYPE_CHECKING:
    from unit.portal.portals import Browser

PAGE = Path(__file__).parents[2] / "docs" / "sign-on.md"
VARIABLE = "BLENDERSESSIONS_PORTAL_SIGN_ON_"

# What each sends for a person, as its documentation says; the owner, the name on the page, and a group.
SENT = {
    "oauth2-proxy": (
        "10.42.7.9",
        {
            "X-Forwarded-User": "9c1f7c6e-8f1b-4a59-a4a1-0f6f5d1c0a11",
            "X-Forwarded-Email": "zoe@example.org",
            "X-Forwarded-Preferred-Username": "zoë",
            "X-Forwarded-Groups": "film,staff",
        },
        "9c1f7c6e-8f1b-4a59-a4a1-0f6f5d1c0a11",
        "zoë",
        "staff",
    ),
    "Authelia": (
        "10.42.3.9",
        {
            "Remote-User": "Zoe",
            "Remote-Name": "Zoë Müller",
            "Remote-Groups": "film,staff",
            "Remote-Email": "zoe@example.org",
        },
        "zoe",
        "Zoë Müller",
        "staff",
    ),
    "Keycloak's gatekeeper": (
        "10.42.9.9",
        {
            "X-Auth-Subject": "9c1f7c6e-8f1b-4a59-a4a1-0f6f5d1c0a11",
            "X-Auth-Userid": "zoe",
            "X-Auth-Username": "zoe",
            "X-Auth-Email": "zoe@example.org",
            "X-Auth-Groups": "/film,/staff",
            "X-Auth-Roles": "offline_access,uma_authorization",
        },
        "9c1f7c6e-8f1b-4a59-a4a1-0f6f5d1c0a11",
        "zoe",
        "/staff",
    ),
}


def values_of(name: str, folder: Path) -> Path:
    """Write the values of an example into a file."""
    (text,) = re.findall(rf"```yaml\n# {re.escape(name)}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump({"publicURL": PUBLIC_URL} | yaml.safe_load(text)))
    return file


def settings_of(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> SignOnSettings:
    """Return the portal's settings of an example, as the chart gives them, without the key of the chart's proxy."""
    for variable, value in render(values=values_of(name, folder)).environment("studio-portal").items():
        if variable.startswith(VARIABLE) and not variable.endswith("_FILE"):
            monkeypatch.setenv(variable, "guacadmin" if variable.endswith("ADMINISTRATOR") else str(value))
    return SignOnSettings()


@pytest.mark.parametrize("name", SENT)
async def test_the_portal_knows_the_person_whom_the_proxy_names(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, headers, owner, called, group = SENT[name]
    sign_on = settings_of(name, tmp_path, monkeypatch).model_copy(update={"admin_groups": (group,)})
    portal = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path), sign_on=sign_on, peer=peer)
    browser: Browser = portal.browser()
    browser.headers.update(httpx.Headers(headers, encoding="utf-8"))
    page = await browser.get("/")
    assert called in page.text
    assert "Administrator" in page.text
    assert "Sign out" in page.text
    assert (await browser.get("/internal/person")).headers["x-person"] == owner
    portal.peer = "192.0.2.7"
    assert (await portal.browser().get("/", headers=browser.headers)).status_code == 401
    await portal.close()


@pytest.mark.parametrize("name", SENT)
def test_the_proxys_limits_know_the_browser_behind_the_proxy(name: str, tmp_path: Path) -> None:
    """Otherwise all people are one address."""
    chart = render(values=values_of(name, tmp_path))
    trusted = chart.environment("studio-portal")[VARIABLE + "TRUSTED_PROXIES"]
    assert chart.environment("studio-proxy")["TRUSTED_PROXIES"] == trusted


def test_the_example_of_openid_connect_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("OpenID Connect", tmp_path, monkeypatch)
    assert settings.openid_issuer == "https://id.example.org/realms/studio"
    assert settings.openid_scopes.split() == ["openid", "profile", "email", "groups"]
