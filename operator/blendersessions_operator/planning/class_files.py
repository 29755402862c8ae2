"""Decide whether what a class names for its desktops is there, and lets the class use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.conditions import Reason
from blendersessions.model.labels import CLASS_FILES_FOR
from blendersessions_operator.planning.endings import Explanation
from blendersessions_operator.planning.named_claim import ANYBODY, allowed_names

if TYPE_CHECKING:
    from blendersessions.model.class_files import ClassSource
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session


def class_files_refusal(session: Session, source: ClassSource, found: Manifest | None) -> Explanation | None:
    """Return why the files of the session's class cannot be brought in; None if they can.

    Args:
        session: a session of the class.
        source: where the class has some of its files.
        found: the ConfigMap or the claim as it was just read; None if it does not exist.
    """
    name, field = session.spec.class_name, f"spec.{source.field}"
    if found is None:
        message = (
            f"The class {name} has its {source.purpose} in the {source.kind} {source.name}, and the namespace "
            f"{session.namespace} has none of that name. Its desktops start when it exists, or when an administrator "
            f"has corrected {field} of the class."
        )
        return Explanation(Reason.CLASS_FILES_NOT_FOUND, message)
    if source.config_map:
        return _missing_key(name, source, found)
    if {ANYBODY, name} & allowed_names(found, CLASS_FILES_FOR):
        return None
    message = (
        f"The volume claim {source.name} with the {source.purpose} of the class {name} does not allow the class: have "
        f"somebody who may change claims allow it by kubectl annotate pvc {source.name} -n {session.namespace} "
        f"{CLASS_FILES_FOR}={name}. The session then starts within a minute."
    )
    return Explanation(Reason.CLASS_FILES_NOT_ALLOWED, message)


def _missing_key(class_name: str, source: ClassSource, found: Manifest) -> Explanation | None:
    keys = {*(found.get("data") or {}), *(found.get("binaryData") or {})}
    if not source.path or source.path in keys:
        return None
    message = (
        f"The class {class_name} has its {source.purpose} in the ConfigMap {source.name} as {source.path}, and it has "
        f"no key of that name. Its desktops start when it has one, or when an administrator has corrected "
        f"spec.{source.field} of the class."
    )
    return Explanation(Reason.CLASS_FILES_NOT_FOUND, message)
