"""What a class allows at most, apart from the container's resources: volume, viewers, connections, times.

A session that asks for more is refused at its start. One that asks for more while it runs gets what the class allows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from blendersessions.model.durations import write
from blendersessions.model.quantities import quantity
from blendersessions.model.session import Connections

if TYPE_CHECKING:
    from datetime import timedelta

    from blendersessions.model.session import Session
    from blendersessions.model.session_class import SessionClass


def within_class(session: Session, session_class: SessionClass) -> Session:
    """Return the session with as many viewers and connections as the class allows. The first viewers are kept."""
    spec, limits = session.spec, session_class.spec.limits
    if limits.viewers is None and limits.connections is None and limits.connections_per_user is None:
        return session
    total = _lowest(spec.connections.total, limits.connections)
    per_user = _lowest(spec.connections.per_user, limits.connections_per_user, total)
    bounded = {
        "viewers": spec.viewers[: limits.viewers],
        "connections": Connections(max=total, max_per_user=per_user),
    }
    return replace(session, spec=spec.model_copy(update=bounded))


def beyond_class(session: Session, session_class: SessionClass) -> list[str]:
    """Return a sentence for each time, number of viewers or number of connections above what the class allows."""
    spec, limits, ceiling = session.spec, session_class.spec.limits, session_class.spec.lifetime.ceiling
    allowed = f"and the class {session_class.name} allows"
    times = (
        ("maxAge", spec.lifetime.max_age, ceiling.max_age),
        ("idleAfter", spec.lifetime.idle_after, ceiling.idle_after),
    )
    refusals = [
        f"spec.lifetime.{name} is {write(value)}, {allowed} {write(longest)}: ask for less."
        for name, value, longest in times
        if value is not None and longest is not None and value > longest
    ]
    if limits.viewers is not None and len(spec.viewers) > limits.viewers:
        number = len(spec.viewers)
        refusals.append(
            f"spec.viewers has {number} names, {allowed} {limits.viewers}: take {number - limits.viewers} off."
        )
    numbers = (
        ("max", spec.connections.max, limits.connections),
        ("maxPerUser", spec.connections.max_per_user, limits.connections_per_user),
        ("maxPerUser", spec.connections.max_per_user, limits.connections),
    )
    refusals += [
        f"spec.connections.{name} is {value}, {allowed} {most}: ask for less."
        for name, value, most in numbers
        if value is not None and most is not None and value > most
    ]
    return list(dict.fromkeys(refusals))


def beyond_volume(session: Session, session_class: SessionClass) -> str:
    """Return a sentence about a volume that is larger than the class allows; empty if it is not."""
    workspace, most = session.spec.workspace, session_class.spec.workspace.max_size
    if workspace is None or not workspace.size or not most or quantity(workspace.size) <= quantity(most):
        return ""
    return f"spec.workspace.size is {workspace.size}, and the class {session_class.name} allows {most}"


def shorter(span: timedelta | None, ceiling: timedelta | None) -> timedelta | None:
    """Return the shorter of two times; None is no limit."""
    return min((time for time in (span, ceiling) if time is not None), default=None)


def _lowest(number: int, *ceilings: int | None) -> int:
    return min([number, *(ceiling for ceiling in ceilings if ceiling is not None)])
