"""What holds for one session: its own wishes, within what its class and the installation say."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from kubernetes.utils.quantity import parse_quantity

from blendersessions.model.durations import write
from blendersessions.model.session_class import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import SessionClass

Amounts = dict[str, str | int | float]


@lru_cache(maxsize=1024)
def quantity(text: str | float) -> Decimal:
    """Read a Kubernetes quantity.

    Raises:
        ValueError: it is none.
    """
    try:
        return Decimal(parse_quantity(text))  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise ValueError(f"{text!r} is no quantity: write it as 500m, 2 or 4Gi") from error


@dataclass(frozen=True)
class EffectiveSettings:
    """How the session's desktop is made and how long it lives. `refusals` are sentences: what it asks and may not."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    max_age: timedelta | None = None
    idle_after: timedelta | None = None
    on_expiry: Literal["Suspend", "Delete"] = "Suspend"
    start_deadline: timedelta | None = None
    placement: dict[str, Any] = field(default_factory=dict)
    """Fields of the pod's spec that say where it runs."""
    class_limits: Limits = field(default_factory=Limits)
    egress: Literal["None", "Public"] = "None"
    refusals: tuple[str, ...] = ()


def effective_settings(session: Session, of: SessionClass, installation: InstallationDefaults) -> EffectiveSettings:
    """Work out what holds. A session that asks for more than its class allows is refused, not cut down in silence."""
    try:
        return _terms(session, of, installation)
    except (ValueError, ArithmeticError) as error:
        # The schema keeps such amounts out; one that slipped past it must not stop the others.
        return EffectiveSettings(
            image=of.spec.image or installation.image, refusals=(f"The resources are malformed: {error}.",)
        )


def _terms(session: Session, of: SessionClass, installation: InstallationDefaults) -> EffectiveSettings:
    spec, wanted = of.spec, session.spec
    asked, defaults = wanted.resources, spec.resources
    refusals = [
        *_beyond("requests", asked.requests, defaults.max, of.name),
        *_beyond("limits", asked.limits, defaults.max, of.name),
    ]
    lifetime, ceiling = spec.lifetime, spec.lifetime.ceiling
    max_age = wanted.lifetime.max_age or lifetime.max_age or ceiling.max_age
    idle_after = wanted.lifetime.idle_after or lifetime.idle_after or ceiling.idle_after
    for name, value, most in (("maxAge", max_age, ceiling.max_age), ("idleAfter", idle_after, ceiling.idle_after)):
        if value is not None and most is not None and value > most:
            refusals.append(
                f"spec.lifetime.{name} is {write(value)}, and the class {of.name} allows {write(most)}: ask for less."
            )
    requests, limits = _merged(
        (asked.requests, asked.limits),
        (defaults.requests, defaults.limits),
        (installation.requests, installation.limits),
    )
    requests, limits = _within(requests, limits, defaults.max)
    return EffectiveSettings(
        image=spec.image or installation.image,
        image_pull_policy=installation.image_pull_policy,
        requests=requests,
        limits=limits,
        max_age=max_age,
        idle_after=idle_after,
        on_expiry=wanted.lifetime.on_expiry or lifetime.on_expiry or "Suspend",
        start_deadline=spec.start_deadline,
        placement=_placement(of),
        class_limits=spec.limits,
        egress=spec.egress,
        refusals=tuple(refusals),
    )


def _beyond(kind: str, asked: Mapping[str, str | int | float], most: Amounts, name: str) -> list[str]:
    return [
        f"spec.resources.{kind}.{resource} is {amount}, and the class {name} allows {most[resource]}: ask for less."
        for resource, amount in asked.items()
        if resource in most and quantity(amount) > quantity(most[resource])
    ]


def _merged(
    *sources: tuple[Mapping[str, str | int | float], Mapping[str, str | int | float]],
) -> tuple[Amounts, Amounts]:
    """Merge requests and limits of several sources, the first one first.

    A default never stands against what is said before it of the same resource: a limit without a request is a request
    for as much (as Kubernetes has it), and a request above a default limit would be refused, so a source fills in a
    resource only where no source before it names that at all.
    """
    requests: Amounts = {}
    limits: Amounts = {}
    for more_requests, more_limits in sources:
        named = requests.keys() | limits.keys()
        requests |= {name: value for name, value in more_requests.items() if name not in named}
        limits |= {name: value for name, value in more_limits.items() if name not in named}
    return requests, limits


def _within(requests: Amounts, limits: Amounts, most: Amounts) -> tuple[Amounts, Amounts]:
    """Keep what nobody asked for within the largest amounts, so that leaving out a limit is no way around them."""
    limits = {name: _smaller(value, most.get(name)) for name, value in limits.items()}
    limits |= {name: value for name, value in most.items() if name not in limits and name in requests}
    return {name: _smaller(value, limits.get(name)) for name, value in requests.items()}, limits


def _smaller(amount: str | float, most: str | float | None) -> str | float:
    return amount if most is None or quantity(amount) <= quantity(most) else most


def _placement(of: SessionClass) -> dict[str, Any]:
    spec = of.spec
    fields: dict[str, Any] = {
        "nodeSelector": spec.node_selector,
        "tolerations": list(spec.tolerations),
        "affinity": spec.affinity,
        "runtimeClassName": spec.runtime_class_name,
    }
    return {name: value for name, value in fields.items() if value}
