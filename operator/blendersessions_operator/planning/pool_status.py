"""Say how a pool is: its counts, and in words what keeps it from being whole."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason
from blendersessions.model.warm_pool import PoolStatus
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.pod_explanation import why_not_running
from blendersessions_operator.planning.pool_observed import MemberState
from blendersessions_operator.planning.pool_removals import members_by_state
from blendersessions_operator.planning.pool_size import schedule_faults
from blendersessions_operator.resources.pool_desktop import pool_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions_operator.planning.pool_observed import PoolMember, PoolObserved


class PoolReason(StrEnum):
    """How a pool is, in one word."""

    FULL = "PoolFull"
    """As many desktops can be taken as the class wants."""
    FILLING = "PoolFilling"
    """Desktops are being started."""
    WAITING = "PoolWaiting"
    """Sessions come first: no desktop is made while they wait for room."""
    FAILING = "PoolFailing"
    """A desktop does not start."""
    REFUSED = "PoolRefused"
    """The API server makes no desktop, for instance because of a quota."""
    BLOCKED = "PoolBlocked"
    """Kubernetes or Guacamole does not answer."""
    SCHEDULE_INVALID = "PoolScheduleInvalid"
    """A part of the schedule cannot be read, and counts as left out."""
    CLASS_INVALID = "PoolClassInvalid"
    """The class cannot be read. The pool stays as it is."""


_USUAL: Final = (Reason.POD_STARTING, "ContainerCreating", "PodInitializing")
"""What each desktop waits for at its start."""


def pool_status(observed: PoolObserved) -> PoolStatus | None:
    """Return the status of a pool; None if the class wants none and nothing of one is left."""
    of, by_state = observed.session_class, members_by_state(observed)
    ready = len(by_state[MemberState.READY]) + len(by_state[MemberState.EXPIRED])
    starting, failed = len(by_state[MemberState.STARTING]), len(by_state[MemberState.FAILED])
    replicas = ready + starting + failed + len(by_state[MemberState.UNFIT])
    if of is None or (of.spec.warm_pool is None and not of.spec_error and not replicas):
        return None
    told = _explain(observed, by_state, ready)
    return PoolStatus(
        replicas=replicas,
        ready=ready,
        starting=starting,
        wanted=observed.wanted,
        claims_per_minute=observed.claims,
        selector=pool_selector(of),
        reason=told.reason,
        message=told.message,
    )


def _explain(observed: PoolObserved, by_state: Mapping[MemberState, list[PoolMember]], ready: int) -> Explanation:
    of, pool = observed.session_class, observed.pool
    if of is not None and of.spec_error:
        return Explanation(PoolReason.CLASS_INVALID, f"The pool stays as it is. {of.spec_error}")
    if failed := by_state[MemberState.FAILED]:
        why = why_not_running(failed[0].pod, observed.now)
        text = f"{failed[0].name} cannot be taken ({why.reason}): {why.message} Each is replaced after some minutes."
        return Explanation(PoolReason.FAILING, text)
    if ready >= observed.wanted:
        if pool is not None and (faults := schedule_faults(pool)):
            return Explanation(PoolReason.SCHEDULE_INVALID, " ".join(faults))
        return Explanation(PoolReason.FULL, "As many desktops as the class wants can be taken.")
    if observed.refused_until is not None:
        return Explanation(PoolReason.REFUSED, f"No further desktop is made. {observed.refusal}")
    if observed.failures:
        return Explanation(PoolReason.BLOCKED, " ".join(str(error) for error in observed.failures.values()))
    if observed.wanting:
        text = "Sessions that start cold find no room, and come first. The pool grows again when they have it."
        return Explanation(PoolReason.WAITING, text)
    for slowest in by_state[MemberState.STARTING][:1]:
        why = why_not_running(slowest.pod, observed.now)
        if why.reason not in _USUAL:
            text = f"Desktops are being started. {slowest.name} waits ({why.reason}): {why.message}"
            return Explanation(PoolReason.FILLING, text)
    return Explanation(PoolReason.FILLING, "Desktops are being started.")
