"""When the object goes, everything goes, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from blendersessions.model.desktop import connection_key
from e2e.desktop import Desktop, manifest
from e2e.kubectl import Kubectl
from localcluster import chart
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANAGED = "--selector=app.kubernetes.io/managed-by=blender-sessions"
CHILDREN = "pods,services,secrets"


class Guacamole:
    """Guacamole as its administrator sees it."""

    def __init__(self, url: str, login: dict[str, str]) -> None:
        self.url = f"{url}guacamole/api/"
        answer = requests.post(f"{self.url}tokens", data=login, timeout=DEADLINE_SECONDS)
        answer.raise_for_status()
        self.token, self.source = answer.json()["authToken"], answer.json()["dataSource"]

    def connections(self) -> set[str]:
        """List the keys of connections."""
        return set(map(connection_key, self.names("connections", "name")))

    def names(self, what: str, key: str) -> set[str]:
        """List the names of connections or users."""
        answer = requests.get(
            f"{self.url}session/data/{self.source}/{what}",
            headers={"Guacamole-Token": self.token},
            timeout=DEADLINE_SECONDS,
        )
        answer.raise_for_status()
        found: dict[str, dict[str, Any]] = answer.json()
        return {item[key] for item in found.values()}

    def sign_out(self) -> None:
        """Give the token back."""
        requests.delete(f"{self.url}tokens/{self.token}", timeout=DEADLINE_SECONDS)


@pytest.fixture
def guacamole(kubectl: Kubectl, public_url: str) -> Iterator[Guacamole]:
    own = Kubectl(kubectl.binary, kubectl.kubeconfig, chart.NAMESPACE)
    login = Desktop(own, "").secret(f"{chart.RELEASE}-guacamole-admin")
    guacamole = Guacamole(public_url, {key: login[key] for key in ("username", "password")})
    yield guacamole
    guacamole.sign_out()


def test_nothing_is_left_after_deletion(
    started: Callable[..., Desktop], kubectl: Kubectl, guacamole: Guacamole
) -> None:
    users = guacamole.names("users", "username")
    desktop = started("gone", sample="shopping_cart.blend", owner="e2e-leaver")
    name = desktop.name
    assert name in guacamole.connections()
    assert "e2e-leaver" in guacamole.names("users", "username")

    kubectl.run("delete", "blendersession", "gone", "--timeout=60s")

    assert name not in guacamole.connections()
    assert guacamole.names("users", "username") == users
    until("no child is left", lambda: not kubectl.names(CHILDREN, MANAGED))


def test_a_session_deleted_while_it_starts_leaves_nothing(kubectl: Kubectl, guacamole: Guacamole) -> None:
    connections = guacamole.connections()
    kubectl.apply(manifest("short", sample="shopping_cart.blend"))
    kubectl.run("delete", "blendersession", "short", "--timeout=60s")

    until("no child is left", lambda: not kubectl.names(CHILDREN, MANAGED))
    assert guacamole.connections() == connections


def test_a_pod_deleted_by_hand_comes_back(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    desktop = started("healed", sample="shopping_cart.blend")
    before = kubectl.get("pod", desktop.name)["metadata"]["uid"]
    kubectl.run("delete", "pod", desktop.name, "--timeout=60s")

    def again() -> bool:
        pods = kubectl.names("pods", MANAGED)
        return bool(pods) and kubectl.get("pod", desktop.name)["metadata"]["uid"] != before

    until("another pod is there", again)
    kubectl.run("wait", "--for=condition=Ready", "blendersession/healed", "--timeout=60s")


def test_an_unknown_sample_is_reported_with_the_known_ones(kubectl: Kubectl) -> None:
    kubectl.apply(manifest("unknown", sample="teapot.blend"))
    kubectl.run("wait", "--for=condition=Stalled", "blendersession/unknown", "--timeout=60s")

    conditions = {c["type"]: c for c in kubectl.get("blendersession", "unknown")["status"]["conditions"]}
    assert conditions["SceneReady"]["reason"] == "SceneNotFound"
    assert "shopping_cart.blend" in conditions["SceneReady"]["message"]
