"""Keeps the cache of sessions and classes current by one list and one watch of each kind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from blendersessions.clients.kubernetes.reflector import Collection, Reflector
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.answers import Change
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.clients.kubernetes.reflector import Copy
    from blendersessions.model.manifest import Manifest
    from blendersessions_portal.freshness import Freshness
    from blendersessions_portal.session_cache import SessionCache

WATCHES: Final = 2
"""Connections to the API server that are always in use."""
_MEANWHILE: Final = "the portal watches again, and without the right to watch it reads them for each page"


@dataclass(frozen=True)
class _Sessions:
    kubernetes: Kubernetes
    namespace: str
    cache: SessionCache

    async def relist(self) -> str:
        answers = self.cache.answers
        bodies, version = await _listed(self.kubernetes, SESSION_KIND, self.namespace)
        self.cache.replace(bodies, version, answers)
        return version

    def apply(self, change: Change) -> None:
        if change.manifest is not None:
            (self.cache.remove if change.gone else self.cache.put)(change.manifest)


@dataclass(frozen=True)
class _Classes:
    kubernetes: Kubernetes
    namespace: str
    cache: SessionCache

    async def relist(self) -> str:
        bodies, version = await _listed(self.kubernetes, CLASS_KIND, self.namespace)
        self.cache.replace_classes(bodies)
        return version

    def apply(self, change: Change) -> None:
        if change.manifest is not None:
            self.cache.put_class(change.manifest, gone=change.gone)


@dataclass
class SessionWatch:
    """The two watches of a portal's process."""

    kubernetes: Kubernetes
    namespace: str
    cache: SessionCache
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin to list and to watch."""
        self._run(SESSION_KIND, _Sessions(self.kubernetes, self.namespace, self.cache), self.cache.sessions)
        self._run(CLASS_KIND, _Classes(self.kubernetes, self.namespace, self.cache), self.cache.classes)

    async def stop(self) -> None:
        """End the watches."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cache.close()

    def _run(self, kind: str, copy: Copy, observer: Freshness) -> None:
        collection = Collection(kind, self.namespace)
        # A list is small here, and after a restore of etcd it alone shows what is there. So any failure ends in one.
        reflector = Reflector(
            self.kubernetes, collection, "", copy, meanwhile=_MEANWHILE, attempts=1, observer=observer
        )
        self._tasks.append(asyncio.get_running_loop().create_task(reflector.run(), name=f"watch {kind}"))


async def _listed(kubernetes: Kubernetes, kind: str, namespace: str) -> tuple[list[Manifest], str]:
    bodies: list[Manifest] = []
    version = ""
    async for page in kubernetes.pages(kind, namespace):
        version = page.version
        bodies += page.items
    return bodies, version
