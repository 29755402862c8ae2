"""Kopf's handlers: log-in, start-up, clean-up, and the watches of sessions and classes.

Kopf's own handlers for creation and change are not used: see docs/decisions/0001-level-based-reconcile.md.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import kopf

from blendersessions.model.manifest import API_GROUP, CLASS_KIND, SESSION_KIND
from blendersessions_operator.controller.controller import Controller
from blendersessions_operator.controller.informer import apply_event
from blendersessions_operator.handlers.logs import log_loop_error
from blendersessions_operator.handlers.persistence import NoDiffBase, NoProgress

if TYPE_CHECKING:
    from blendersessions_operator.settings import Settings

logger = logging.getLogger(__name__)

OBJECTS_PER_CHUNK = 10
"""Sessions in one answer to a list of Kopf's, which holds it three times at once. A session may have a megabyte."""
EXIT_TIMEOUT_SECONDS = 25
"""Limit for Kopf's own shutdown. It is below the pod's grace period of 30 s, so that `_stop` ends before SIGKILL."""


LEASE_LOST = 3
"""The exit code of an operator that lost its Lease."""


@dataclass
class OperatorState:
    """Kopf's memo: the settings, and the controller from start-up on."""

    settings: Settings
    controller: Controller | None = None
    stop_flag: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the operator when it is set."""
    failure: str = ""
    """Why the operator cannot go on; empty if it can."""

    def __copy__(self) -> OperatorState:
        """Return the same state: Kopf copies the memo for every object, and all objects share one operator."""
        return self

    def fail(self, error: BaseException) -> None:
        """End the operator, because it cannot go on."""
        self.failure = str(error)
        self.stop_flag.set()


def build_registry() -> kopf.OperatorRegistry:
    """Register the handlers."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_log_in)
    kopf.on.startup(registry=registry)(_start)
    kopf.on.cleanup(registry=registry)(_stop)
    for plural, kind in (("blendersessions", SESSION_KIND), ("blendersessionclasses", CLASS_KIND)):
        handler = functools.partial(_event, kind=kind)
        kopf.on.event(API_GROUP, "v1alpha1", plural, id=f"{plural}_event", registry=registry)(handler)
    return registry


def _log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - Kopf's own arguments, handed on
    """Log Kopf in without the Kubernetes library, whose models cost 100 MiB of memory."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


async def _start(memo: OperatorState, settings: kopf.OperatorSettings, **_: object) -> None:
    _configure(settings)
    try:
        memo.controller = await Controller.create(memo.settings, end_at_once)
    except OSError as error:
        raise kopf.PermanentError(
            f"No metrics on port {memo.settings.metrics_port} ({error.strerror}): "
            "choose another BLENDERSESSIONS_METRICS_PORT."
        ) from error
    await memo.controller.start(memo.settings, memo.fail)
    logger.info("The operator is running.")


def end_at_once(reason: str) -> NoReturn:
    """End the process, because another operator leads or may do so soon. Nothing more is written on the way out."""
    logger.critical("%s The operator ends, and Kubernetes starts it again as a standby.", reason)
    os._exit(LEASE_LOST)


def _configure(settings: kopf.OperatorSettings) -> None:
    settings.watching.chunk_size = OBJECTS_PER_CHUNK
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.posting.enabled = False
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    settings.process.ultimate_exiting_timeout = EXIT_TIMEOUT_SECONDS
    # After a CRD was removed and applied again, the API server's discovery lags behind. Kopf's scan would find nothing
    # to watch, and would never scan again. Without scans Kopf's watch is refused instead, and `run` ends.
    settings.scanning.disabled = True


async def _stop(memo: OperatorState, **_: object) -> None:
    # Kopf itself waits for the flag too.
    memo.stop_flag.set()
    asyncio.get_running_loop().set_exception_handler(log_loop_error)
    if memo.controller is not None:
        await memo.controller.stop()


async def _event(memo: OperatorState, event: kopf.RawEvent, kind: str, **_: object) -> None:
    """Cache the new state of a session or a class."""
    if memo.controller is not None:
        apply_event(memo.controller.context, {"kind": kind} | dict(event["object"]), gone=event["type"] == "DELETED")
    # Kopf holds the event for some seconds more, which of a thousand large sessions would be too much.
    held: dict[str, Any] = dict(event["object"])
    for part in (held["metadata"], held.get("spec") or {}):
        for key in part.keys() - {"name", "namespace", "uid", "resourceVersion", "deletionTimestamp"}:
            del part[key]
