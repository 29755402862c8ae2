"""A deletion saves to what is kept, and stops the pod, whatever else holds the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.fake_agent import FakeAgent, started
from apiserver.installation import desktop_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation, Object

KEPT = {"size": "1Gi", "reclaimPolicy": "Retain"}
FOREIGN = "example.org/holds"


def hold_pod(installation: Installation, session: Object, finalizers: list[str] | None) -> None:
    """Let a pod end slowly, as a container that saves does, or let it go."""
    path = f"api/v1/namespaces/{installation.namespace}/pods/{desktop_name(session)}"
    installation.api.request("PATCH", path, {"metadata": {"finalizers": finalizers}}, "application/merge-patch+json")


def until_stopping(installation: Installation, session: Object) -> None:
    until(
        "the pod is asked to stop",
        lambda: (installation.child("pods", desktop_name(session)) or {})["metadata"].get("deletionTimestamp"),
    )


def test_without_guacamole_the_desktop_saves_and_its_pod_goes(installation: Installation, agent: FakeAgent) -> None:
    session = started(installation, agent, workspace=KEPT)
    name = desktop_name(session)
    installation.tcp_proxy.cut()
    installation.delete()
    until("the pod is gone", lambda: installation.child("pods", name) is None)
    assert agent.saved == 1
    installation.until_reason("ConnectionReady", "GuacamoleUnavailable")
    assert installation.guacamole.named(name), "the connection is not removed yet"
    installation.tcp_proxy.restore()
    installation.until_gone()
    installation.delete_child("persistentvolumeclaims", name)


def test_a_save_that_fails_is_reported_while_the_deletion_waits(installation: Installation, agent: FakeAgent) -> None:
    agent.save_answer = (507, {"message": "The workspace is full."})
    session = started(installation, agent, workspace=KEPT)
    installation.delete()
    condition = installation.until_reason("DesktopReady", "SaveFailed")
    assert "The workspace is full." in condition["message"]
    until("an Event reports it", lambda: "SaveFailed" in [reason for _, reason, _ in installation.events()])
    assert installation.child("pods", desktop_name(session)) is not None
    agent.save_answer = (200, {"file": "/home/blender/cart.blend"})
    installation.until_gone()
    installation.delete_child("persistentvolumeclaims", desktop_name(session))


def test_another_finalizer_keeps_the_session_and_neither_its_pod_nor_its_readiness(
    installation: Installation, agent: FakeAgent
) -> None:
    session = started(installation, agent)
    installation.patch("cart", {"metadata": {"finalizers": [FOREIGN, *session["metadata"]["finalizers"]]}})
    installation.delete()
    until("the pod is gone", lambda: installation.child("pods", desktop_name(session)) is None)
    installation.until_reason("Ready", "Terminating")
    until(
        "ours is gone",
        lambda: (installation.session() or {})["metadata"]["finalizers"] == [FOREIGN],
    )
    until("no readiness is left", lambda: installation.condition("DesktopReady")["status"] == "False")
    assert installation.status()["phase"] == "Terminating"
    assert "clientURL" not in installation.status()
    assert installation.condition("SceneReady")["status"] == "False"
    installation.patch("cart", {"metadata": {"finalizers": None}})
    installation.until_gone()


@pytest.mark.parametrize("finalizers", [[], [FOREIGN]], ids=["gone", "held"])
def test_a_pod_that_still_ends_counts_for_the_limits(
    installation: Installation, agent: FakeAgent, finalizers: list[str]
) -> None:
    installation.create_class(f"one-{len(finalizers)}", limits={"sessions": 1})
    first = started(installation, agent, className=f"one-{len(finalizers)}")
    installation.patch("cart", {"metadata": {"finalizers": [*finalizers, *first["metadata"]["finalizers"]]}})
    hold_pod(installation, first, [FOREIGN])
    second = installation.create("second", className=f"one-{len(finalizers)}")
    installation.until_reason("Ready", "Queued", "second")
    installation.delete()
    until_stopping(installation, first)
    until(
        "we are done with the session",
        lambda: (
            (installation.session() or {"metadata": {"finalizers": []}})["metadata"].get("finalizers") == finalizers
        ),
    )
    third = installation.ready("third")
    assert third["status"]["phase"] == "Ready", "the operator has worked on since"
    assert installation.condition("Ready", "second")["reason"] == "Queued"
    assert installation.child("pods", desktop_name(second)) is None
    hold_pod(installation, first, None)
    installation.run_pod(second)
    installation.until_ready("second")
    if finalizers:
        installation.patch("cart", {"metadata": {"finalizers": None}})
