"""Helm installs, upgrades and removes the chart on a real API server, and nobody's password changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chart.rendering import CHART, PUBLIC_URL, helm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.api import Api

RELEASE = "upgraded"
# The CRD is the tests' own, and a release must not take it over.
OPTIONS = ("--set", f"publicURL={PUBLIC_URL}", "--set", "crds.enabled=false")
SECRETS = ("guacamole-admin", "portal", "postgresql")


@pytest.fixture
def session_namespace(api: Api, namespace: str) -> Iterator[str]:
    """A name for the chart to make a namespace of; the release is gone after the test."""
    yield f"{namespace}-desktops"
    helm("uninstall", RELEASE, "--namespace", namespace, "--ignore-not-found", f"--kubeconfig={api.kubeconfig}")


def secrets(api: Api, namespace: str) -> dict[str, object]:
    """The data of the chart's Secrets that are there."""
    listed: Any = api.request("GET", f"api/v1/namespaces/{namespace}/secrets")["items"]
    names = {f"{RELEASE}-{name}": name for name in SECRETS}
    return {names[s["metadata"]["name"]]: s["data"] for s in listed if s["metadata"]["name"] in names}


def run(api: Api, namespace: str, session_namespace: str, *command: str) -> None:
    options = (*OPTIONS, "--set", f"sessionNamespace={session_namespace}")
    helm(command[0], RELEASE, CHART, "--namespace", namespace, f"--kubeconfig={api.kubeconfig}", *options, *command[1:])


def test_passwords_outlive_upgrades_and_the_database_its_release(
    api: Api, namespace: str, session_namespace: str
) -> None:
    run(api, namespace, session_namespace, "install")
    first = secrets(api, namespace)
    assert first.keys() == set(SECRETS)

    run(api, namespace, session_namespace, "upgrade", "--set", "proxy.replicas=2")
    assert secrets(api, namespace) == first
    deployment = api.request("GET", f"apis/apps/v1/namespaces/{namespace}/deployments/{RELEASE}-proxy")
    assert deployment["spec"]["replicas"] == 2  # type: ignore[index]

    helm("uninstall", RELEASE, "--namespace", namespace, f"--kubeconfig={api.kubeconfig}")
    assert secrets(api, namespace) == {"postgresql": first["postgresql"]}
    assert api.request("GET", f"api/v1/namespaces/{session_namespace}")

    run(api, namespace, session_namespace, "install")
    again = secrets(api, namespace)
    assert again["postgresql"] == first["postgresql"]
    assert again["guacamole-admin"] != first["guacamole-admin"]


def test_a_namespace_that_somebody_made_is_used_as_it_is(api: Api, namespace: str, session_namespace: str) -> None:
    api.request("POST", "api/v1/namespaces", {"metadata": {"name": session_namespace, "labels": {"team": "studio"}}})
    run(api, namespace, session_namespace, "install")
    run(api, namespace, session_namespace, "upgrade")
    found = api.request("GET", f"api/v1/namespaces/{session_namespace}")
    assert found["metadata"]["labels"] == {  # type: ignore[index]
        "kubernetes.io/metadata.name": session_namespace,
        "team": "studio",
    }


def test_classes_come_change_and_go_with_the_release(api: Api, namespace: str, session_namespace: str) -> None:
    run(api, namespace, session_namespace, "install")
    address = f"apis/blendersessions.io/v1alpha1/namespaces/{session_namespace}/blendersessionclasses"
    for sessions in (2, 3):
        options = ("sessionClasses[0].name=default", f"sessionClasses[0].spec.limits.sessions={sessions}")
        run(api, namespace, session_namespace, "upgrade", *(part for option in options for part in ("--set", option)))
        limits: Any = api.request("GET", f"{address}/default")
        assert limits["spec"]["limits"] == {"sessions": sessions}
    run(api, namespace, session_namespace, "upgrade")
    assert api.request("GET", address)["items"] == []
