"""Kubernetes objects as the API server sends them: plain dicts, because the client's models cost 100 MiB of memory."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

Manifest: TypeAlias = dict[str, Any]
"""One object (or a part of one) as decoded JSON."""

API_GROUP = "blendersessions.io"
API_VERSION = f"{API_GROUP}/v1alpha1"
SESSION_KIND = "BlenderSession"
CLASS_KIND = "BlenderSessionClass"


class Ref(NamedTuple):
    """Where an object is. A named tuple, because thousands are made and looked up in a second."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def ref_of(manifest: Manifest) -> Ref:
    """Return where an object is."""
    meta = manifest["metadata"]
    return Ref(manifest["kind"], meta["namespace"], meta["name"])


def controller_uid(manifest: Manifest) -> str | None:
    """Return the UID of the object that controls this one, or None."""
    for owner in manifest["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["uid"])
    return None


def is_subset(actual: object, desired: object) -> bool:
    """Return whether every leaf of `desired` is in `actual`. Fields that others added to `actual` are ignored."""
    if isinstance(desired, dict):
        return isinstance(actual, dict) and all(is_subset(actual.get(key), value) for key, value in desired.items())
    if isinstance(desired, list):
        return isinstance(actual, list) and all(any(is_subset(have, want) for have in actual) for want in desired)
    return actual == desired


def first_difference(actual: object, desired: object) -> tuple[str, ...]:
    """Return the path of the first field of `desired` that is not in `actual`; empty if `desired` is a subset.

    A list differs as a whole: its entries have no names.
    """
    if not isinstance(desired, dict):
        return ()
    for key, value in desired.items():
        there = actual.get(key) if isinstance(actual, dict) else None
        if not is_subset(there, value):
            return (key, *first_difference(there, value))
    return ()
