"""The identity of a desktop: the pod, Service, Secret and connections that run one Blender."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from blendersessions.model.manifest import Ref
from blendersessions.model.names import is_generated

VIEW_SUFFIX = "-view"
"""End of the key of the view connection, which takes no input."""
MAX_CONNECTION_NAME: Final = 128
"""Longest name of a connection in Guacamole, in characters."""
_SHOWN = re.compile(r".* \(([a-z0-9-]+)\)", re.DOTALL)


class Desktop(NamedTuple):
    """The identity of one desktop. It is independent of a session, so it stays the same when a session takes it over.

    A named tuple, because thousands are made in a second.
    """

    namespace: str
    name: str
    """Name of its pod, its Service and its Secret, and key of the owner's connection."""

    @property
    def view_connection(self) -> str:
        """Key of the connection for viewers."""
        return self.name + VIEW_SUFFIX

    @property
    def connections(self) -> tuple[str, str]:
        """Keys of the connections that the desktop has or may have had: the owner's and the viewers'."""
        return self.name, self.view_connection

    @property
    def hostname(self) -> str:
        """Host name by which guacd reaches the desktop."""
        return f"{self.name}.{self.namespace}.svc"

    def ref(self, kind: str) -> Ref:
        """Return the reference of the desktop's object of this kind."""
        return Ref(kind, self.namespace, self.name)


def connection_name(key: str, person: str, suffix: str = "") -> str:
    """Return the name of a connection in Guacamole, by which a person knows what it opens.

    Args:
        key: the connection's key, which no other connection has.
        person: what a person knows: the namespace and the name of the session. It is cut if it is too long.
        suffix: what follows it.
    """
    rest = f"{suffix} ({key})"
    room = MAX_CONNECTION_NAME - len(rest)
    return (person if len(person) <= room else f"{person[: room - 3]}...") + rest


@lru_cache(maxsize=16384)
def connection_key(name: str) -> str:
    """Return the key of a connection: what stands in parentheses at the end of its name in Guacamole.

    A connection of an older version has its key as name. A name of another form is its own key.
    """
    found = _SHOWN.fullmatch(name)
    return found[1] if found and desktop_of_connection(found[1]) else name


def desktop_of_connection(key: str) -> str:
    """Return the name of the desktop that a connection of this key leads to; empty if the key is not of our form."""
    desktop = key.removesuffix(VIEW_SUFFIX)
    return desktop if is_generated(desktop) else ""
