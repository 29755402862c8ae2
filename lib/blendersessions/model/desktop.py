"""The identity of a desktop: the pod, Service, Secret and connections that run one Blender."""

from __future__ import annotations

from typing import NamedTuple

from blendersessions.model.manifest import Ref
from blendersessions.model.names import is_generated

VIEW_SUFFIX = "-view"
"""End of the name of the connection that shows a desktop and takes no input."""


class Desktop(NamedTuple):
    """Which desktop. It is itself whether or not a session has it: nothing here follows from a session.

    A tuple, since thousands a second are made.
    """

    namespace: str
    name: str
    """Name of its pod, its Service, its Secret and of the owner's connection."""

    @property
    def view_connection(self) -> str:
        """Name of the connection by which viewers look at it."""
        return self.name + VIEW_SUFFIX

    @property
    def connections(self) -> tuple[str, str]:
        """Names of the connections that it has or may have had: the owner's and the viewers'."""
        return self.name, self.view_connection

    @property
    def hostname(self) -> str:
        """Name by which guacd reaches it."""
        return f"{self.name}.{self.namespace}.svc"

    def ref(self, kind: str) -> Ref:
        """Return the place of its object of this kind."""
        return Ref(kind, self.namespace, self.name)


def desktop_of_connection(name: str) -> str:
    """Return the name of the desktop that a connection of this name leads to; empty if the name is not ours."""
    desktop = name.removesuffix(VIEW_SUFFIX)
    return desktop if is_generated(desktop) else ""
