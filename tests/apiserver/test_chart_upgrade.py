"""Helm installs, upgrades and removes the chart on a real API server, and nobody's password changes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.rights import kubeconfig_of
from chart.rendering import CHART, PUBLIC_URL, ROOT, RefusedError, helm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


@pytest.fixture
def release(api: Api, namespace: str, session_namespace: str, tmp_path: Path) -> Release:
    """The release, not installed yet."""
    return Release(api, namespace, session_namespace, tmp_path)


class Release:
    """A release, and its Job, which the test runs in the place of a kubelet: with the same command and rights."""

    def __init__(self, api: Api, namespace: str, session_namespace: str, folder: Path) -> None:
        self._api = api
        self._namespace = namespace
        self._session_namespace = session_namespace
        self._folder = folder

    def install(self, *options: str) -> str:
        """Install the release, run its Job, and return what the Job says."""
        run(self._api, self._namespace, self._session_namespace, "install", *options)
        return self.run_job()

    def upgrade(self, *options: str) -> str:
        """Upgrade the release, run its Job, and return what the Job says."""
        run(self._api, self._namespace, self._session_namespace, "upgrade", *options)
        return self.run_job()

    def uninstall(self) -> None:
        """Uninstall the release."""
        helm("uninstall", RELEASE, "--namespace", self._namespace, f"--kubeconfig={self._api.kubeconfig}")

    def run_job(self) -> str:
        """Run the Job of the release."""
        listed: Any = self._api.request("GET", f"apis/batch/v1/namespaces/{self._namespace}/jobs")["items"]
        (job,) = listed
        spec = job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        python, *arguments = container["command"]
        assert python == "python"
        config = kubeconfig_of(self._api, spec["serviceAccountName"], self._folder, self._namespace)
        variables = {each["name"]: each["value"] for each in container["env"]}
        result = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ
            | variables
            | {"KUBECONFIG": str(config), "PYTHONPATH": f"{ROOT / 'lib'}:{ROOT / 'operator'}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert result.returncode == 0, result.stderr
        return result.stderr


def test_passwords_outlive_upgrades_and_the_release(api: Api, namespace: str, release: Release) -> None:
    release.install()
    first = secrets(api, namespace)
    assert first.keys() == set(SECRETS)

    release.upgrade("--set", "proxy.replicas=2")
    assert secrets(api, namespace) == first
    deployment = api.request("GET", f"apis/apps/v1/namespaces/{namespace}/deployments/{RELEASE}-proxy")
    assert deployment["spec"]["replicas"] == 2  # type: ignore[index]

    release.uninstall()
    assert secrets(api, namespace) == first, "the database's volume and the browsers' cookies outlive the release too"
    release.install()
    assert secrets(api, namespace) == first


def test_passwords_that_helm_would_delete_are_not_lost(api: Api, namespace: str, release: Release) -> None:
    """Helm made the Secrets itself in older releases, and deletes what the chart does not have any more."""
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    old = {"metadata": {"name": f"{RELEASE}-portal", "labels": labels}, "data": {"key": "b2xk"}}
    address = f"api/v1/namespaces/{namespace}/secrets"
    api.request("POST", address, old)
    with pytest.raises(RefusedError, match=f"annotate secret {RELEASE}-portal helm.sh/resource-policy=keep"):
        release.install()
    kept = {"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}}
    api.request("PATCH", f"{address}/{RELEASE}-portal", kept, "application/merge-patch+json")
    release.install()
    assert secrets(api, namespace)["portal"] == {"key": "b2xk"}


def test_a_namespace_that_somebody_made_is_used_as_it_is(api: Api, namespace: str, session_namespace: str) -> None:
    api.request("POST", "api/v1/namespaces", {"metadata": {"name": session_namespace, "labels": {"team": "studio"}}})
    run(api, namespace, session_namespace, "install")
    run(api, namespace, session_namespace, "upgrade")
    found = api.request("GET", f"api/v1/namespaces/{session_namespace}")
    assert found["metadata"]["labels"] == {  # type: ignore[index]
        "kubernetes.io/metadata.name": session_namespace,
        "team": "studio",
    }


def test_classes_come_with_the_first_install_change_and_go(api: Api, session_namespace: str, release: Release) -> None:
    release.install()
    address = f"apis/blendersessions.io/v1alpha1/namespaces/{session_namespace}/blendersessionclasses"
    found: Any = api.request("GET", f"{address}/default")
    assert found["spec"]["lifetime"] == {"idleAfter": "1h", "maxAge": "12h", "onExpiry": "Auto"}

    of_somebody = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSessionClass", "spec": {}}
    api.request("POST", address, of_somebody | {"metadata": {"name": "theirs"}})
    options = (
        "sessionClasses[0].name=large",
        "sessionClasses[0].spec.limits.sessions=2",
        "sessionClasses[1].name=theirs",
    )
    said = release.upgrade(*(part for option in options for part in ("--set", option)))
    listed: Any = api.request("GET", address)["items"]
    assert {each["metadata"]["name"]: each["spec"].get("limits") for each in listed} == {
        "large": {"sessions": 2},
        "theirs": None,
    }
    assert f"BlenderSessionClass {session_namespace}/theirs was made by somebody else, and stays as it is." in said
