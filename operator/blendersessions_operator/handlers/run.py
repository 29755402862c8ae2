"""Run Kopf until SIGTERM, or until the operator cannot go on."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import kopf
from kopf._cogs.clients.errors import APIError

from blendersessions_operator.handlers.event_loop import ALL_ADDRESSES, EventLoop
from blendersessions_operator.handlers.kopf_handlers import OperatorState, build_registry

if TYPE_CHECKING:
    from blendersessions_operator.settings import Settings


def run(settings: Settings) -> str:
    """Run the operator; return why it cannot go on, or an empty text after SIGTERM."""
    state = OperatorState(settings)
    namespaces = settings.namespace_list
    try:
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            kopf.run(
                loop=runner.get_loop(),
                registry=build_registry(),
                memo=state,
                # Otherwise Kopf would look up the name of the account, which a container does not have.
                identity=socket.gethostname(),  # type: ignore[arg-type]  # a NewType that Kopf does not export
                stop_flag=state.stop_flag,
                standalone=True,
                clusterwide=not namespaces,
                namespaces=namespaces,
                liveness_endpoint=f"http://[{ALL_ADDRESSES}]:{settings.health_port}/healthz",
            )
    except APIError as error:
        # Kopf never resumes a watch that was refused. So the process ends, and Kubernetes starts it again.
        state.failure = f"A watch failed for good (HTTP status {error.status}: {error})."
    return state.failure
