"""A sign-on reaches the portal, the proxy and Guacamole together, or is refused before anything is installed."""

from __future__ import annotations

import json
import re

import pytest

from blendersessions_portal.sign_on_settings import OWN_HEADERS, PREFIX, SignOnSettings
from chart.rendering import EVERYTHING, ROOT, RefusedError, render

HEADER = ("signOn.mode=Header", "signOn.header.trustedProxies={10.42.0.0/16}")
VARIABLE = "BLENDERSESSIONS_PORTAL_SIGN_ON_"


def test_the_proxy_and_guacamole_share_a_header_that_nobody_knows() -> None:
    chart = render(*HEADER)
    secret, name = "studio-sign-on/guacamole", "X-Person-$(SIGN_ON_GUACAMOLE_KEY)"
    proxy, guacamole = chart.environment("studio-proxy"), chart.environment("studio-guacamole")
    assert proxy["SIGN_ON_GUACAMOLE_KEY"] == guacamole["SIGN_ON_GUACAMOLE_KEY"] == secret
    assert proxy["PERSON_HEADER"] == guacamole["HTTP_AUTH_HEADER"] == name
    assert (guacamole["HTTP_AUTH_ENABLED"], guacamole["EXTENSION_PRIORITY"]) == ("true", "header")
    assert proxy["SIGN_ON_KEY"] == "studio-sign-on/portal"
    (made,) = (each for each in chart.setup()["secrets"] if each["name"] == "studio-sign-on")
    assert made["random"] == {"guacamole": 32, "portal": 64}


def test_the_stand_in_gets_the_header_too() -> None:
    environment = render(*HEADER, "guacamole.mode=standin").environment("studio-guacamole")
    assert environment["STANDIN_PERSON_HEADER"] == "X-Person-$(SIGN_ON_GUACAMOLE_KEY)"


def test_guests_need_nothing_of_it() -> None:
    chart = render()
    assert "studio-sign-on" not in chart.text
    for name in ("studio-portal", "studio-proxy", "studio-guacamole"):
        assert not {key for key in chart.environment(name) if "SIGN_ON" in key or "AUTH" in key or "PERSON" in key}


def test_the_portal_understands_all_that_the_chart_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    given = render(values=EVERYTHING).environment("studio-portal")
    values = {name: str(value) for name, value in given.items() if name.startswith(VARIABLE)}
    files = {name for name in values if name.endswith("_FILE")}
    assert values[VARIABLE + "ADMINISTRATOR"] == "guacamole-root/username"
    for name, value in values.items():
        monkeypatch.setenv(name, __file__ if name in files else value)
    settings = SignOnSettings()
    assert {name.removeprefix(VARIABLE).lower() for name in values} <= set(SignOnSettings.model_fields)
    assert settings.mode == "Header"
    assert settings.user_header == "Remote-User"
    assert settings.fold_case
    assert settings.classes[1].classes == ("default",)
    assert settings.reserved_names == ("ops",)
    assert json.loads(values[VARIABLE + "ADMIN_GROUPS"]) == ["staff"]


def test_the_headers_of_the_sign_on_end_at_the_portal() -> None:
    options = ("signOn.header.user=Remote-User", "signOn.header.name=", "signOn.header.groups=Remote-Groups")
    assert render(*HEADER, *options).environment("studio-proxy")["SIGN_ON_HEADERS"] == "Remote-User,Remote-Groups"
    others = render(*HEADER, *options, "signOn.header.others={X-Proof,X-Mail}").environment("studio-proxy")
    assert others["SIGN_ON_HEADERS"] == "Remote-User,Remote-Groups,X-Proof,X-Mail"
    assert "SIGN_ON_HEADERS" not in render(*OPENID, ISSUER).environment("studio-proxy")


def test_tunnels_by_http_can_be_closed() -> None:
    assert render(*HEADER).environment("studio-proxy")["WEB_SOCKET_ONLY"] == "false"
    assert render(*HEADER, "signOn.webSocketOnly=true").environment("studio-proxy")["WEB_SOCKET_ONLY"] == "true"


def test_there_are_never_two_portals_that_know_sign_ons() -> None:
    assert render(*OPENID, ISSUER).get("Deployment", "studio-portal", "spec", "strategy") == {
        "type": "Recreate",
        "rollingUpdate": None,
    }


def test_the_chart_and_the_portal_refuse_the_same_headers() -> None:
    template = (ROOT / "helm" / "blender-sessions" / "templates" / "_sign-on.tpl").read_text()
    written = re.findall(r"\$written := list (.*) -", template)[0].split()
    assert {name.strip('"') for name in written} == OWN_HEADERS


