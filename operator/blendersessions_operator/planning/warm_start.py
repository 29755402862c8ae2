"""Take a desktop of a pool for a session: whether it fits, what the claim writes, and what follows it.

The claim is one patch of the pod, in the version that was seen, which makes the session its controller. So of two
sessions one gets it, and after a crash at any line the pod tells whose it is. What belongs to the pod, and its
connection, follow as all repairs do.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from blendersessions.model import labels
from blendersessions.model.access import SessionAccess, access_list
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.manifest import ref_of
from blendersessions.model.scene import Scene
from blendersessions.model.secret_data import DesktopCredentials, decode
from blendersessions.model.status import StartPath, Startup
from blendersessions.model.warm_pool import was_of_pool
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.confinement import missing_policies
from blendersessions_operator.planning.desktop import credentials_of
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.observed import (
    belongs_to,
    granted_before,
    is_new_claim,
    own_pod,
    owned,
    was_shown,
)
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.pod import outdated, pod, pod_metadata
from blendersessions_operator.resources.pool_desktop import desktop_of_pod, pool_pod, typical_session
from blendersessions_operator.resources.secret import desktop_secret

if TYPE_CHECKING:
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session, Spec
    from blendersessions.model.session_class import SessionClass
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Step
    from blendersessions_operator.planning.suspend import Stages

UNSEEN_GRACE_SECONDS: Final = 1
"""How long a desktop may take to end that nobody has seen."""


class ColdReason(StrEnum):
    """Why a session of a class with a pool starts a desktop of its own."""

    POOL_EMPTY = "PoolEmpty"
    """No desktop of the pool was free."""
    WORKSPACE = "Workspace"
    """Its home folder is on a volume, which no running pod can be given."""
    OWN_SCENE = "OwnScene"
    """Its scene comes from an address, from a volume or by an upload, or is empty where the pool shows a sample."""
    OWN_RESOURCES = "OwnResources"
    """It asks for other CPU, memory or devices."""
    OWN_DISPLAY = "OwnDisplay"
    """It asks for another size or depth of the screen."""
    OTHER_SETTINGS = "OtherSettings"
    """Its desktop differs in something else, such as its input, or the cluster lets none be taken."""
    RESUMED = "Resumed"
    """It had a desktop before, under whose name it starts again."""
    DESKTOP_FAILED = "DesktopFailed"
    """The desktop that it took ended, or did not open its scene."""


EMPTY: Final = Explanation(ColdReason.POOL_EMPTY, "No desktop of the pool was free.")
FAILED: Final = Explanation(
    ColdReason.DESKTOP_FAILED, "The desktop that it took from the pool ended before its scene was on screen."
)


RESUMED: Final = Explanation(ColdReason.RESUMED, "It had a desktop before, under whose name it starts again.")
NOT_LET: Final = Explanation(ColdReason.OTHER_SETTINGS, "An admission rule of the cluster lets no desktop be taken.")


def why_cold(
    session: Session, settings: EffectiveSettings, of: SessionClass, of_pool: EffectiveSettings
) -> Explanation | None:
    """Return why no desktop of its class's pool can serve a session; None if one can.

    Args:
        session: the session.
        settings: its effective settings.
        of: its class, which has a pool.
        of_pool: the settings of a session that asks for nothing.
    """
    spec, shown = session.spec, typical_session(of).spec
    if spec.workspace is not None:
        return Explanation(ColdReason.WORKSPACE, "A running desktop cannot be given the volume of a workspace.")
    if spec.scene.is_brought_in:
        text = "A desktop of the pool opens samples alone; a file of your own is brought in by one that starts for it."
        return Explanation(ColdReason.OWN_SCENE, text)
    if shown.scene.sample and not spec.scene.sample:
        text = f"The desktops of the pool show {shown.scene.sample}, and open another sample, but no empty scene."
        return Explanation(ColdReason.OWN_SCENE, text)
    if fits(session, settings, pool_pod(session.desktop, of, of_pool)):
        return None
    if _screen(spec) != _screen(shown):
        width, height, depth = _screen(shown)
        text = f"The desktops of the pool have a screen of {width} x {height} pixels and {depth} bits."
        return Explanation(ColdReason.OWN_DISPLAY, text)
    if spec.resources.requests or spec.resources.limits:
        return Explanation(ColdReason.OWN_RESOURCES, "The desktops of the pool have the resources of the class.")
    return Explanation(ColdReason.OTHER_SETTINGS, "The desktops of the pool have the settings of the class.")


def why_none(session: Session, observed: Observed) -> Explanation | None:
    """Return why a session that starts is offered no desktop, because of what it had; None if it had nothing."""
    known, took = session.status, session.desktop.name != session.generated_name
    secret = observed.secret
    was_ready = secret is not None and owned(secret, session) and was_of_pool(secret)
    if took and not was_ready and known.ready_at is None and known.suspension is None:
        return FAILED
    if took or known.ready_at is not None or known.connection is not None or known.desktop_name:
        return RESUMED
    # Its own desktop was begun by an operator that is gone.
    return EMPTY if observed.secret is not None else None


def fits(session: Session, settings: EffectiveSettings, waiting: Manifest) -> bool:
    """Return whether a pod of a pool is what would be made for the session, but for the sample that it shows."""
    if _shown(waiting) and not session.spec.scene.sample:
        return False
    shown = Scene(sample=_shown(waiting))
    alike = replace(session, spec=session.spec.model_copy(update={"scene": shown}))
    return not outdated(waiting, desktop_of_pod(waiting), alike, settings)


def plan_taking(session: Session, observed: Observed) -> Stages:
    """Plan what makes a desktop of a pool the session's, and what follows that."""
    return plan_claim(session, observed) or plan_take_over(session, observed) or plan_surplus(session, observed)


