"""Which token of Guacamole's a request shows. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN: Final = re.compile(r"[0-9A-Za-z]{1,256}")
"""Guacamole makes tokens of hexadecimal digits. What else is sent it may read otherwise than we do."""


class UnclearTokenError(ValueError):
    """A request shows more than one token, or one that Guacamole never made."""


def shown_token(headers: Iterable[str], query: str) -> str:
    """Return the token of a request; empty if it shows none.

    Guacamole's tunnels read the parameter `token` alone, and its other addresses the header before it. So a request
    with two tokens would be one thing to us and another to Guacamole.

    Args:
        headers: each line of the header `Guacamole-Token`.
        query: as it stands in the address. Names count in small and in capital letters.

    Raises:
        UnclearTokenError: there are two, or one is no token.
    """
    named = (value for name, value in parse_qsl(query, keep_blank_values=True) if name.lower() == "token")
    tokens = {token for token in (*headers, *named) if token}
    if len(tokens) > 1 or not all(_TOKEN.fullmatch(token) for token in tokens):
        raise UnclearTokenError("The request shows more than one token, or one that is none.")
    return next(iter(tokens), "")
