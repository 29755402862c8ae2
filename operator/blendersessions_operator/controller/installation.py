"""Find out which installation this operator belongs to, and whether its connection group is its own."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.clients.backoff import backoff
from blendersessions.clients.guacamole.marks import Installation
from blendersessions.model.conditions import Reason
from blendersessions.model.errors import DomainError, GroupTaken
from blendersessions.model.manifest import Ref
from blendersessions_operator.planning.status_events import Event

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.settings import Settings

logger = logging.getLogger(__name__)

CLUSTER: Final = Ref("Namespace", "", "kube-system")
"""The namespace whose UID stands for the cluster: every cluster has it, and nobody can make it anew."""
MAX_DELAY_SECONDS: Final = 5.0
"""Longest pause between two attempts to read it."""


async def find_installation(settings: Settings, kubernetes: Kubernetes) -> Installation:
    """Return the installation, once the API server answers.

    The same release that is installed again in the same cluster is the same installation.
    """
    if settings.installation_id:
        return Installation(settings.installation_id, settings.guacamole_group)
    attempt = 0
    while True:
        try:
            cluster = (await kubernetes.get(CLUSTER))["metadata"]["uid"]
        except DomainError as error:
            attempt += 1
            logger.warning(
                "The operator cannot read the namespace %s, whose UID is a part of this installation's id, and tries "
                "again. If the right is missing, give it, or set BLENDERSESSIONS_INSTALLATION_ID (chart: "
                "operator.installationID). %s",
                CLUSTER.name,
                error,
            )
            await asyncio.sleep(min(backoff(attempt), MAX_DELAY_SECONDS))
            continue
        parts = f"{cluster}/{settings.pod_namespace}/{settings.release}"
        return Installation(hashlib.sha256(parts.encode()).hexdigest()[:16], settings.guacamole_group)


async def announce_taken_group(context: ReconcilerContext) -> None:
    """Say at the start if the connection group is another installation's. Other failures show in the sessions."""
    try:
        await context.guacamole.refresh()
    except GroupTaken as taken:
        logger.warning("%s", taken)
        context.events.operator_event(Event("Warning", Reason.GROUP_TAKEN, str(taken), datetime.now(UTC)))
    except DomainError as error:
        logger.info("Guacamole's connection group cannot be read yet: %s", error)