def plan_claim(session: Session, observed: Observed) -> Stages:
    """Plan the claim of the desktop that is offered to the session, if it may start and has none."""
    offer, settings = observed.offer, observed.settings
    if offer is None or settings is None or not observed.may_start or session.suspend_requested:
        return ()
    if own_pod(session, observed) is not None or Area.DESKTOP in observed.failures:
        return ()
    if missing_policies(session, observed):
        # A desktop that nothing confines is nobody's to work in, as a new one is not made then.
        return ()
    desktop = desktop_of_pod(offer.pod)
    made_from = {
        labels.DESKTOP: pod(desktop, session, settings)["metadata"]["annotations"][labels.DESKTOP],
        labels.CREDENTIALS: credentials_of(offer.secret),
        # Before the first grant, as on the Secret of a cold start.
        labels.GRANTED: ",".join(access_list(session)),
    }
    wanted = pod_metadata(desktop, session, settings, made_from)
    return ((steps.ClaimDesktop(ref_of({"kind": "Pod"} | offer.pod), _take(offer.pod, wanted)),),)


def plan_take_over(session: Session, observed: Observed) -> Stages:
    """Plan what makes the session the owner of the Secret of the pod that it has taken, once it is ready.

    The pod tells of that too, in case that the Secret cannot be changed. The Service stays the pod's and goes with it.
    """
    pod, secret = own_pod(session, observed), observed.secret
    if Area.TAKE_OVER in observed.failures or pod is None or is_new_claim(session, observed):
        return ()
    if secret is None or not belongs_to(secret, pod):
        return ()
    known = DesktopCredentials(decode(secret, VNC_PASSWORD), decode(secret, AGENT_TOKEN))
    wanted = desktop_secret(session.desktop, session, known)
    granted = dict.fromkeys([*granted_before(session, observed), *access_list(session)])
    wanted["metadata"]["annotations"][labels.GRANTED] = ",".join(granted)
    taking = steps.TakeOver(ref_of({"kind": "Secret"} | secret), _take(secret, wanted))
    return ((taking,),) if was_shown(pod) else ((_note_shown(pod), taking),)


