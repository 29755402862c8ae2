"""When the object goes, everything goes, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.desktop import manifest
from e2e.kubectl import CHILDREN, MANAGED, TIMEOUT
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.desktop import Desktop
    from e2e.guacamole import Guacamole
    from e2e.kubectl import Kubectl


def test_nothing_is_left_after_deletion(
    started: Callable[..., Desktop], kubectl: Kubectl, guacamole: Guacamole
) -> None:
    users = guacamole.names("users", "username")
    desktop = started("gone", sample="shopping_cart.blend", owner="e2e-leaver")
    name = desktop.name
    assert name in guacamole.connections()
    assert "e2e-leaver" in guacamole.names("users", "username")

    kubectl.run("delete", "blendersession", "gone", TIMEOUT)

    assert name not in guacamole.connections()
    assert guacamole.names("users", "username") == users
    until("no child is left", lambda: not kubectl.names(CHILDREN, MANAGED))


def test_a_session_deleted_while_it_starts_leaves_nothing(kubectl: Kubectl, guacamole: Guacamole) -> None:
    connections = guacamole.connections()
    kubectl.apply(manifest("short", sample="shopping_cart.blend"))
    kubectl.run("delete", "blendersession", "short", TIMEOUT)

    until("no child is left", lambda: not kubectl.names(CHILDREN, MANAGED))
    assert guacamole.connections() == connections


def test_a_pod_deleted_by_hand_comes_back(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    desktop = started("healed", sample="shopping_cart.blend")
    before = kubectl.get("pod", desktop.name)["metadata"]["uid"]
    kubectl.run("delete", "pod", desktop.name, TIMEOUT)

    def again() -> bool:
        pods = kubectl.names("pods", MANAGED)
        return bool(pods) and kubectl.get("pod", desktop.name)["metadata"]["uid"] != before

    until("another pod is there", again)
    kubectl.run("wait", "--for=condition=Ready", "blendersession/healed", TIMEOUT)


def test_an_unknown_sample_is_reported_with_the_known_ones(kubectl: Kubectl) -> None:
    kubectl.apply(manifest("unknown", sample="teapot.blend"))
    kubectl.run("wait", "--for=condition=Stalled", "blendersession/unknown", TIMEOUT)

    conditions = {c["type"]: c for c in kubectl.get("blendersession", "unknown")["status"]["conditions"]}
    assert conditions["SceneReady"]["reason"] == "SceneNotFound"
    assert "shopping_cart.blend" in conditions["SceneReady"]["message"]
