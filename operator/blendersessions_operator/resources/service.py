"""The Service by which guacd reaches the desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import labels
from blendersessions.model.container import VNC_PORT
from blendersessions_operator.resources.metadata import desktop_metadata

if TYPE_CHECKING:
    from blendersessions.model.desktop import Desktop
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session


def service(desktop: Desktop, session: Session) -> Manifest:
    """Build the Service.

    Its name resolves before the scene is on screen, because guacd may wait and the conditions report readiness.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": desktop_metadata(desktop, session),
        "spec": {
            "type": "ClusterIP",
            "publishNotReadyAddresses": True,
            "selector": {labels.DESKTOP_NAME: desktop.name},
            "ports": [{"name": "vnc", "port": VNC_PORT, "protocol": "TCP", "targetPort": "vnc"}],
        },
    }
