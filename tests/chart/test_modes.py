"""What each way to run Guacamole installs, and how its parts find each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blendersessions.model.network import NetworkPeers
from blendersessions_operator.settings import Settings
from chart.rendering import EVERYTHING, NAMESPACE, ROOT, RefusedError, render

EXTERNAL = (
    "guacamole.mode=external",
    "guacamole.external.url=http://guacamole.example.org/guacamole/",
    "guacamole.admin.existingSecret=our-admin",
)


def test_apache_brings_guacamole_guacd_and_a_database() -> None:
    chart = render()
    assert chart.names("Deployment") == {
        "studio-operator",
        "studio-portal",
        "studio-proxy",
        "studio-guacamole",
        "studio-guacd",
    }
    assert chart.names("StatefulSet") == {"studio-postgresql"}
    assert chart.names("Service") == {
        "studio-portal",
        "studio-proxy",
        "studio-guacamole",
        "studio-guacd",
        "studio-postgresql",
    }
    assert {secret["name"]: secret for secret in chart.setup()["secrets"]} == {
        "studio-guacamole-admin": {
            "name": "studio-guacamole-admin",
            "values": {"username": "guacadmin"},
            "random": {"password": 32},
        },
        "studio-postgresql": {"name": "studio-postgresql", "random": {"password": 32}},
        "studio-portal": {"name": "studio-portal", "random": {"key": 64}},
    }
    assert not chart.names("Secret"), "a rendered password would be another one in each rendering"
    assert chart.get("Deployment", "studio-guacamole", "spec", "template", "spec", "containers", 0, "image") == (
        "guacamole/guacamole:1.6.0"
    )
    environment = chart.environment("studio-guacamole")
    assert environment["GUACD_HOSTNAME"] == "studio-guacd"
    assert environment["POSTGRESQL_HOSTNAME"] == "studio-postgresql"
    assert environment["POSTGRESQL_PASSWORD"] == "studio-postgresql/password"


def test_the_stand_in_comes_without_a_database() -> None:
    chart = render(
        "guacamole.mode=standin",
        "images.guacamole.repository=blender-sessions/guacamole-standin",
        "images.guacamole.tag=dev",
    )
    assert not chart.names("StatefulSet")
    assert {secret["name"] for secret in chart.setup()["secrets"]} == {"studio-guacamole-admin", "studio-portal"}
    assert chart.get("Deployment", "studio-guacamole", "spec", "template", "spec", "containers", 0, "image") == (
        "blender-sessions/guacamole-standin:dev"
    )
    assert chart.environment("studio-guacamole") == {
        "STANDIN_GUACD_HOST": "studio-guacd",
        "STANDIN_GUACD_PORT": "4822",
        "STANDIN_ADMIN_USERNAME": "studio-guacamole-admin/username",
        "STANDIN_ADMIN_PASSWORD_FILE": "/run/secrets/guacamole/password",
        "STANDIN_DATABASE": "/data/standin.sqlite",
        "STANDIN_PORT": "8080",
    }


def test_an_external_guacamole_brings_nothing_of_its_own() -> None:
    chart = render(*EXTERNAL)
    assert chart.names("Deployment") == {"studio-operator", "studio-portal", "studio-proxy"}
    assert {secret["name"] for secret in chart.setup()["secrets"]} == {"studio-portal"}
    operator = chart.environment("studio-operator")
    assert operator["BLENDERSESSIONS_GUACAMOLE_URL"] == "http://guacamole.example.org/guacamole/"
    assert operator["BLENDERSESSIONS_GUACAMOLE_USERNAME"] == "our-admin/username"
    assert chart.environment("studio-proxy")["GUACAMOLE_UPSTREAM"] == "guacamole.example.org:80"


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ((), f"studio-guacd.{NAMESPACE}.svc:4822"),
        (("guacamole.mode=standin",), f"studio-guacd.{NAMESPACE}.svc:4822"),
        (EXTERNAL, ""),
        ((*EXTERNAL, "guacamole.external.guacdAddress=[fd00::1]:4822"), "[fd00::1]:4822"),
    ],
)
def test_the_operator_checks_the_guacd_that_is_known(options: tuple[str, ...], address: str) -> None:
    environment = render(*options, "operator.guacdSeconds=20").environment("studio-operator")
    assert environment["BLENDERSESSIONS_GUACD_ADDRESS"] == address
    assert environment["BLENDERSESSIONS_GUACD_SECONDS"] == "20"


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("studio-operator", "BLENDERSESSIONS_GUACAMOLE_CA_FILE"),
        ("studio-portal", "BLENDERSESSIONS_PORTAL_GUACAMOLE_CA_FILE"),
    ],
)
def test_whoever_calls_an_external_guacamole_knows_its_authority(name: str, variable: str) -> None:
    chart = render(*EXTERNAL, "guacamole.external.caConfigMap=our-ca")
    assert chart.environment(name)[variable] == "/run/guacamole-ca/ca.crt"
    pod: Any = chart.pods()[name]
    assert {"name": "guacamole-ca", "configMap": {"name": "our-ca"}} in pod["volumes"]
    mount = {"name": "guacamole-ca", "mountPath": "/run/guacamole-ca", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]
    without = render(*EXTERNAL)
    assert variable not in without.environment(name)
    assert "guacamole-ca" not in str(without.pods()[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("guacamole.mode=external", "guacamole.external.url=http://guacamole.example.org/guacamole/"),
            "guacamole.admin.existingSecret is required with guacamole.mode=external",
        ),
        (
            ("guacamole.mode=external", "guacamole.admin.existingSecret=our-admin"),
            "guacamole.external.url is required with guacamole.mode=external",
        ),
        (
            (*EXTERNAL, "guacamole.external.url=https://guacamole.example.org/guacamole/"),
            "set proxy.enabled=false",
        ),
        ((*EXTERNAL, "guacamole.external.url=http://guacamole.example.org/desk/"), "must end in /guacamole/"),
        (("guacamole.mode=docker",), "'apache', 'external', 'standin'"),
    ],
)
def test_a_mode_that_cannot_work_is_refused(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        render(*options)
    assert message in str(refusal.value).replace('"', "'")


def test_the_operator_gets_the_settings_of_the_interface() -> None:
    environment = render().environment("studio-operator")
    peers: Any = json.loads(str(environment.pop("BLENDERSESSIONS_NETWORK_PEERS")))
    assert NetworkPeers().model_dump(by_alias=True, mode="json") == {
        **peers,
        "vncFrom": [],
        "agentFrom": [],
        "portalFrom": [],
        "portalNamespace": "",
    }
    assert environment == {
        "BLENDERSESSIONS_GUACAMOLE_URL": "http://studio-guacamole.studio-system.svc:8080/guacamole/",
        "BLENDERSESSIONS_GUACAMOLE_USERNAME": "studio-guacamole-admin/username",
        "BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE": "/run/secrets/guacamole/password",
        "BLENDERSESSIONS_GUACAMOLE_GROUP": "blender-sessions",
        "BLENDERSESSIONS_GUACAMOLE_USERS_CREATE": "WhenMissing",
        "BLENDERSESSIONS_GUACAMOLE_USERS_PER_NAMESPACE": "2000",
        "BLENDERSESSIONS_INSTALLATION_ID": "",
        "BLENDERSESSIONS_RELEASE": "studio",
        "BLENDERSESSIONS_PUBLIC_URL": "https://blender.example.org/",
        "BLENDERSESSIONS_BLENDER_IMAGE": "blender-sessions/blender:0.1.0",
        "BLENDERSESSIONS_BLENDER_IMAGE_PULL_POLICY": "IfNotPresent",
        "BLENDERSESSIONS_FIXED_USERS": "true",
        "BLENDERSESSIONS_NAMESPACES": "blender-desktops",
        "BLENDERSESSIONS_FETCH_NETWORKS": "",
        "BLENDERSESSIONS_NETWORK_POLICIES": "Apply",
        "BLENDERSESSIONS_HEALTH_PORT": "8080",
        "BLENDERSESSIONS_METRICS_PORT": "8081",
        "BLENDERSESSIONS_LOG_LEVEL": "INFO",
        "BLENDERSESSIONS_RESYNC_SECONDS": "60",
        "BLENDERSESSIONS_ACTIVITY_SECONDS": "15",
        "BLENDERSESSIONS_WORKERS": "24",
        "BLENDERSESSIONS_SWEEP": "Remove",
        "BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "120",
        "BLENDERSESSIONS_GUACD_ADDRESS": f"studio-guacd.{NAMESPACE}.svc:4822",
        "BLENDERSESSIONS_GUACD_SECONDS": "15",
        "BLENDERSESSIONS_LEASE": "kube-system/blender-sessions",
        "BLENDERSESSIONS_LEASE_SECONDS": "10",
        "BLENDERSESSIONS_POD_NAME": "metadata.name",
        "BLENDERSESSIONS_POD_NAMESPACE": "metadata.namespace",
    }


def test_every_operator_setting_is_documented_with_the_charts_default() -> None:
    page = (ROOT / "docs" / "interfaces.md").read_text()
    # Only what is served differs: by itself an operator serves all namespaces.
    given = render("operator.clusterWide=true").environment("studio-operator")
    for name, field in Settings.model_fields.items():
        assert f"`{name.upper()}`" in page, f"docs/interfaces.md does not tell of {name}"
        value = given.get(f"BLENDERSESSIONS_{name.upper()}")
        # What names something in the cluster has no default outside of one.
        is_name = name == "release" or bool({".", "/"} & set(str(value)))
        if value is not None and not field.is_required() and not is_name:
            default = str(field.default).removesuffix(".0")
            assert (default.lower() if isinstance(field.default, bool) else default) == value


def test_the_metrics_are_served_and_found_if_one_wants() -> None:
    chart = render("operator.metrics.podMonitor.enabled=true", "operator.metrics.podMonitor.labels.release=prometheus")
    monitor: Any = chart.get("PodMonitor", "studio-operator")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["podMetricsEndpoints"] == [{"port": "metrics"}]
    ports: Any = chart.get("Deployment", "studio-operator", "spec", "template", "spec", "containers", 0, "ports")
    assert {"name": "metrics", "containerPort": 8081} in ports
    off = render("operator.metrics.enabled=false", "operator.metrics.podMonitor.enabled=true")
    assert not off.names("PodMonitor")
    assert off.environment("studio-operator")["BLENDERSESSIONS_METRICS_PORT"] == "0"


def test_the_portal_and_the_proxy_get_the_settings_of_the_interface() -> None:
    chart = render("sessionNamespace=desktops")
    assert chart.environment("studio-portal") == {
        "BLENDERSESSIONS_PORTAL_NAMESPACE": "desktops",
        "BLENDERSESSIONS_PORTAL_PUBLIC_URL": "https://blender.example.org/",
        "BLENDERSESSIONS_PORTAL_GUACAMOLE_URL": "http://studio-guacamole.studio-system.svc:8080/guacamole/",
        "BLENDERSESSIONS_PORTAL_COOKIE_KEY_FILE": "/run/secrets/portal/key",
        "BLENDERSESSIONS_PORTAL_LOG_LEVEL": "INFO",
        "BLENDERSESSIONS_PORTAL_MAX_SESSIONS": "3",
        "BLENDERSESSIONS_PORTAL_MAX_SESSIONS_OF_ALL": "60",
        "BLENDERSESSIONS_PORTAL_PORT": "8000",
    }
    assert chart.environment("studio-proxy") == {
        "GUACAMOLE_UPSTREAM": "studio-guacamole.studio-system.svc:8080",
        "PORTAL_UPSTREAM": "studio-portal.studio-system.svc:8000",
        "REQUESTS_PER_SECOND": "5",
        "BURST": "60",
        "CONNECTIONS": "400",
        "HSTS_SECONDS": "0",
    }


def test_a_drain_stops_no_more_pods_than_the_budgets_allow() -> None:
    chart = render(values=EVERYTHING)
    # That of several operators is of another form: tests/chart/test_lease.py.
    names = chart.names("PodDisruptionBudget") - {"studio-operator"}
    budgets = {name: chart.get("PodDisruptionBudget", name, "spec") for name in names}
    assert {name: spec["maxUnavailable"] for name, spec in budgets.items()} == {  # type: ignore[index]
        "studio-proxy": 1,
        "studio-portal": 1,
        "studio-guacamole": 0,
        "studio-guacd": 0,
    }
    for name, spec in budgets.items():
        assert spec["selector"] == chart.get("Deployment", name, "spec", "selector")  # type: ignore[index]
    assert not render().names("PodDisruptionBudget")
    assert not render(*EXTERNAL, "podDisruptionBudgets.guacd=0").names("PodDisruptionBudget")


def test_a_node_port_is_set_by_value() -> None:
    chart = render("proxy.service.type=NodePort", "proxy.service.nodePort=30080")
    assert chart.get("Service", "studio-proxy", "spec", "type") == "NodePort"
    assert chart.get("Service", "studio-proxy", "spec", "ports", 0, "nodePort") == 30080
    assert "nodePort" not in str(render().get("Service", "studio-proxy"))


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_the_proxy_sees_the_addresses_of_browsers(kind: str) -> None:
    """Guacamole bans addresses, and the proxy limits them: with one address for all, one person shuts everybody out."""
    option = f"proxy.service.type={kind}"
    assert render(option).get("Service", "studio-proxy", "spec", "externalTrafficPolicy") == "Local"
    other = render(option, "proxy.service.externalTrafficPolicy=Cluster")
    assert other.get("Service", "studio-proxy", "spec", "externalTrafficPolicy") == "Cluster"
    assert "externalTrafficPolicy" not in str(render().get("Service", "studio-proxy"))


def test_the_limits_of_an_address_are_values() -> None:
    environment = render(values=EVERYTHING).environment("studio-proxy")
    names = ("REQUESTS_PER_SECOND", "BURST", "CONNECTIONS", "HSTS_SECONDS")
    assert [environment[name] for name in names] == ["50", "600", "4000", "31536000"]


def test_the_ingress_takes_its_host_from_the_public_url() -> None:
    chart = render("proxy.ingress.enabled=true")
    assert chart.get("Ingress", "studio-proxy", "spec", "rules", 0, "host") == "blender.example.org"
    assert not render().names("Ingress")


def test_without_the_portal_nothing_of_it_is_left() -> None:
    chart = render("portal.enabled=false")
    assert not [key for key in chart.by_id if "portal" in key[1]]
    assert chart.names("Namespace") == {"blender-desktops"}


@pytest.mark.parametrize(
    "options",
    [
        ("portal.enabled=false", "operator.namespaces={studio}"),
        ("portal.enabled=false", "operator.clusterWide=true"),
        ("portal.enabled=false", f"sessionNamespace={NAMESPACE}"),
    ],
)
def test_a_session_namespace_that_nobody_needs_is_not_made(options: tuple[str, ...]) -> None:
    assert not render(*options).names("Namespace")


def test_the_pull_secrets_of_the_chart_reach_desktops_too() -> None:
    name = "BLENDERSESSIONS_IMAGE_PULL_SECRETS"
    assert name not in render().environment("studio-operator")
    given = render("images.pullSecrets={registry,mirror}")
    assert given.environment("studio-operator")[name] == "registry,mirror"
