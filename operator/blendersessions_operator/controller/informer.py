"""Keep the cache current: list each collection, then watch it from where the list ended.

Two systems watch. Kopf watches sessions and classes, the kinds that users write. The informers here watch Pods,
Services, Secrets and PersistentVolumeClaims, of which a session has up to four, and NetworkPolicies. For these, Kopf's
work between a watch and a handler costs more than the handler itself. See docs/decisions/0005-watches-of-our-own.md.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from blendersessions.clients.backoff import backoff
from blendersessions.clients.kubernetes.reflector import Collection, Reflector
from blendersessions.model.errors import DomainError, KindUnknown
from blendersessions.model.labels import SELECTOR
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Ref, ref_of
from blendersessions.model.warm_pool import pool_of
from blendersessions_operator.controller.cache import CHILD_KINDS
from blendersessions_operator.resources.network_policy import NETWORK_POLICY_KIND

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.answers import Change
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.controller.context import ReconcilerContext

logger = logging.getLogger(__name__)

MAX_SYNC_DELAY_SECONDS = 5.0
"""Longest pause between two attempts to fill the cache at start-up. No session is reconciled before it is filled."""


def watched_kinds(installation: InstallationDefaults) -> tuple[str, ...]:
    """Return the kinds that the operator writes, and so watches itself."""
    return CHILD_KINDS if installation.network is None else (*CHILD_KINDS, NETWORK_POLICY_KIND)


def collections(context: ReconcilerContext, kind: str) -> list[Collection]:
    """Return the collections of a kind that this operator serves."""
    return [Collection(kind, namespace) for namespace in context.namespaces or [""]]


async def sync_caches(context: ReconcilerContext) -> dict[Collection, str]:
    """Fill the cache before the first reconciliation, which would treat objects that are not cached as missing.

    Returns:
        The resource version of each list of child objects, from which its watch continues.
    """
    attempt = 0
    while True:
        try:
            # Directly after this Kopf reads once which kinds are served. It never watches a kind that is missing then.
            await context.kubernetes.check_served(SESSION_KIND, CLASS_KIND)
            await relist_sessions_and_classes(context)
            return {
                collection: await relist(context, collection)
                for kind in watched_kinds(context.installation)
                for collection in collections(context, kind)
            }
        except DomainError as error:
            attempt += 1
            logger.warning("The cache cannot be filled; the operator tries again. %s", error)
            await asyncio.sleep(min(backoff(attempt), MAX_SYNC_DELAY_SECONDS))


async def relist_sessions_and_classes(context: ReconcilerContext) -> None:
    """List sessions and classes. Kopf starts each watch with a list of its own, which does not report deletions."""
    for kind in (CLASS_KIND, SESSION_KIND):
        for collection in collections(context, kind):
            await relist(context, collection)


async def catch_up(context: ReconcilerContext) -> None:
    """List sessions and classes again after a time as a standby, in which Kopf's watches may have missed deletions.

    Raises:
        KindUnknown: the definition of sessions or classes is gone.
    """
    try:
        await relist_sessions_and_classes(context)
    except KindUnknown:
        raise
    except DomainError as error:
        logger.warning("Sessions cannot be listed; the first resync does it. %s", error)


async def relist(context: ReconcilerContext, collection: Collection) -> str:
    """List a collection, and enqueue the sessions whose objects changed, because no watch reports these changes again.

    Returns:
        The resource version of the list.
    """
    before = context.cache.uids(*collection)
    present: set[Ref] = set()
    version = ""
    selector = "" if collection.kind in (SESSION_KIND, CLASS_KIND) else SELECTOR
    async for page in context.kubernetes.pages(collection.kind, collection.namespace, selector):
        version = page.version
        for item in page.items:
            present.add(ref_of(item))
            if context.cache.put(item):
                enqueue_affected(context, item)
    for gone in context.cache.prune(present, before, version):
        enqueue_affected(context, gone)
    return version


def apply_event(context: ReconcilerContext, manifest: Manifest, *, gone: bool) -> None:
    """Cache an object that a watch reported, and enqueue the affected sessions if it changed."""
    if gone:
        metadata = manifest["metadata"]
        context.cache.remove(ref_of(manifest), metadata["uid"], metadata.get("resourceVersion", ""))
    elif not context.cache.put(manifest):
        return
    enqueue_affected(context, manifest)


def enqueue_affected(context: ReconcilerContext, item: Manifest) -> None:
    """Enqueue the session that an object is, or the sessions that it belongs to. A standby enqueues nothing."""
    ref = ref_of(item)
    if not context.leads:
        return
    if ref.kind == SESSION_KIND:
        context.queue.add(ref)
    elif ref.kind == CLASS_KIND:
        context.pools.class_changed(ref)
        if ref in context.cache.pool_keys():
            context.queue.add(ref)
        # The class may have more capacity now, or other settings, or open a file that another one cannot.
        for session in context.cache.sessions_that_depend_on(ref.namespace, ref.name):
            context.queue.add(session.ref)
    else:
        _enqueue_owners(context, ref, item)


def _enqueue_owners(context: ReconcilerContext, ref: Ref, item: Manifest) -> None:
    """Enqueue the sessions and the pools that an object of theirs concerns."""
    for affected in context.cache.sessions_of(item):
        context.queue.add(affected)
    if (key := context.cache.pool_of(item)) is not None:
        context.queue.add(key)
    if ref.kind == NETWORK_POLICY_KIND:
        _enqueue_pools_of(context, ref.namespace)
    if ref.kind == "Pod":
        if not context.cache.knows(ref):
            _note_gone(context, item)
        context.enqueue_waiting()


def _enqueue_pools_of(context: ReconcilerContext, namespace: str) -> None:
    """Have pools repair the policies of their namespace, in which no session may be."""
    for key in context.cache.pool_keys():
        if key.namespace == namespace:
            context.queue.add(key)


def _note_gone(context: ReconcilerContext, pod: Manifest) -> None:
    """Have what was refused for lack of room be tried again, and a pool see to what a desktop of it left behind."""
    ref, key = ref_of(pod), context.cache.pool_of_gone(pod)
    if key is not None:
        context.queue.add(key)
    if (of := pool_of(pod)) and not pod["metadata"].get("deletionTimestamp"):
        # A watch with a selector says this also of a pod that lost our label. Nothing else would remove it.
        pool = Ref(CLASS_KIND, ref.namespace, of)
        context.pools.strays[pool].add((ref, pod["metadata"]["uid"]))
        context.queue.add(pool)
    for freed in context.pools.pod_gone(ref, key):
        context.queue.add(freed)


class Informer:
    """Watches one collection of child objects for as long as the operator runs."""

    def __init__(self, context: ReconcilerContext, collection: Collection) -> None:
        self._context = context
        self._collection = collection

    async def run(self, version: str) -> None:
        """Watch for ever, from this resource version on."""
        reflector = Reflector(
            self._context.kubernetes, self._collection, SELECTOR, self, meanwhile="the operator watches again"
        )
        await reflector.run(version)

    async def relist(self) -> str:
        """List the collection again, and return the resource version of the list."""
        return await relist(self._context, self._collection)

    def apply(self, change: Change) -> None:
        """Cache what a watch reported, and enqueue the affected sessions."""
        if change.manifest is not None:
            apply_event(self._context, change.manifest, gone=change.gone)