ISSUER = "signOn.openID.issuer=https://id.example.org/"
OPENID = ("signOn.mode=OpenIDConnect", "signOn.openID.clientID=blender")


def test_the_provider_reaches_the_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = render("signOn.mode=OpenIDConnect", values=EVERYTHING)
    given = chart.environment("studio-portal")
    assert given[VARIABLE + "OPENID_CLIENT_SECRET_FILE"] == "/run/secrets/openid/client-secret"
    assert given[VARIABLE + "OPENID_CA_FILE"] == "/run/openid-ca/ca.crt"
    for name, value in given.items():
        if name.startswith(VARIABLE):
            monkeypatch.setenv(name, __file__ if name.endswith("_FILE") else str(value))
    settings = SignOnSettings()
    assert settings.openid_issuer == "https://id.example.org:8443/realms/studio"
    assert (settings.openid_user_claim, settings.openid_max_age_seconds) == ("preferred_username", 3600)
    pod = json.dumps(chart.pods()["studio-portal"])
    assert all(word in pod for word in ('"secretName": "openid-client"', '"name": "openid-ca"'))


@pytest.mark.parametrize(
    ("options", "port", "peers"),
    [
        (["signOn.openID.issuer=https://id.example.org/"], 443, None),
        (["signOn.openID.issuer=https://[2001:db8::7]:8443/"], 8443, None),
        (
            ["signOn.openID.issuer=https://id.example.org/", "networkPolicies.signOn.to[0].ipBlock.cidr=192.0.2.0/24"],
            443,
            [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
        ),
    ],
)
def test_the_portal_alone_may_reach_the_provider(options: list[str], port: int, peers: object) -> None:
    rule: dict[str, object] = {"ports": [{"protocol": "TCP", "port": port}]} | ({"to": peers} if peers else {})
    with_provider, without = render(*OPENID, *options), render(*HEADER)
    for name in without.names("NetworkPolicy"):
        egress = with_provider.get("NetworkPolicy", name, "spec", "egress")
        extra = [rule] if name == "studio-portal" else []
        assert egress == [*without.get("NetworkPolicy", name, "spec", "egress"), *extra]  # type: ignore[misc]


def test_every_setting_of_the_sign_on_is_documented() -> None:
    page = (ROOT / "docs" / "interfaces.md").read_text()
    for name in SignOnSettings.model_fields:
        assert f"`{PREFIX.removeprefix('BLENDERSESSIONS_PORTAL_')}{name.upper()}`" in page, name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["signOn.mode=Header"], "signOn.header.trustedProxies is required"),
        ([*HEADER, "portal.enabled=false"], "needs the portal"),
        ([*HEADER, "proxy.enabled=false"], "needs the chart's proxy"),
        ([*HEADER, "publicURL=https://example.org/blender/"], "host name of its own"),
        (
            [*OPENID, "signOn.openID.issuer=https://id.example.org", "publicURL=https://a.test/b/"],
            "host name of its own",
        ),
        ([*HEADER, "signOn.header.user=REMOTE_USER"], "user"),
        ([*HEADER, "signOn.header.user=Host"], "signOn.header.user is Host"),
        ([*HEADER, "signOn.header.user=X-Requested-With"], "signOn.header.user is X-Requested-With"),
        ([*HEADER, "signOn.header.others={Upgrade}"], "signOn.header.others has Upgrade"),
        ([*HEADER, "signOn.header.others={X Proof}"], "others"),
        ([*HEADER, "signOn.reservedNames={ ops}"], "reservedNames"),
        ([*HEADER, "signOn.header.groups=X-Forwarded-For"], "signOn.header.groups is X-Forwarded-For"),
        (["signOn.mode=header"], "mode"),
        ([*HEADER, "signOn.header.trustedProxies={oauth2-proxy}"], "trustedProxies"),
        ([*HEADER, "signOn.header.user=Remote User"], "user"),
        ([*HEADER, "signOn.header.user="], "user"),
        ([*HEADER, "signOn.header.signOutURL=//evil.example.org"], "signOutURL"),
        ([*HEADER, "signOn.classes[0].group=film"], "classes"),
        ([*HEADER, "signOn.misspelt=1"], "misspelt"),
        ([*OPENID], "signOn.openID.issuer and signOn.openID.clientID are required"),
        ([*OPENID, "signOn.openID.issuer=http://id.example.org"], "issuer"),
        ([*OPENID, "signOn.openID.issuer=https://id.example.org", "signOn.openID.scopes=profile"], "scopes"),
        ([*OPENID, "signOn.openID.issuer=https://id.example.org", "signOn.openID.maxAgeSeconds=1"], "maxAgeSeconds"),
    ],
)
def test_what_cannot_work_is_refused(options: list[str], words: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        render(*options)
    assert words in str(refusal.value)
