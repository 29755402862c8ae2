"""Start and stop the operator, and turn the events of Kopf's watches into keys for the queue.

Kopf's own handlers for creation and change are not used: see docs/decisions/0001-level-based-reconcile.md.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import Counter
from typing import Any

import kopf

from blendersessions.gateways.agent import Agents
from blendersessions.gateways.guacamole.http import Account, Http
from blendersessions.gateways.guacamole.registry import Registry
from blendersessions.gateways.kubernetes import PAGE, connect
from blendersessions.handlers.activities import watch_tunnels
from blendersessions.handlers.context import Operator, World
from blendersessions.handlers.listing import note, prime
from blendersessions.handlers.persistence import NoDiffBase, NoProgress
from blendersessions.handlers.reconcile import reconcile
from blendersessions.handlers.resync import resync
from blendersessions.handlers.store import CHILD_KINDS
from blendersessions.handlers.sweep import Sweeper
from blendersessions.handlers.watches import keep_watch
from blendersessions.handlers.workqueue import WorkQueue
from blendersessions.logs import closing_quietly
from blendersessions.metrics import Metrics
from blendersessions.model.manifest import API_GROUP, CLASS_KIND, SESSION_KIND, Ref
from blendersessions.planning.sweep import Grace

logger = logging.getLogger(__name__)

LAG_SECONDS = 1.0


def build_registry() -> kopf.OperatorRegistry:
    """Register the handlers: the watches, start-up, clean-up and the log-in."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_log_in)
    kopf.on.startup(registry=registry)(_start)
    kopf.on.cleanup(registry=registry)(_stop)
    for plural, kind in (("blendersessions", SESSION_KIND), ("blendersessionclasses", CLASS_KIND)):
        handler = functools.partial(_event, kind=kind)
        kopf.on.event(API_GROUP, "v1alpha1", plural, id=f"{plural}_event", registry=registry)(handler)
    return registry


def _log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - Kopf's own arguments, handed on
    """Sign Kopf in without the Kubernetes client, whose models cost memory."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


async def _start(memo: Operator, settings: kopf.OperatorSettings, **_: object) -> None:
    configured = memo.settings
    settings.watching.chunk_size = PAGE
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.posting.enabled = False
    settings.networking.connect_timeout = 10
    settings.networking.request_timeout = 60
    # Below the pod's grace of 30 s, so that the token is given back before SIGKILL.
    settings.process.ultimate_exiting_timeout = 25
    # A scan at each change of a definition is no help: what the API server says it serves lags behind the definitions,
    # so Kopf would find nothing to watch after one came back, and look no more. `main` ends when Kopf's watch is
    # refused.
    settings.scanning.disabled = True
    account = Account(
        url=configured.guacamole_url,
        username=configured.guacamole_username,
        password_file=configured.guacamole_password_file,
        ca_file=configured.guacamole_ca_file,
    )
    metrics = Metrics()
    _serve(metrics, configured.metrics_port)
    memo.http = Http(account, functools.partial(metrics.requested, "guacamole"))
    queue: WorkQueue[Ref]
    watches = len(CHILD_KINDS) * max(1, len(configured.namespace_list))
    world = World(
        kubernetes=await connect(functools.partial(metrics.requested, "kubernetes"), watches),
        registry=Registry(memo.http, configured.guacamole_group),
        profile=configured.profile,
        namespaces=configured.namespace_list,
        metrics=metrics,
        pod=Ref("Pod", configured.pod_namespace, configured.pod_name) if configured.pod_name else None,
        wake=lambda ref: queue.add(ref),  # noqa: PLW0108 - the queue is made from the world
        wake_after=lambda ref, seconds: queue.add_after(ref, seconds),  # noqa: PLW0108 - as above
        agents=Agents(functools.partial(metrics.requested, "agent")),
    )
    queue = WorkQueue(functools.partial(reconcile, world), configured.workers, world.store.is_starting)
    memo.world, memo.queue = world, queue
    count_sessions(world)
    versions = await prime(world)
    queue.start()
    for place, version in versions.items():
        watch = keep_watch(world, place, version)
        memo.tasks.append(asyncio.create_task(watch, name=f"watch of {place.kind} {place.namespace}".strip()))
    sweeper = Sweeper(configured.sweep, Grace(configured.sweep_grace_seconds), Grace(configured.sweep_grace_seconds))
    again = asyncio.create_task(resync(world, sweeper, configured.resync_seconds), name="resync")
    again.add_done_callback(functools.partial(_end, memo))
    memo.tasks.append(again)
    tunnels = watch_tunnels(world, configured.activity_seconds)
    memo.tasks.append(asyncio.create_task(tunnels, name="tunnels"))
    memo.tasks.append(asyncio.create_task(world.events.run(lambda: len(queue) > 0), name="events"))
    memo.tasks.append(asyncio.create_task(watch_lag(metrics), name="event loop's lag"))
    logger.info("The operator works.")


def _end(memo: Operator, task: asyncio.Task[None]) -> None:
    """End the operator for the reason that a task of it gave up."""
    if not task.cancelled() and (reason := task.exception()) is not None:
        memo.reason = str(reason)
        memo.ending.set()


def _serve(metrics: Metrics, port: int) -> None:
    try:
        if port:
            metrics.serve(port)
    except OSError as error:
        raise kopf.PermanentError(
            f"No metrics on port {port} ({error.strerror}): choose another BLENDERSESSIONS_METRICS_PORT."
        ) from error


async def _stop(memo: Operator, **_: object) -> None:
    # Kopf waits for it too.
    memo.ending.set()
    asyncio.get_running_loop().set_exception_handler(closing_quietly)
    for task in memo.tasks:
        task.cancel()
    await asyncio.gather(*memo.tasks, return_exceptions=True)
    if memo.queue is not None:
        await memo.queue.close()
    if memo.http is not None:
        await memo.http.close()
    if memo.world is not None:
        await memo.world.events.flush()
        await memo.world.kubernetes.close()
        await memo.world.agents.close()
        memo.world.metrics.close()


async def _event(memo: Operator, event: kopf.RawEvent, kind: str, **_: object) -> None:
    """Note the new state of a session or a class."""
    if memo.world is not None:
        note(memo.world, {"kind": kind} | dict(event["object"]), gone=event["type"] == "DELETED")


def count_sessions(world: World) -> None:
    """Have the sessions counted for each scrape, by their phase and by the class that they wait for."""

    def by_phase() -> Counter[tuple[str, ...]]:
        return Counter((str(session.status.get("phase", "Pending")),) for session in world.store.sessions())

    def waiting() -> Counter[tuple[str, ...]]:
        return Counter(
            (session.namespace, session.spec.class_name)
            for session in world.store.sessions()
            if "queuePosition" in session.status
        )

    world.metrics.count("blendersessions_sessions", "Sessions by their phase.", ["phase"], by_phase)
    text = "Sessions that wait for room in their class."
    world.metrics.count("blendersessions_queue_length", text, ["namespace", "class"], waiting)


async def watch_lag(metrics: Metrics) -> None:
    """Measure once a second how late the event loop comes to what it planned: whatever blocks it shows there."""
    loop = asyncio.get_running_loop()
    while True:
        planned = loop.time() + LAG_SECONDS
        await asyncio.sleep(LAG_SECONDS)
        metrics.lagged(max(0.0, loop.time() - planned))
