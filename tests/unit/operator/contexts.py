"""A reconciler's context over fakes, with a queue that records what is enqueued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from blendersessions_operator.controller.cache import CHILD_KINDS
from blendersessions_operator.controller.context import ReconcilerContext
from unit.operator.factories import PROFILE

if TYPE_CHECKING:
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions_operator.controller.workqueue import WorkQueue


class RecordingQueue:
    """A work queue without workers."""

    def __init__(self) -> None:
        self.added: list[Ref] = []
        self.delays: list[float] = []
        """Seconds of each delayed addition."""

    def add(self, ref: Ref) -> None:
        self.added.append(ref)

    def add_after(self, ref: Ref, seconds: float) -> None:
        del ref
        self.delays.append(seconds)


def context_of(
    kubernetes: object,
    guacamole: object = None,
    *known: Manifest,
    agents: object = None,
    installation: InstallationDefaults = PROFILE,
) -> tuple[ReconcilerContext, RecordingQueue]:
    """Build a context over these fakes; `known` is in its cache."""
    queue = RecordingQueue()
    context = ReconcilerContext(
        kubernetes=cast("Any", kubernetes),
        guacamole=cast("Any", guacamole),
        queue=cast("WorkQueue[Ref]", queue),
        installation=installation,
        namespaces=[],
        agents=cast("Any", agents),
    )
    # The lists of sessions and classes come first, as at the start of the operator.
    for manifest in sorted(known, key=lambda each: each["kind"] in CHILD_KINDS):
        context.cache.put(manifest)
    return context, queue
