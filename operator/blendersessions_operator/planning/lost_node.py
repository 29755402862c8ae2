"""Recognise a desktop whose node does not answer, by what stands on the pod, and what may be done then.

The operator needs no right on nodes. docs/decisions/0007-a-node-that-is-gone.md has the reasons.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason
from blendersessions.model.fields import moment
from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.last_termination import recording
from blendersessions_operator.planning.observed import Observed, own_pod
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.suspend import Stages

OVERDUE_TIME: Final = timedelta(seconds=30)
"""A node that answers removes a pod within this time from the end of its grace period."""


def is_lost(pod: Manifest, now: datetime) -> bool:
    """Return whether the pod's node does not answer: Kubernetes says so, or the pod's end is overdue there."""
    if podstate.has_ended(pod) or not podstate.node_name(pod):
        return False
    due = _due_at(pod)
    if due is None or podstate.is_cut_off(pod):
        return podstate.is_cut_off(pod)
    # A container that is reported as ended has a kubelet that answers. Then somebody's finalizer keeps the pod.
    return now >= due and "terminated" not in (podstate.container(pod).get("state") or {})


def explain_lost(pod: Manifest, now: datetime) -> Explanation | None:
    """Return what is wrong with the pod's node and the way out; None if it answers, as far as the pod shows."""
    if not is_lost(pod, now):
        return None
    node = podstate.node_name(pod)
    taint = f"kubectl taint nodes {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
    if not pod["metadata"].get("deletionTimestamp"):
        hope = "The desktop goes on if the node is back within some minutes; then Kubernetes gives it up."
    elif podstate.is_cut_off(pod):
        hope = ""
    else:
        hope = "The former desktop should have ended there, and has not."
    elsewhere = (
        "The desktop starts elsewhere once the node is back, or an administrator says that it is out of service: "
        f"{taint}"
        if podstate.claims(pod) or not podstate.is_cut_off(pod)
        else "Then it starts elsewhere by itself."
    )
    return Explanation(Reason.NODE_LOST, " ".join(filter(None, (f"The node {node} does not answer.", hope, elsewhere))))


def plan_lost_pod(session: Session, observed: Observed) -> Stages:
    """Remove the object of a pod on a lost node, if it mounts no volume that could be written twice.

    With a volume only Kubernetes may do that, once an administrator says that the node is out of service.
    """
    pod = own_pod(session, observed)
    if pod is None or Area.DESKTOP in observed.failures or podstate.claims(pod) or not podstate.node_name(pod):
        return ()
    due = _due_at(pod)
    if due is None or observed.now < due or not podstate.is_cut_off(pod):
        return ()
    delete = steps.DeleteObject(ref_of({"kind": "Pod"} | pod), pod["metadata"]["uid"], grace_seconds=0)
    return (*recording(session, observed), (delete,))


def time_to_overdue(session: Session, observed: Observed) -> timedelta | None:
    """Return the time after which the end of the session's pod is overdue; None if it is not ending, or is overdue."""
    pod = own_pod(session, observed)
    due = _due_at(pod) if pod is not None else None
    return due - observed.now if due is not None and due > observed.now else None


def _due_at(pod: Manifest) -> datetime | None:
    """Return when the pod must be gone; None if it is not being deleted. Its deletion time includes the grace.

    A node that Kubernetes has given up gets no further time.
    """
    deleted = moment(pod["metadata"].get("deletionTimestamp"))
    if deleted is None or podstate.is_cut_off(pod):
        return deleted
    return deleted + OVERDUE_TIME
