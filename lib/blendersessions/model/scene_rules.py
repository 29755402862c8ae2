"""What a class says about the sources of scenes: which it refuses, and which files its Blender can open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.model.session import Session
    from blendersessions.model.session_class import SessionClass

Version = tuple[int, int]
"""Major and minor number of a Blender, which decide what it can open."""
SHOWN: Final = 8
"""Classes that a message names. A namespace may have many more."""
_VERSION: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})", re.ASCII)


def reaches_addresses(session_class: SessionClass) -> bool:
    """Return whether the desktops of a class may fetch their scene from an address."""
    return session_class.spec.egress == "Public"


def source_refusal(session: Session, session_class: SessionClass) -> str:
    """Return why a class refuses the source of a session's scene; empty if it does not."""
    scene, name = session.spec.scene, session_class.name
    if scene.url and not reaches_addresses(session_class):
        return (
            f"spec.scene.url is fetched by the desktop, and the class {name} lets desktops reach nothing "
            "(egress: None): bring the scene in by scene.upload or scene.volume, create the session in a class with "
            "egress: Public, or have an administrator set that in the class."
        )
    if scene.upload is not None and not session_class.spec.transfer.upload:
        return (
            f"spec.scene.upload waits for a file, and the class {name} takes none (transfer.upload: false): bring the "
            "scene in by scene.volume or scene.url, create the session in a class with transfer.upload: true, or have "
            "an administrator set that in the class."
        )
    return ""


def classes_that_take(session: Session, classes: Iterable[SessionClass]) -> str:
    """Return the sentence that names the classes which take the source of a session's scene."""
    names = [each.name for each in _usable(classes) if not source_refusal(session, each)]
    if not names:
        return "No class of the namespace allows it."
    return f"Classes of the namespace that allow it: {_listed(names)}."


def classes_that_open(needs: str, classes: Iterable[SessionClass]) -> str:
    """Return the sentence that names the classes whose Blender opens a file which another one does not.

    Args:
        needs: the oldest Blender that opens the file, such as `5.0`; empty if the agent does not say it.
        classes: the other classes of the namespace.
    """
    needed = _version(needs)
    versions = [(_version(each.spec.blender_version), each) for each in _usable(classes)]
    names = [f"{each.name} ({each.spec.blender_version})" for version, each in versions if needs and version >= needed]
    if not names:
        return (
            "No class of the namespace says by its blenderVersion that it can open the file: save it with an older "
            "Blender, or have an administrator make a class with a newer one."
        )
    return f"Create the session in a class that can open it: {_listed(names)}."


def _version(text: str) -> Version:
    """Read a version; (0, 0) if the text is none."""
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _usable(classes: Iterable[SessionClass]) -> list[SessionClass]:
    return sorted((each for each in classes if not each.spec_error), key=lambda each: each.name)


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
