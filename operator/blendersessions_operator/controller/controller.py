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
from blendersessions.clients.kubernetes.client import connect
from blendersessions.model.manifest import Ref
from blendersessions.model.status import Phase
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.context import ReconcilerContext
from blendersessions_operator.controller.election import Election
from blendersessions_operator.controller.guacd_health import GuacdHealth
from blendersessions_operator.controller.guacd_watch import settle_guacd, watch_guacd
from blendersessions_operator.controller.informer import Informer, catch_up, sync_caches, watched_kinds
from blendersessions_operator.controller.installation import announce_taken_group, find_installation
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

RENEWAL = "lease renewal"
"""Name of the task that renews the Lease, which outlives all others."""
LAG_PERIOD_SECONDS = 1.0
"""Time between two measurements of the event loop's lag."""


@dataclass
class Controller:
    """A running controller: its context, its client of Guacamole, its part in the election, and its tasks."""

    context: ReconcilerContext
    guacamole_client: GuacamoleClient
    election: Election | None
    """None if this process works without a Lease."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def create(cls, settings: Settings, on_lost: Callable[[str], None]) -> Controller:
        """Create the clients and the caches; nothing runs yet.

        Args:
            settings: the operator's settings.
            on_lost: ends the process at once when it led and may not write any more; called with the reason.

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
        on_request = functools.partial(metrics.requested, "kubernetes")
        election = await Election.create(settings, on_request, on_lost)
        guard = election.leadership.guard if election is not None else None
        client = GuacamoleClient(account, functools.partial(metrics.requested, "guacamole"), guard)
        watches = len(watched_kinds(settings.installation)) * max(1, len(settings.namespace_list))
        cache = ObjectCache()
        kubernetes = await connect(on_request, watches, guard)
        installation = await find_installation(settings, kubernetes)
        logger.info("The installation's id is %s.", installation.id)
        context = ReconcilerContext(
            kubernetes=kubernetes,
            guacamole=GuacamoleDirectory(client, installation),
            queue=WorkQueue[Ref](settings.workers, cache.is_starting, lambda key: key.namespace),
            installation=settings.installation,
            namespaces=settings.namespace_list,
            metrics=metrics,
            leads=election is None,
            pod=Ref("Pod", settings.pod_namespace, settings.pod_name) if settings.pod_name else None,
            cache=cache,
            agents=AgentClient(functools.partial(metrics.requested, "agent")),
            guacd=GuacdHealth(*(settings.guacd_endpoint or ())),
        )
        count_sessions(context)
        count_pools(context)
        text = "1 if this operator works, 0 if it stands by."
        metrics.count("blendersessions_leader", text, [], lambda: {(): int(context.leads)})
        if settings.guacd_endpoint:
            text = "1 if guacd answers, else 0."
            metrics.count("blendersessions_guacd_up", text, [], lambda: {(): int(not context.guacd.error)})
        return cls(context, client, election)

    async def start(self, settings: Settings, on_failure: Callable[[BaseException], None]) -> None:
        """Fill the cache and keep it current; then work, or stand by until this process leads.

        Args:
            settings: periods, and the mode of the sweep.
            on_failure: called with the reason if the controller cannot go on.
        """
        versions = await sync_caches(self.context)
        for collection, version in versions.items():
            name = f"informer {collection.kind} {collection.namespace}".strip()
            self._run(Informer(self.context, collection).run(version), name)
        self._run(measure_lag(self.context.metrics), "event loop lag")
        if self.election is None:
            logger.info("The operator works without a Lease: no other one may serve the same namespaces.")
            await self._work(settings, on_failure)
        else:
            elected = self._run(self._stand_for(self.election, settings, on_failure), "leader election")
            elected.add_done_callback(functools.partial(_report_failure, on_failure))

    async def _stand_for(
        self, election: Election, settings: Settings, on_failure: Callable[[BaseException], None]
    ) -> None:
        """Wait until this process leads, and work from then on."""
        waited = await election.acquire()
        renewals = self._run(election.renew(), RENEWAL)
        renewals.add_done_callback(functools.partial(_report_failure, on_failure))
        if waited:
            await catch_up(self.context)
        self.context.leads = True
        for session in self.context.cache.sessions():
            self.context.queue.add(session.ref)
        self.context.enqueue_pools()
        await self._work(settings, on_failure)
        logger.info("The operator leads: it holds the %s.", election.elector.lock)

    async def _work(self, settings: Settings, on_failure: Callable[[BaseException], None]) -> None:
        """Start the workers, the polls and the resync."""
        context = self.context
        if settings.guacd_endpoint:
            await settle_guacd(context)
            self._run(watch_guacd(context, settings.guacd_seconds), "guacd watch")
        context.queue.start(functools.partial(reconcile, context))
        self._run(announce_taken_group(context), "first look at Guacamole's group")
        grace = settings.sweep_grace_seconds
        sweeper = Sweeper(settings.sweep, GracePeriod(grace), GracePeriod(grace))
        resyncs = self._run(resync(context, sweeper, settings.resync_seconds), "resync")
        resyncs.add_done_callback(functools.partial(_report_failure, on_failure))
        self._run(poll_tunnels(context, settings.activity_seconds), "tunnel poll")
        self._run(context.events.run(lambda: len(context.queue) > 0), "event recorder")

    async def stop(self) -> None:
        """Stop all tasks, let running reconciliations end, sign out of Guacamole, and post the remaining Events.

        The Lease is renewed until nothing is left to write, and then given back.
        """
        renewals = [task for task in self.tasks if task.get_name() == RENEWAL]
        await _cancel([task for task in self.tasks if task not in renewals])
        await self.context.queue.close()
        await self.context.agent_calls.close()
        await self.context.openings.close()
        await self.guacamole_client.close()
        await self.context.events.flush()
        await _cancel(renewals)
        if self.election is not None:
            await self.election.close()
        await self.context.kubernetes.close()
        await self.context.agents.close()
        self.context.metrics.close()

    def _run(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.append(task)
        return task


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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


def count_pools(context: ReconcilerContext) -> None:
    """Add the gauge that counts the desktops of pools at each scrape."""

    def by_state() -> Counter[tuple[str, ...]]:
        counts: Counter[tuple[str, ...]] = Counter()
        for key in context.cache.pool_keys():
            of = context.cache.session_class(key.namespace, key.name)
            if of is not None and of.pool_status is not None:
                pool = of.pool_status
                for state, count in (("ready", pool.ready), ("starting", pool.starting), ("wanted", pool.wanted)):
                    counts[key.namespace, key.name, state] = count
        return counts

    text = "Desktops of pools that no session has taken, and how many there should be."
    context.metrics.count("blendersessions_pool_desktops", text, ["namespace", "class", "state"], by_state)


async def measure_lag(metrics: Metrics) -> None:
    """Measure once a second how late the event loop runs a timer, which shows work that blocks the loop."""
    loop = asyncio.get_running_loop()
    while True:
        planned = loop.time() + LAG_PERIOD_SECONDS
        await asyncio.sleep(LAG_PERIOD_SECONDS)
        metrics.lagged(max(0.0, loop.time() - planned))
