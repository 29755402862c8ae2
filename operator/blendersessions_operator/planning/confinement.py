"""Plan the network policies of a session's namespace. Without them no pod is made for the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.conditions import Reason
from blendersessions.model.errors import Invalid, Unauthorised
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import is_in_force, network_policies

if TYPE_CHECKING:
    from blendersessions.model.errors import DomainError
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def missing_policies(session: Session, observed: Observed) -> list[Manifest]:
    """Return the policies that the namespace lacks, or that somebody changed; none if the installation wants none."""
    peers = observed.installation.network
    if peers is None:
        return []
    return [
        wanted
        for wanted in network_policies(session.namespace, peers, observed.installation.fetch_networks)
        if not is_in_force(observed.policies.get(wanted["metadata"]["name"]), wanted)
    ]


def plan_confinement(session: Session, observed: Observed) -> list[steps.Step]:
    """Plan the policies that are missing, unless they were refused in this reconciliation."""
    if Area.NETWORK in observed.failures:
        return []
    return [steps.ApplyPolicy(policy) for policy in missing_policies(session, observed)]


def explain_unconfined(session: Session, error: DomainError) -> tuple[Reason, str]:
    """Return the reason and the message of a session whose namespace has no policies."""
    if not isinstance(error, Invalid | Unauthorised):
        return Reason.KUBERNETES_UNAVAILABLE, str(error)
    message = (
        f"The network policies of desktops cannot be applied in the namespace {session.namespace}, and no desktop is "
        f"started without them. {error} Let the operator's account list, watch, create and patch networkpolicies there "
        "as the chart does, and let nothing else change them, or install with networkPolicies.enabled=false."
    )
    return Reason.UNCONFINED, message
