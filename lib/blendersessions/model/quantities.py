"""Quantities of Kubernetes, such as `500m` or `4Gi`, by its grammar (apimachinery, pkg/api/resource/quantity.go)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final

from kubernetes.utils.quantity import parse_quantity
from pydantic import BeforeValidator

if TYPE_CHECKING:
    from collections.abc import Iterable

Amount = str | int | float
Amounts = dict[str, Amount]
"""Amounts of resources, by the resource's name."""

NATIVE: Final = ("cpu", "memory", "ephemeral-storage")
"""Kubernetes' own resources. All others are devices: a session gets none that its class does not name."""
_FORM: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,9})?", re.ASCII)
LARGEST: Final = Decimal(2**63 - 1)
"""Kubernetes cuts every larger quantity to this one."""


@lru_cache(maxsize=1024)
def quantity(amount: Amount) -> Decimal:
    """Read a quantity.

    Raises:
        ValueError: it is none.
    """
    text = str(amount)
    if not _FORM.fullmatch(text):
        raise ValueError(f"{text[:64]!r} is no quantity: write it as 500m, 2 or 4Gi")
    return max(-LARGEST, min(LARGEST, Decimal(parse_quantity(text))))  # type: ignore[no-untyped-call]


def at_most(amount: Amount, maximum: Amount | None) -> Amount:
    """Return the smaller of two amounts, as it is written; None is no maximum."""
    return amount if maximum is None or quantity(amount) <= quantity(maximum) else maximum


def largest(amounts: Iterable[Amount | None]) -> Amount | None:
    """Return the largest amount, as it is written; None without any."""
    return max((amount for amount in amounts if amount is not None), key=quantity, default=None)


def _written(value: object) -> object:
    """Check a quantity that is a text or a whole number in a manifest, and return it as a text."""
    if type(value) is not int and not isinstance(value, str):
        return value
    if value:
        quantity(value)
    return str(value)


Quantity = Annotated[str, BeforeValidator(_written)]
"""A field that is a quantity in a manifest, and a text in the model. An empty text is left as it is."""
