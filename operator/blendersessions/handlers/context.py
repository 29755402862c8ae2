"""What the handlers need: it travels in Kopf's memo, since nothing is global."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.handlers.store import Store
from blendersessions.metrics import Metrics

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from blendersessions.gateways.guacamole.http import Http
    from blendersessions.gateways.guacamole.registry import Registry
    from blendersessions.gateways.kubernetes import Kubernetes
    from blendersessions.handlers.workqueue import WorkQueue
    from blendersessions.model.manifest import Ref
    from blendersessions.model.profile import Profile
    from blendersessions.settings import Settings


@dataclass
class World:
    """The gateways and the last known state: what a reconciliation works with."""

    kubernetes: Kubernetes
    registry: Registry
    profile: Profile
    namespaces: list[str]
    wake: Callable[[Ref], None]
    """Has a session looked at again."""
    metrics: Metrics = field(default_factory=Metrics)
    pod: Ref | None = None
    """The operator's own pod, for Events about what belongs to no session; None outside of a cluster."""
    store: Store = field(default_factory=Store)

    def wake_sessions_of(self, username: str) -> None:
        """Have all sessions that let a Guacamole user in looked at again."""
        for ref in self.store.sessions_of_user(username):
            self.wake(ref)


@dataclass
class Operator:
    """The running operator. `world` and the rest exist from start-up on."""

    settings: Settings
    world: World | None = None
    http: Http | None = None
    queue: WorkQueue[Ref] | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __copy__(self) -> Operator:
        """Kopf copies the memo for every object; all of them share the one operator."""
        return self
