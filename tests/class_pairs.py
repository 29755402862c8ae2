"""Pairs of a class and a session that the API's schema takes, and the check that a pod is not above its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from blendersessions.model.quantities import NATIVE, Amount, quantity

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

Spec = dict[str, Any]

_AMOUNTS: dict[str, tuple[Amount, ...]] = {
    "cpu": ("1m", "250m", "0.5", 1, "2000m", "3", 64, "1e300"),
    "memory": ("1", "1Mi", "512Mi", "1Gi", 4294967296, "4Gi", "9.5G", "64Gi", "8E"),
    "ephemeral-storage": ("1", "100Mi", "1Gi", "5Gi", "6Gi", "1Ti"),
    "nvidia.com/gpu": (1, "2", 8),
    "example.org/fuse": (1, 100),
}
_TIMES = ("1ms", "90s", "30m", "1h30m", "8h", "8760h")


def _amounts(*, zero: bool = False) -> st.SearchStrategy[Spec]:
    """Amounts of some resources; with zero, also none of a device."""
    values = {
        name: st.sampled_from([*amounts, *([0] if zero and name not in NATIVE else [])])
        for name, amounts in _AMOUNTS.items()
    }
    return st.fixed_dictionaries({}, optional=values)


def _times() -> dict[str, st.SearchStrategy[str]]:
    return {name: st.sampled_from(_TIMES) for name in ("maxAge", "idleAfter")}


def _below(lower: Spec, upper: Spec) -> Spec:
    """Take out what is above the amount of the same name."""
    return {
        name: amount for name, amount in lower.items() if name not in upper or quantity(amount) <= quantity(upper[name])
    }


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Spec, Spec]:
    """A class and a session, each by itself as the schema takes it."""
    most = draw(_amounts(zero=True))
    limits = _below(draw(_amounts()), most)
    requests = _below(_below(draw(_amounts()), limits), most)
    of_class = {
        "resources": {"max": most, "limits": limits, "requests": requests},
        "lifetime": {"ceiling": draw(st.fixed_dictionaries({}, optional=_times()))},
        "limits": draw(
            st.fixed_dictionaries({}, optional={"viewers": st.integers(0, 3), "connections": st.integers(1, 12)})
        ),
        "workspace": draw(st.sampled_from([{}, {"maxSize": "1Gi"}, {"maxSize": 5368709120}])),
    }
    asked_limits = draw(_amounts())
    session: Spec = {
        "resources": {"limits": asked_limits, "requests": _below(draw(_amounts()), asked_limits)},
        "lifetime": draw(st.fixed_dictionaries({}, optional=_times())),
        "viewers": draw(st.lists(st.sampled_from(["ann", "bo", "cy"]), unique=True)),
        "connections": draw(st.fixed_dictionaries({}, optional={"max": st.integers(1, 20)})),
    }
    return of_class, session | draw(st.sampled_from([{}, {"workspace": {"size": "2Gi"}}]))


def above_class(pod: Manifest, of_class: Spec) -> list[str]:
    """Return what in a pod is above its class, or without a bound."""
    faults = []
    resources = of_class.get("resources", {})
    for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]:
        requests, limits = (container["resources"].get(kind, {}) for kind in ("requests", "limits"))
        faults += [f"{name} has no limit" for name in ("cpu", "memory") if not quantity(limits.get(name, 0))]
        for name in requests.keys() | limits.keys() | {name for name in resources.get("max", {}) if name in NATIVE}:
            most = resources.get("max", {}).get(name)
            if most is None and name not in NATIVE:
                most = resources.get("limits", {}).get(name, resources.get("requests", {}).get(name, 0))
            asked, limit = quantity(requests.get(name, 0)), quantity(limits.get(name, 0))
            if most is not None and max(asked, limit) > quantity(most):
                faults.append(f"{name} is {max(asked, limit)}, above {most}")
            if most is not None and not limit:
                faults.append(f"{name} has a ceiling and no limit")
            if limit and asked > limit:
                faults.append(f"the request of {name} is above its limit")
    return faults
