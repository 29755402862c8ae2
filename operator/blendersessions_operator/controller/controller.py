"""Put the controller together, start its tasks, and stop them in order."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.clients.agent import AgentClient
from blendersessions.clients.guacamole.client import Account, GuacamoleClient
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.clients.kubernetes import connect
from blendersessions.model.manifest import Ref
from blendersessions.model.status import Phase
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.context import ReconcilerContext
from blendersessions_operator.controller.guacd_health import GuacdHealth
from blendersessions_operator.controller.guacd_watch import settle_guacd, watch_guacd
from blendersessions_operator.controller.informer import Informer, sync_caches, watched_kinds
from blendersessions_operator.controller.reconciler import reconcile
from blendersessions_operator.controller.resync import resync
from blendersessions_operator.controller.sweep import Sweeper
from blendersessions_operator.controller.tunnel_poll import poll_tunnels
from blendersessions_operator.controller.workqueue import WorkQueue
from blendersessions_operator.metrics import Metrics
from blendersessions_operator.planning.sweep import GracePeriod

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from blendersessions_operator.settings import Settings

logger = logging.getLogger(__name__)

LAG_PERIOD_SECONDS = 1.0
"""Time between two measurements of the event loop's lag."""


@dataclass
class Controller:
    """A running controller: its context, its client of Guacamole, and its tasks."""

    context: ReconcilerContext
    guacamole_client: GuacamoleClient
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def create(cls, settings: Settings) -> Controller:
        """Create the clients and the caches; nothing runs yet.

        Raises:
            OSError: the port for metrics cannot be used.
        """
        metrics = Metrics()
        if settings.metrics_port:
            metrics.serve(settings.metrics_port)
        account = Account(
            url=settings.guacamole_url,
            username=settings.guacamole_username,
            password_file=settings.guacamole_password_file,
            ca_file=settings.guacamole_ca_file,
        )
        client = GuacamoleClient(account, functools.partial(metrics.requested, "guacamole"))
        watches = len(watched_kinds(settings.installation)) * max(1, len(settings.namespace_list))
        cache = ObjectCache()
        context = ReconcilerContext(
            kubernetes=await connect(functools.partial(metrics.requested, "kubernetes"), watches),
            guacamole=GuacamoleDirectory(client, settings.guacamole_group),
            queue=WorkQueue[Ref](settings.workers, cache.is_starting),
            installation=settings.installation,
            namespaces=settings.namespace_list,
            metrics=metrics,
            pod=Ref("Pod", settings.pod_namespace, settings.pod_name) if settings.pod_name else None,
            cache=cache,
            agents=AgentClient(functools.partial(metrics.requested, "agent")),
            guacd=GuacdHealth(*(settings.guacd_endpoint or ())),
        )
        count_sessions(context)
        if settings.guacd_endpoint:
            text = "1 if guacd answers, else 0."
            metrics.count("blendersessions_guacd_up", text, [], lambda: {(): int(not context.guacd.error)})
        return cls(context, client)

    async def start(self, settings: Settings, on_failure: Callable[[BaseException], None]) -> None:
        """Fill the cache, then start the workers, the informers, the polls and the resync.

        Args:
            settings: periods, and the mode of the sweep.
            on_failure: called with the reason if the controller cannot go on.
        """
        context = self.context
        versions = await sync_caches(context)
        if settings.guacd_endpoint:
            await settle_guacd(context)
            self._run(watch_guacd(context, settings.guacd_seconds), "guacd watch")
        context.queue.start(functools.partial(reconcile, context))
        for collection, version in versions.items():
            name = f"informer {collection.kind} {collection.namespace}".strip()
            self._run(Informer(context, collection).run(version), name)
        grace = settings.sweep_grace_seconds
        sweeper = Sweeper(settings.sweep, GracePeriod(grace), GracePeriod(grace))
        resyncs = self._run(resync(context, sweeper, settings.resync_seconds), "resync")
        resyncs.add_done_callback(functools.partial(_report_failure, on_failure))
        self._run(poll_tunnels(context, settings.activity_seconds), "tunnel poll")
        self._run(context.events.run(lambda: len(context.queue) > 0), "event recorder")
        self._run(measure_lag(context.metrics), "event loop lag")

    async def stop(self) -> None:
        """Stop all tasks, let running reconciliations end, sign out of Guacamole, and post the remaining Events."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.context.queue.close()
        await self.context.agent_calls.close()
        await self.guacamole_client.close()
        await self.context.events.flush()
        await self.context.kubernetes.close()
        await self.context.agents.close()
        self.context.metrics.close()

    def _run(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.append(task)
        return task


def _report_failure(on_failure: Callable[[BaseException], None], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        on_failure(error)


def count_sessions(context: ReconcilerContext) -> None:
    """Add the gauges that count sessions at each scrape: by phase, and by the class whose capacity they wait for."""

    def by_phase() -> Counter[tuple[str, ...]]:
        return Counter((str(session.status.phase or Phase.PENDING),) for session in context.cache.sessions())

    def waiting() -> Counter[tuple[str, ...]]:
        return Counter(
            (session.namespace, session.spec.class_name)
            for session in context.cache.sessions()
            if session.status.queue is not None
        )

    context.metrics.count("blendersessions_sessions", "Sessions by their phase.", ["phase"], by_phase)
    text = "Sessions that wait for capacity in their class."
    context.metrics.count("blendersessions_queue_length", text, ["namespace", "class"], waiting)


async def measure_lag(metrics: Metrics) -> None:
    """Measure once a second how late the event loop runs a timer, which shows work that blocks the loop."""
    loop = asyncio.get_running_loop()
    while True:
        planned = loop.time() + LAG_PERIOD_SECONDS
        await asyncio.sleep(LAG_PERIOD_SECONDS)
        metrics.lagged(max(0.0, loop.time() - planned))
