"""The settings that hold for one session: its spec, bounded by its class, over the installation's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from kubernetes.utils.quantity import parse_quantity

from blendersessions.model.durations import write
from blendersessions.model.files import Files
from blendersessions.model.session import Input
from blendersessions.model.session_class import Limits, Saving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import ClassLifetime, SessionClass

Amounts = dict[str, str | int | float]


@lru_cache(maxsize=1024)
def quantity(text: str | float) -> Decimal:
    """Read a Kubernetes quantity.

    Raises:
        ValueError: the text is no quantity.
    """
    try:
        return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ValueError(f"{text!r} is no quantity: write it as 500m, 2 or 4Gi") from error


@dataclass(frozen=True)
class EffectiveSettings:
    """How the session's desktop is made, and how long the session lives."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    max_age: timedelta | None = None
    idle_after: timedelta | None = None
    on_expiry: Literal["Suspend", "Delete"] = "Suspend"
    start_deadline: timedelta | None = None
    input: Input = field(default_factory=Input)
    placement: dict[str, Any] = field(default_factory=dict)
    """Fields of the pod's spec that select its nodes."""
    class_limits: Limits = field(default_factory=Limits)
    saving: Saving = field(default_factory=Saving)
    egress: Literal["None", "Public"] = "None"
    fixed_user: bool = True
    """Whether the pod names the user that it runs as. Otherwise the platform gives it one."""
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets in the session's namespace: the class's, then the installation's."""
    refusals: tuple[str, ...] = ()
    """A sentence for each value in the spec that is above what the class allows."""


def effective_settings(
    session: Session, session_class: SessionClass, installation: InstallationDefaults
) -> EffectiveSettings:
    """Compute the settings of a session. A value above what the class allows is refused, not reduced.

    Args:
        session: the session, whose spec comes first.
        session_class: its class, with defaults and maxima.
        installation: the defaults where neither names a value.
    """
    try:
        return _compute(session, session_class, installation)
    except (ValueError, ArithmeticError) as error:
        # The schema rejects malformed amounts. One that slipped past it must not stop the other sessions.
        return EffectiveSettings(
            image=session_class.spec.image or installation.image,
            saving=session_class.spec.saving,
            refusals=(f"The resources are malformed: {error}.",),
        )


def _compute(session: Session, session_class: SessionClass, installation: InstallationDefaults) -> EffectiveSettings:
    spec, wanted = session_class.spec, session.spec
    asked, defaults = wanted.resources, spec.resources
    refusals = [
        *_amounts_above_maximum("requests", asked.requests, defaults.max, session_class.name),
        *_amounts_above_maximum("limits", asked.limits, defaults.max, session_class.name),
    ]
    lifetime, ceiling = spec.lifetime, spec.lifetime.ceiling
    max_age = wanted.lifetime.max_age or lifetime.max_age or ceiling.max_age
    idle_after = wanted.lifetime.idle_after or lifetime.idle_after or ceiling.idle_after
    for name, value, longest in (("maxAge", max_age, ceiling.max_age), ("idleAfter", idle_after, ceiling.idle_after)):
        if value is not None and longest is not None and value > longest:
            refusals.append(
                f"spec.lifetime.{name} is {write(value)}, and the class {session_class.name} allows {write(longest)}: "
                "ask for less."
            )
    requests, limits = _merge_resources(
        (asked.requests, asked.limits),
        (defaults.requests, defaults.limits),
        (installation.requests, installation.limits),
    )
    requests, limits = _cap_defaults(requests, limits, defaults.max)
    return EffectiveSettings(
        image=spec.image or installation.image,
        image_pull_policy=installation.image_pull_policy,
        requests=requests,
        limits=limits,
        max_age=max_age,
        idle_after=idle_after,
        on_expiry=wanted.lifetime.on_expiry or _class_on_expiry(lifetime, session),
        start_deadline=spec.start_deadline,
        input=spec.input.model_copy(update=wanted.input.model_dump(exclude_none=True)),
        placement=_placement(session_class),
        class_limits=spec.limits,
        saving=spec.saving,
        egress=spec.egress,
        fixed_user=installation.fixed_users,
        image_pull_secrets=tuple(
            dict.fromkeys([*(secret.name for secret in spec.image_pull_secrets), *installation.image_pull_secrets])
        ),
        refusals=tuple(refusals),
    )


def _class_on_expiry(lifetime: ClassLifetime, session: Session) -> Literal["Suspend", "Delete"]:
    """Return what the class has happen at the end. Without a workspace, a suspension would keep nothing."""
    if lifetime.on_expiry == "Auto":
        return "Delete" if session.files is Files.LOST else "Suspend"
    return lifetime.on_expiry or "Suspend"


def _amounts_above_maximum(
    kind: str, asked: Mapping[str, str | int | float], maximum: Amounts, class_name: str
) -> list[str]:
    return [
        f"spec.resources.{kind}.{resource} is {amount}, and the class {class_name} allows {maximum[resource]}: "
        "ask for less."
        for resource, amount in asked.items()
        if resource in maximum and quantity(amount) > quantity(maximum[resource])
    ]


def _merge_resources(
    *sources: tuple[Mapping[str, str | int | float], Mapping[str, str | int | float]],
) -> tuple[Amounts, Amounts]:
    """Merge the requests and limits of several sources; an earlier source takes precedence.

    A source adds a resource only if no earlier source names it, neither in requests nor in limits. In Kubernetes a
    limit without a request is also the request, and a request above its limit is refused. So a default limit must not
    be added to a request that the session gave, nor a default request to its limit.
    """
    requests: Amounts = {}
    limits: Amounts = {}
    for more_requests, more_limits in sources:
        named = requests.keys() | limits.keys()
        requests |= {name: value for name, value in more_requests.items() if name not in named}
        limits |= {name: value for name, value in more_limits.items() if name not in named}
    return requests, limits


def _cap_defaults(requests: Amounts, limits: Amounts, maximum: Amounts) -> tuple[Amounts, Amounts]:
    """Reduce defaults to the maximum of the class, and add the limits that are left out, which would mean no limit."""
    limits = {name: _at_most(value, maximum.get(name)) for name, value in limits.items()}
    limits |= {name: value for name, value in maximum.items() if name not in limits and name in requests}
    return {name: _at_most(value, limits.get(name)) for name, value in requests.items()}, limits


def _at_most(amount: str | float, maximum: str | float | None) -> str | float:
    return amount if maximum is None or quantity(amount) <= quantity(maximum) else maximum


def _placement(session_class: SessionClass) -> dict[str, Any]:
    spec = session_class.spec
    fields: dict[str, Any] = {
        "nodeSelector": spec.node_selector,
        "tolerations": list(spec.tolerations),
        "affinity": spec.affinity,
        "runtimeClassName": spec.runtime_class_name,
    }
    return {name: value for name, value in fields.items() if value}
