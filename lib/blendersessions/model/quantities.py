"""Kubernetes quantities, compared as numbers.

The client's own parser would import its models, which cost 100 MiB of memory. The notation is that of
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_FORM = re.compile(
    r"^([+-]?[0-9]*\.?[0-9]+|[+-]?[0-9]+\.)(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?[0-9]+))?$"
)
_BINARY = {suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_DECIMAL = {
    suffix: Decimal(1000) ** power for suffix, power in zip("numkMGTPE", (-3, -2, -1, 1, 2, 3, 4, 5, 6), strict=True)
}


@lru_cache(maxsize=1024)
def parse(quantity: str | float) -> Decimal:
    """Read a quantity.

    Raises:
        ValueError: it is none.
    """
    found = _FORM.match(str(quantity))
    if found is None:
        raise ValueError(f"{quantity!r} is no quantity: write it as 500m, 2 or 4Gi")
    number, suffix, exponent = found.groups()
    if exponent is not None:
        return Decimal(number).scaleb(int(exponent))
    return Decimal(number) * (_BINARY | _DECIMAL).get(suffix or "", Decimal(1))
