"""The attributes of connections, groups and users: which exist, and what a value becomes when it is stored.

A value that does not parse is accepted and stored as null; a client that cares must read it back.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

Normalise = Callable[[str], "str | None"]


def _number(value: str) -> str | None:
    return value if re.fullmatch(r"-?\d{1,10}", value) else None


def _words(*accepted: str) -> Normalise:
    return lambda value: value if value in accepted else None


def _any(value: str) -> str | None:
    return value or None


def _date(value: str) -> str | None:
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", value)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    # A day or month beyond the end rolls over into the next one: 2099-02-31 is 2099-03-03.
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    try:
        return (dt.date(year, month, 1) + dt.timedelta(days=day - 1)).isoformat()
    except (ValueError, OverflowError):
        return None


def _time(value: str) -> str | None:
    match = re.fullmatch(r"(\d{1,2}):(\d{2}):(\d{2})", value)
    if match is None:
        return None
    hour, minute, second = (int(part) for part in match.groups())
    return f"{hour % 24:02}:{minute:02}:{second:02}" if minute < 60 and second < 60 else None


CONNECTION: Mapping[str, Normalise] = {
    "guacd-encryption": _words("none", "ssl"),
    "failover-only": _words("true"),
    "weight": _number,
    "max-connections": _number,
    "guacd-hostname": _any,
    "guacd-port": _number,
    "max-connections-per-user": _number,
}
GROUP: Mapping[str, Normalise] = {
    "max-connections": _number,
    "max-connections-per-user": _number,
    # The one attribute that reads back as "" when it is off.
    "enable-session-affinity": lambda value: value if value == "true" else "",
}
PROFILE: Mapping[str, Normalise] = {
    "guac-email-address": _any,
    "guac-organizational-role": _any,
    "guac-full-name": _any,
    "guac-organization": _any,
}
USER: Mapping[str, Normalise] = {
    **PROFILE,
    "expired": _words("true"),
    "timezone": _any,
    "access-window-start": _time,
    "access-window-end": _time,
    "valid-until": _date,
    "valid-from": _date,
}


def stored(known: Mapping[str, Normalise], given: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return every known attribute with the value that is stored for it."""
    return {name: normalise(given.get(name) or "") for name, normalise in known.items()}


def merged(
    known: Mapping[str, Normalise], old: Mapping[str, str | None], given: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Return the attributes after an update that keeps what it does not name."""
    return stored(known, {**old, **given})


def echoed(known: Mapping[str, Normalise], given: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return what a create answers: the values as they were sent, unknown attributes dropped."""
    return {name: given[name] for name in known if name in given}
