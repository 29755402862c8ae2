"""Take a desktop of a pool for a session: whether it fits, what the claim writes, and what follows it.

The claim is one patch of the pod, in the version that was seen, which makes the session its controller. So of two
sessions one gets it, and after a crash at any line the pod tells whose it is. What belongs to the pod, and its
connection, follow as all repairs do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from blendersessions.model import labels
from blendersessions.model.access import SessionAccess
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.manifest import ref_of
from blendersessions.model.scene import Scene
from blendersessions.model.secret_data import DesktopCredentials, decode
from blendersessions.model.status import StartPath, Startup
from blendersessions.model.warm_pool import was_of_pool
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.desktop import credentials_of
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.pod import outdated, pod, pod_metadata
from blendersessions_operator.resources.pool_desktop import desktop_of_pod
from blendersessions_operator.resources.secret import desktop_secret
from blendersessions_operator.resources.service import service

if TYPE_CHECKING:
    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
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
    """Its desktop differs in something else, such as its input."""
    RESUMED = "Resumed"
    """It had a desktop before, under whose name it starts again."""
    DESKTOP_FAILED = "DesktopFailed"
    """The desktop that it took ended, or did not open its scene."""


EMPTY: Final = Explanation(ColdReason.POOL_EMPTY, "No desktop of the pool was free.")
FAILED: Final = Explanation(
    ColdReason.DESKTOP_FAILED, "The desktop that it took from the pool ended before its scene was on screen."
)


@dataclass(frozen=True)
class Opening:
    """How far a desktop of a pool is with the scene of the session that has taken it."""

    running: bool = True
    failure: str = ""
    """Why it was not opened; empty if it was, or is being opened."""

    @property
    def done(self) -> bool:
        """Whether the scene is on screen."""
        return not self.running and not self.failure


def why_cold(session: Session, settings: EffectiveSettings) -> Explanation | None:
    """Return why no desktop of its class's pool can serve a session; None if one can, or if the class has no pool."""
    spec = session.spec
    if settings.warm_pool is None:
        return None
    if spec.workspace is not None:
        return Explanation(ColdReason.WORKSPACE, "A running desktop cannot be given the volume of a workspace.")
    if spec.scene.is_brought_in:
        text = "A desktop of the pool opens samples alone; a file of your own is brought in by one that starts for it."
        return Explanation(ColdReason.OWN_SCENE, text)
    if settings.warm_pool.scene and not spec.scene.sample:
        text = f"The desktops of the pool show {settings.warm_pool.scene}, and open another sample, but no empty scene."
        return Explanation(ColdReason.OWN_SCENE, text)
    if spec.resources.requests or spec.resources.limits:
        return Explanation(ColdReason.OWN_RESOURCES, "The desktops of the pool have the resources of the class.")
    typical = type(spec)().display
    screen = spec.display.width, spec.display.height, spec.display.color_depth
    if screen != (typical.width, typical.height, typical.color_depth):
        size = f"{typical.width} x {typical.height} pixels and {typical.color_depth} bits"
        return Explanation(ColdReason.OWN_DISPLAY, f"The desktops of the pool have a screen of {size}.")
    return None


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
    desktop = desktop_of_pod(offer.pod)
    made_from = {
        labels.DESKTOP: pod(desktop, session, settings)["metadata"]["annotations"][labels.DESKTOP],
        labels.CREDENTIALS: credentials_of(offer.secret),
    }
    wanted = pod_metadata(desktop, session, settings, made_from)
    return ((steps.ClaimDesktop(ref_of({"kind": "Pod"} | offer.pod), _take(offer.pod, wanted)),),)


def plan_take_over(session: Session, observed: Observed) -> Stages:
    """Plan what makes the session the owner of what belongs to the pod that it has taken."""
    if Area.DESKTOP in observed.failures or session.desktop.name == session.generated_name:
        return ()
    todo: list[Step] = []
    secret, found = observed.secret, observed.service
    if secret is not None and belongs_to_a_pod(secret):
        known = DesktopCredentials(decode(secret, VNC_PASSWORD), decode(secret, AGENT_TOKEN))
        wanted = desktop_secret(session.desktop, session, known)
        todo.append(steps.TakeOver(ref_of({"kind": "Secret"} | secret), _take(secret, wanted)))
    if found is not None and belongs_to_a_pod(found):
        wanted = service(session.desktop, session)
        todo.append(steps.TakeOver(ref_of({"kind": "Service"} | found), _take(found, wanted)))
    return (tuple(todo),) if todo else ()


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
    if actual is None or not is_new_claim(session, actual) or _shown(actual) == session.spec.scene.sample:
        return False
    return observed.opening is None or not observed.opening.done


def has_fallen_back(session: Session, observed: Observed) -> bool:
    """Return whether the desktop that the session has taken is of no use, so that another one is started."""
    actual = own_pod(session, observed)
    if actual is None or not is_new_claim(session, actual):
        return False
    failed = observed.opening is not None and bool(observed.opening.failure)
    return failed or podstate.has_ended(actual) or any(podstate.ends(actual))


def is_new_claim(session: Session, actual: Manifest) -> bool:
    """Return whether the session has taken a pool's desktop, and was not ready with it yet."""
    return was_of_pool(actual) and session.status.ready_at is None


def startup_of(session: Session, observed: Observed, seconds: float) -> Startup:
    """Return how a session was started that is ready for the first time in this run."""
    actual, settings = own_pod(session, observed), observed.settings
    if actual is not None and was_of_pool(actual):
        return Startup(StartPath.WARM, seconds)
    if settings is None or settings.warm_pool is None:
        return Startup(StartPath.COLD, seconds)
    told = _why_it_was_cold(session, observed, settings)
    return Startup(StartPath.COLD, seconds, told.reason, told.message)


def belongs_to_a_pod(manifest: Manifest) -> bool:
    """Return whether an object was made for a pool, and still goes with the pod that it was made for."""
    owners = manifest["metadata"].get("ownerReferences") or ()
    return was_of_pool(manifest) and any(owner.get("controller") and owner.get("kind") == "Pod" for owner in owners)


def _why_it_was_cold(session: Session, observed: Observed, settings: EffectiveSettings) -> Explanation:
    if observed.cold_because is not None:
        return observed.cold_because
    if session.desktop.name != session.generated_name:
        return FAILED
    return why_cold(session, settings) or EMPTY


def _shown(waiting: Manifest) -> str:
    return str((waiting["metadata"].get("annotations") or {}).get(labels.POOL_SCENE) or "")


def _take(actual: Manifest, wanted: Manifest) -> Manifest:
    """Return the patch that gives an object this metadata, in the version that was seen."""
    meta = {key: wanted["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}
    return {"metadata": meta | {key: actual["metadata"][key] for key in ("uid", "resourceVersion")}}


def _end(actual: Manifest) -> steps.DeleteObject:
    return steps.DeleteObject(ref_of({"kind": "Pod"} | actual), actual["metadata"]["uid"], UNSEEN_GRACE_SECONDS)
