"""The resources of a container: what the session asks for, over its class, over the installation, below ceilings."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from blendersessions.model.quantities import NATIVE, Amount, Amounts, at_most, largest, quantity

if TYPE_CHECKING:
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.session import Resources
    from blendersessions.model.session_class import ClassResources


def container_resources(
    asked: Resources, of_class: ClassResources, installation: InstallationDefaults
) -> tuple[Amounts, Amounts]:
    """Return the requests and the limits of the container, none above the ceilings of the class.

    The first of session, class and installation that names a resource decides about it. In Kubernetes a limit without a
    request is also the request, so no default request is added to a limit. A missing limit would mean no limit, so a
    request that comes alone gets the next default limit, and at least its own amount. A device's limit equals its
    request, as Kubernetes asks for.
    """
    requests: Amounts = {}
    limits: Amounts = {}
    sources = [(each.requests, each.limits) for each in (asked, of_class, installation)]
    most = [name for name in of_class.max if name in NATIVE]
    for name in dict.fromkeys(chain(most, *chain(*sources))):
        named = [(wanted.get(name), limit.get(name)) for wanted, limit in sources if name in wanted or name in limit]
        ceiling = ceiling_of(name, of_class)
        if name not in NATIVE and (ceiling is None or not quantity(ceiling)):
            continue
        request, limit = _of_resource(name, named, ceiling)
        if request is not None:
            requests[name] = request
        if limit is not None:
            limits[name] = limit
    return requests, limits


def ceiling_of(name: str, of_class: ClassResources) -> Amount | None:
    """Return the most of a resource that a class allows. None: any amount of Kubernetes' own resources, and no device.

    A device that the class gives, and that `max` does not name, is allowed as often as the class gives it.
    """
    if name in NATIVE or name in of_class.max:
        return of_class.max.get(name)
    return of_class.limits.get(name, of_class.requests.get(name))


def beyond_ceilings(asked: Resources, of_class: ClassResources, class_name: str) -> list[str]:
    """Return a sentence for each amount that is above what the class allows."""
    refusals = []
    for kind, amounts in (("requests", asked.requests), ("limits", asked.limits)):
        for name, amount in amounts.items():
            ceiling = ceiling_of(name, of_class)
            what = f"spec.resources.{kind}.{name} is {amount}, and the class {class_name} allows"
            if name not in NATIVE and (ceiling is None or not quantity(ceiling)):
                refusals.append(
                    f"{what} none: leave it out, or have an administrator allow it in resources.max of the class."
                )
            elif ceiling is not None and quantity(amount) > quantity(ceiling):
                refusals.append(f"{what} {ceiling}: ask for less.")
    return refusals


def _of_resource(
    name: str, named: list[tuple[Amount | None, Amount | None]], ceiling: Amount | None
) -> tuple[Amount | None, Amount | None]:
    """Return the request and the limit of one resource.

    Args:
        name: its name.
        named: requests and limits of the sources that name it, the one that decides first.
        ceiling: the most that the class allows.
    """
    # A ceiling alone reserves nothing: without a request of zero, Kubernetes would reserve the whole ceiling.
    request, limit = named[0] if named else (0, None)
    if limit is None and name in NATIVE:
        default = next((limit for _, limit in named if limit is not None), ceiling)
        limit = largest([default, request]) if default is not None else None
    elif limit is None:
        limit = request
    if limit is not None:
        limit = at_most(limit, ceiling)
    return (at_most(request, limit) if request is not None else None), limit
