"""The identity of a desktop: the pod, Service, Secret and connections that run one Blender."""

from __future__ import annotations

from typing import NamedTuple

from blendersessions.model.manifest import Ref
from blendersessions.model.names import is_generated

VIEW_SUFFIX = "-view"
"""End of the name of the view connection, which takes no input."""


class Desktop(NamedTuple):
    """The identity of one desktop. It is independent of a session, so it stays the same when a session takes it over.

    A named tuple, because thousands are made in a second.
    """

    namespace: str
    name: str
    """Name of its pod, its Service, its Secret and of the owner's connection."""

    @property
    def view_connection(self) -> str:
        """Name of the connection for viewers."""
        return self.name + VIEW_SUFFIX

    @property
    def connections(self) -> tuple[str, str]:
        """Names of the connections that the desktop has or may have had: the owner's and the viewers'."""
        return self.name, self.view_connection

    @property
    def hostname(self) -> str:
        """Host name by which guacd reaches the desktop."""
        return f"{self.name}.{self.namespace}.svc"

    def ref(self, kind: str) -> Ref:
        """Return the reference of the desktop's object of this kind."""
        return Ref(kind, self.namespace, self.name)


def desktop_of_connection(name: str) -> str:
    """Return the name of the desktop that a connection of this name leads to; empty if the name is not of our form."""
    desktop = name.removesuffix(VIEW_SUFFIX)
    return desktop if is_generated(desktop) else ""
