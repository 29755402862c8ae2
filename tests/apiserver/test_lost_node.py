"""A node that does not answer: the session names it and the way out, and starts elsewhere when Kubernetes lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiserver.installation import desktop_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation, Object

TAINT = "kubectl taint nodes node-7 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


def pod_path(installation: Installation, session: Object) -> str:
    return f"api/v1/namespaces/{installation.namespace}/pods/{desktop_name(session)}"


def lose_node(installation: Installation, session: Object) -> str:
    """Bind the session's pod to a node, and report what Kubernetes reports when that does not answer any more.

    Returns:
        The pod's UID.
    """
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": desktop_name(session)},
        "target": {"kind": "Node", "name": "node-7"},
    }
    installation.api.request("POST", f"{pod_path(installation, session)}/binding", binding)
    marks = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]
    entry = {"name": "blender", "image": "i", "imageID": "i", "ready": True, "restartCount": 0}
    report = [entry | {"state": {"running": {}}}]
    installation.set_pod_status(desktop_name(session), {"conditions": marks, "containerStatuses": report})
    return uid_of_pod(installation, session)


def uid_of_pod(installation: Installation, session: Object) -> str:
    pod = installation.child("pods", desktop_name(session))
    return str(pod["metadata"]["uid"]) if pod is not None else ""


def delete_pod(installation: Installation, session: Object, grace: int) -> None:
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace}
    installation.api.request("DELETE", pod_path(installation, session), options)


def test_with_a_volume_it_waits_names_the_way_out_and_starts_when_kubernetes_gives_the_pod_up(
    installation: Installation,
) -> None:
    # No agent answers here, so the deletion at the end must not wait long for a save.
    installation.create_class("patient", saving={"waitForWork": "1s"})
    installation.create_claim("shared", "*")
    installation.run_pod(installation.create(className="patient", workspace={"claimName": "shared"}))
    session = installation.until_ready()
    uid = lose_node(installation, session)
    condition = installation.until_reason("Ready", "NodeLost")
    assert "The node node-7 does not answer." in condition["message"]
    assert TAINT in condition["message"]
    assert installation.condition("DesktopReady")["reason"] == "NodeLost"
    assert "clientURL" not in installation.status()
    delete_pod(installation, session, 1)
    until("it is the last end", lambda: installation.status().get("lastTermination", {}).get("reason") == "NodeLost")
    installation.patch_class("patient", {"startDeadline": "1s"})
    stalled = installation.until_reason("Stalled", "StartDeadlineExceeded")
    assert "Not ready again within 1s" in stalled["message"]
    assert TAINT in stalled["message"]
    assert uid_of_pod(installation, session) == uid, "two desktops on one volume must never be"
    # As the pod garbage collector does once the node has the taint.
    delete_pod(installation, session, 0)
    until("another pod is made", lambda: uid_of_pod(installation, session) not in ("", uid))
    installation.run_pod(session)
    installation.until_ready()
    assert installation.condition("Stalled")["status"] == "False"
    installation.delete_child("persistentvolumeclaims", "shared")


def test_without_a_volume_it_starts_elsewhere_by_itself(installation: Installation) -> None:
    session = installation.ready()
    uid = lose_node(installation, session)
    condition = installation.until_reason("Ready", "NodeLost")
    assert "node-7" in condition["message"]
    assert uid_of_pod(installation, session) == uid, "Kubernetes has not given it up yet"
    delete_pod(installation, session, 1)
    until("another pod is made", lambda: uid_of_pod(installation, session) not in ("", uid))
    assert installation.status()["lastTermination"]["reason"] == "NodeLost"
    installation.run_pod(session)
    installation.until_ready()
