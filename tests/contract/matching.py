"""Comparing an answer with a recorded one, whose changing parts are placeholders: ``<id:3>``, ``<date-ms>``."""

from __future__ import annotations

import re
import uuid
from itertools import permutations
from typing import TypeAlias

Bindings: TypeAlias = dict[str, str]
PLACEHOLDER = re.compile(r"<(?:token|id|uuid)(?::[^>]*)?>")
UNORDERED = ("childConnections", "childConnectionGroups")
TIME = "<date-ms>"


class MismatchError(AssertionError):
    """An answer differs from the recorded one. The message names the place."""


def filled(value: object, bound: Bindings) -> object:
    """Return a recorded value with what its placeholders stand for; a new one gets something new."""
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: bound.setdefault(found.group(), str(uuid.uuid4())), value)
    if isinstance(value, list):
        return [filled(entry, bound) for entry in value]
    if isinstance(value, dict):
        return {str(filled(key, bound)): filled(entry, bound) for key, entry in value.items()}
    return value


def match(expected: object, actual: object, bound: Bindings, where: str = "body") -> Bindings:
    """Compare a value with a recorded one, and return the bindings that grew on the way.

    Raises:
        MismatchError: They differ.
    """
    if isinstance(expected, str):
        return _match_text(expected, actual, bound, where)
    if isinstance(expected, dict):
        return _match_object(expected, actual, bound, where)
    if isinstance(expected, list):
        return _match_list(expected, actual, bound, where)
    if type(expected) is not type(actual) or expected != actual:
        raise MismatchError(f"{where}: recorded {expected!r}, answered {actual!r}")
    return bound


def _match_text(expected: str, actual: object, bound: Bindings, where: str) -> Bindings:
    if expected == TIME:
        if isinstance(actual, bool) or not isinstance(actual, int) or actual < 10**12:
            raise MismatchError(f"{where}: recorded a time in milliseconds, answered {actual!r}")
        return bound
    if not isinstance(actual, str):
        raise MismatchError(f"{where}: recorded {expected!r}, answered {actual!r}")
    if PLACEHOLDER.fullmatch(expected) and expected not in bound:
        return {**bound, expected: actual}
    if PLACEHOLDER.sub(lambda found: bound.get(found.group(), found.group()), expected) != actual:
        raise MismatchError(f"{where}: recorded {expected!r}, answered {actual!r}")
    return bound


def _match_object(expected: dict[str, object], actual: object, bound: Bindings, where: str) -> Bindings:
    if not isinstance(actual, dict):
        raise MismatchError(f"{where}: recorded an object, answered {actual!r}")
    if len(expected) != len(actual):
        raise MismatchError(f"{where}: recorded the keys {sorted(expected)}, answered {sorted(actual)}")
    left = dict(actual)
    unknown = []
    for key, value in expected.items():
        known = bound.get(key, key)
        if known not in left:
            unknown.append(key)
            continue
        other = left.pop(known)
        if key in UNORDERED and isinstance(value, list) and isinstance(other, list):
            bound = _match_any_order(value, other, bound, f"{where}.{key}")
        else:
            bound = match(value, other, bound, f"{where}.{key}")
    if any(PLACEHOLDER.fullmatch(key) is None or key in bound for key in unknown):
        raise MismatchError(f"{where}: recorded the keys {sorted(expected)}, answered {sorted(actual)}")
    pairs = [{"key": key, "value": expected[key]} for key in unknown]
    return _match_any_order(pairs, [{"key": key, "value": value} for key, value in left.items()], bound, where)


def _match_list(expected: list[object], actual: object, bound: Bindings, where: str) -> Bindings:
    if not isinstance(actual, list) or len(expected) != len(actual):
        raise MismatchError(f"{where}: recorded {len(expected)} entries, answered {actual!r}")
    for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
        bound = match(one, other, bound, f"{where}[{index}]")
    return bound


def _match_any_order(expected: list[object], actual: list[object], bound: Bindings, where: str) -> Bindings:
    if len(expected) != len(actual):
        raise MismatchError(f"{where}: recorded {len(expected)} entries, answered {len(actual)}")
    last: MismatchError | None = None
    for order in permutations(actual):
        try:
            return _match_list(expected, list(order), bound, where)
        except MismatchError as error:
            last = error
    assert last is not None
    raise last
