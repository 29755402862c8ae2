"""Events: what people are told beside the status. They are a courtesy: when one fails, nothing else does."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.model.errors import DomainError
from blendersessions.model.manifest import API_VERSION, SESSION_KIND

if TYPE_CHECKING:
    from blendersessions.handlers.context import World
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session

logger = logging.getLogger(__name__)

COMPONENT = "blender-sessions-operator"
_MESSAGE_LIMIT = 1024
"""Characters that the API server takes in an Event's message."""


async def post(world: World, session: Session, kind: str, reason: str, message: str) -> None:
    """Post an Event on a session; `kind` is Normal or Warning."""
    involved = {
        "apiVersion": API_VERSION,
        "kind": SESSION_KIND,
        "namespace": session.namespace,
        "name": session.name,
        "uid": session.uid,
    }
    await _post(world, involved, session.desktop_name, kind, reason, message)


async def post_for_operator(world: World, kind: str, reason: str, message: str) -> None:
    """Post an Event on the operator's own pod, about what belongs to no session; outside of a cluster there is none."""
    if world.pod is not None:
        involved = {"apiVersion": "v1", "kind": "Pod", "namespace": world.pod.namespace, "name": world.pod.name}
        await _post(world, involved, world.pod.name, kind, reason, message)


async def _post(world: World, involved: Manifest, name: str, kind: str, reason: str, message: str) -> None:
    now = datetime.now(UTC)
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    event: Manifest = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name}.{now.timestamp():.6f}.{reason.lower()}"[:253],
            "namespace": involved["namespace"],
        },
        "involvedObject": involved,
        "type": kind,
        "reason": reason,
        "message": message[:_MESSAGE_LIMIT],
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
        "source": {"component": COMPONENT},
    }
    try:
        await world.kubernetes.create(event)
    except DomainError as error:
        logger.debug("An Event was not posted: %s", error)
