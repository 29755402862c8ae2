"""What to do about the desktop: its Secret, Service and pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.manifest import covers, ref_of
from blendersessions.planning import steps
from blendersessions.planning.observed import Observed, granted_before, owned
from blendersessions.planning.podstate import is_over, scene_error
from blendersessions.resources.pod import pod
from blendersessions.resources.secret import AGENT_TOKEN, VNC_PASSWORD, decode, desktop_secret
from blendersessions.resources.service import service

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions.planning.steps import Step


def plan_desktop(session: Session, observed: Observed) -> list[Step]:
    """Decide about the desktop's objects. The pod waits for the Secret that it mounts."""
    todo: list[Step] = []
    if observed.secret is None:
        todo.append(steps.CreateObject(desktop_secret(session, observed.fresh)))
    elif owned(observed.secret, session):
        todo += repair(observed.secret, _desired_secret(session, observed, observed.secret))
    if observed.service is None:
        todo.append(steps.CreateObject(service(session)))
    elif owned(observed.service, session):
        todo += repair(observed.service, service(session))
    if observed.secret is not None and owned(observed.secret, session):
        todo += _plan_pod(session, observed)
    return todo


def outdated(actual: Manifest, wanted: Manifest) -> bool:
    """Say whether the session asks for another pod than the one that it has."""
    have = (actual["metadata"].get("annotations") or {}).get(labels.DESKTOP)
    return bool(have != wanted["metadata"]["annotations"][labels.DESKTOP])


def repair(actual: Manifest, wanted: Manifest) -> list[Step]:
    """Apply what is wanted where it is not so; the UID keeps the step from hitting another object of that name."""
    if covers(actual, {key: value for key, value in wanted.items() if key in ("metadata", "spec", "data")}):
        return []
    return [steps.ApplyObject(wanted | {"metadata": wanted["metadata"] | {"uid": actual["metadata"]["uid"]}})]


def _plan_pod(session: Session, observed: Observed) -> list[Step]:
    wanted, actual = pod(session, observed.profile), observed.pod
    if actual is None:
        return [steps.CreateObject(wanted)]
    if not owned(actual, session) or actual["metadata"].get("deletionTimestamp"):
        return []
    if is_over(actual) or (scene_error(actual) and outdated(actual, wanted)):
        return [steps.DeleteObject(ref_of(wanted), actual["metadata"]["uid"])]
    return repair(actual, _metadata_only(actual, wanted))


def _metadata_only(actual: Manifest, wanted: Manifest) -> Manifest:
    """Leave out the spec, which cannot be changed, and keep the hash of what the running pod was made from."""
    annotations = {key: value for key, value in wanted["metadata"]["annotations"].items() if key != labels.DESKTOP}
    if have := (actual["metadata"].get("annotations") or {}).get(labels.DESKTOP):
        annotations[labels.DESKTOP] = have
    metadata = wanted["metadata"] | {"annotations": annotations}
    return {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": metadata}


def _desired_secret(session: Session, observed: Observed, actual: Manifest) -> Manifest:
    """Fill in what is missing, and keep what is there: the running desktop has read it.

    The note of who was granted is kept as well; it changes only after a former owner was shut out.
    """
    wanted = desktop_secret(session, observed.fresh)
    for key in (VNC_PASSWORD, AGENT_TOKEN):
        if decode(actual, key):
            wanted["data"][key] = actual["data"][key]
    if noted := granted_before(session, observed):
        wanted["metadata"]["annotations"][labels.GRANTED] = ",".join(noted)
    return wanted
