"""The attributes of connections, connection groups and users: their names, and how each value is stored.

Guacamole accepts a value that does not parse, and stores null (recorded: connection-create-bad-attribute-values,
connection-get-bad-attribute-values, user-create-bad-values, user-get-bad-values).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

Normalise = Callable[[str], "str | None"]
"""Turn the text that a client sent (empty for null) into the value that is stored."""


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
    # A day or a month that is too large rolls over: 2099-02-31 becomes 2099-03-03 (recorded: user-get-bad-values).
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
    # This is the only attribute that reads back as "" when it is off (recorded: group-list).
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
    """Return the attributes of a new object: every known name, with null for what was not given."""
    return {name: normalise(given.get(name) or "") for name, normalise in known.items()}


def merged(
    known: Mapping[str, Normalise], old: Mapping[str, str | None], given: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Return the attributes after an update that keeps those it does not name (recorded: user-get-after-update)."""
    return stored(known, {**old, **given})


def echoed(known: Mapping[str, Normalise], given: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the attributes in the answer to a create: the values as they were sent, without unknown names.

    (recorded: user-create-bad-date, user-create-unknown-attr)
    """
    return {name: given[name] for name in known if name in given}