def plan_surplus(session: Session, observed: Observed) -> Stages:
    """Plan the end of further desktops of the session.

    It has some if another operator, which leads no more, took one, and this one did not know it yet.
    """
    if Area.DESKTOP in observed.failures or not observed.surplus:
        return ()
    connections: list[Step] = []
    for each in observed.surplus:
        desktop = desktop_of_pod(each)
        access = SessionAccess(desktop.connections, hostname=desktop.hostname, namespace=session.namespace)
        connections += [steps.RemoveConnection(name, access, Area.DESKTOP) for name in desktop.connections]
    ends = [_end(each) for each in observed.surplus if not each["metadata"].get("deletionTimestamp")]
    return (tuple(connections), tuple(ends)) if ends else ()


def plan_opening(session: Session, observed: Observed) -> Stages:
    """Plan that a desktop of a pool opens the session's scene, or that another one starts in place of one that fails.

    Nobody has seen the desktop yet, so nothing is lost with it.
    """
    actual = own_pod(session, observed)
    if actual is None or Area.DESKTOP in observed.failures or actual["metadata"].get("deletionTimestamp"):
        return ()
    if has_fallen_back(session, observed):
        return ((_end(actual),),)
    if awaits_scene(session, observed) and observed.opening is None and podstate.is_ready(actual):
        return ((steps.OpenSample(session.spec.scene.sample, actual["metadata"]["uid"]),),)
    return ()


def awaits_scene(session: Session, observed: Observed) -> bool:
    """Return whether the desktop of a pool that the session has taken does not show its scene yet."""
    actual = own_pod(session, observed)
    if actual is None or not is_new_claim(session, observed) or _shown(actual) == session.spec.scene.sample:
        return False
    return observed.opening is None or not observed.opening.done


def has_fallen_back(session: Session, observed: Observed) -> bool:
    """Return whether the desktop that the session has taken is of no use, so that another one is started."""
    actual = own_pod(session, observed)
    if actual is None or not is_new_claim(session, observed):
        return False
    failed = observed.opening is not None and bool(observed.opening.failure)
    return failed or podstate.has_ended(actual) or any(podstate.ends(actual))


def startup_of(session: Session, observed: Observed, seconds: float) -> Startup:
    """Return how a session was started that is ready for the first time in this run."""
    actual, settings = own_pod(session, observed), observed.settings
    if actual is not None and was_of_pool(actual):
        return Startup(StartPath.WARM, seconds)
    if settings is None or settings.warm_pool is None:
        return Startup(StartPath.COLD, seconds)
    told = observed.cold_because or EMPTY
    return Startup(StartPath.COLD, seconds, told.reason, told.message)


def _screen(spec: Spec) -> tuple[int, int, int]:
    return spec.display.width, spec.display.height, spec.display.color_depth


def _shown(waiting: Manifest) -> str:
    return str((waiting["metadata"].get("annotations") or {}).get(labels.POOL_SCENE) or "")


def _note_shown(actual: Manifest) -> steps.AnnotateObject:
    meta = {key: actual["metadata"][key] for key in ("name", "namespace", "uid")}
    return steps.AnnotateObject(
        {"kind": "Pod", "metadata": meta | {"annotations": {labels.SHOWN: "true"}}}, Area.TAKE_OVER
    )


def _take(actual: Manifest, wanted: Manifest) -> Manifest:
    """Return the patch that gives an object this metadata, in the version that was seen."""
    meta = {key: wanted["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}
    return {"metadata": meta | {key: actual["metadata"][key] for key in ("uid", "resourceVersion")}}


def _end(actual: Manifest) -> steps.DeleteObject:
    return steps.DeleteObject(ref_of({"kind": "Pod"} | actual), actual["metadata"]["uid"], UNSEEN_GRACE_SECONDS)
