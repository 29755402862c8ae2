"""A client of the API server: the verbs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.clients.kubernetes import answers
from blendersessions.clients.kubernetes.answers import FIRST_ERROR_STATUS, Change, Page
from blendersessions.clients.kubernetes.requests import (
    APPLY,
    DISCOVERY,
    JSON_PATCH,
    MERGE,
    REQUEST_TIMEOUT_SECONDS,
    STRATEGIC,
    TABLE,
    Request,
)
from blendersessions.clients.kubernetes.transport import TooLongError, Transport
from blendersessions.model.errors import Conflict, NotFound, System, Unavailable
from blendersessions.model.labels import FIELD_MANAGER
from blendersessions.model.manifest import Manifest, Ref, ref_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from blendersessions.clients.write_guard import WriteGuard

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
MAX_REQUESTS_IN_FLIGHT: Final = 24
WATCH_SILENCE_SECONDS: Final = 75.0
"""A watch that receives nothing for this time is started again. The API server sends a bookmark about once a minute,
and keeps old resource versions for little longer."""
OBJECTS_PER_PAGE: Final = 100
"""Most objects in one answer to a list. A larger answer needs more memory for a moment, and a part of it is never
freed."""
PAGE_BYTES: Final = 2**22
"""An answer to a list that is longer is not read to its end: fewer objects are asked for, down to one."""
_WATCH: Final = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_TIMEOUT_SECONDS, sock_read=WATCH_SILENCE_SECONDS)


async def connect(
    on_request: RequestHook = ignore_request, watches: int = 0, guard: WriteGuard | None = None
) -> Kubernetes:
    """Open a client with the pod's service account, or with the kubeconfig outside of a cluster.

    Args:
        on_request: called after each request.
        watches: the number of watches, each of which occupies a connection of its own.
        guard: asked before each request that changes something; None if it may always be sent.
    """
    configuration = Configuration()
    if SERVICE_ACCOUNT.exists():
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        path = os.environ.get("KUBECONFIG") or None
        await load_kube_config(config_file=path, client_configuration=configuration)  # type: ignore[no-untyped-call]
    configuration.connection_pool_maxsize = MAX_REQUESTS_IN_FLIGHT + watches
    # With it each request would look for a proxy and a .netrc. A kubeconfig names its proxy itself.
    configuration.client_session_kwargs = {"trust_env": False}
    return Kubernetes(ApiClient(configuration), on_request, guard)


class Kubernetes:
    """A client of the API server. Every method raises the domain errors of `model.errors`."""

    def __init__(
        self, api: ApiClient, on_request: RequestHook = ignore_request, guard: WriteGuard | None = None
    ) -> None:
        self._transport = Transport(api, on_request, guard)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def get(self, ref: Ref) -> Manifest:
        """Read one object."""
        return await self._ask(Request("GET", ref))

    async def list(self, kind: str, namespace: str = "", selector: str = "") -> AsyncIterator[Manifest]:
        """Read all objects of a kind. An empty namespace means all namespaces."""
        async for page in self.pages(kind, namespace, selector):
            for item in page.items:
                yield item

    async def pages(self, kind: str, namespace: str = "", selector: str = "") -> AsyncIterator[Page]:
        """Read all objects of a kind, page by page. An empty namespace means all namespaces.

        A page has as many objects as `PAGE_BYTES` holds, so large objects are read few at a time.
        """
        query, objects = _selector_query(selector), OBJECTS_PER_PAGE
        while True:
            query["limit"] = str(objects)
            try:
                most_bytes = PAGE_BYTES if objects > 1 else None
                asked = Request("GET", Ref(kind, namespace, ""), query=query, most_bytes=most_bytes)
                page, length = await self._transport.answer(asked)
            except TooLongError:
                objects = max(1, objects // 4)
                continue
            metadata = page.get("metadata") or {}
            items = [{"kind": kind} | item for item in page.get("items") or ()]
            # The next page is to take three quarters of the room, if its objects are as long as these.
            objects = max(1, min(OBJECTS_PER_PAGE, (len(items) or 1) * PAGE_BYTES * 3 // 4 // length))
            del page
            yield Page(str(metadata.get("resourceVersion") or ""), items)
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    async def table(self, kind: str, namespace: str = "", selector: str = "") -> Manifest:
        """Read all objects of a kind as kubectl prints them. An empty namespace means all namespaces.

        Returns:
            A `Table` of meta.k8s.io/v1. Each row has the whole object.
        """
        query = _selector_query(selector) | {"includeObject": "Object", "limit": str(OBJECTS_PER_PAGE)}
        table: Manifest = {}
        while True:
            page = await self._ask(Request("GET", Ref(kind, namespace, ""), query=query, accept=TABLE))
            if not isinstance(page.get("columnDefinitions"), list):
                raise Unavailable(f"{kind}: the API server sends no table.", System.KUBERNETES)
            table = page | {"rows": [*(table.get("rows") or ()), *(page.get("rows") or ())]}
            further = (page.get("metadata") or {}).get("continue")
            if not further:
                return table
            query["continue"] = further

    async def watch(
        self, kind: str, namespace: str, selector: str, version: str, opened: Callable[[], None] | None = None
    ) -> AsyncGenerator[Change, None]:
        """Yield the changes of the objects of a kind after a resource version, until the API server ends the watch.

        Args:
            kind: the kind.
            namespace: of the objects; empty for all namespaces.
            selector: which of them; empty for all.
            version: the resource version.
            opened: called when the API server has accepted the watch, which may be long before a change comes.

        Raises:
            Expired: the API server does not keep that version any more.
        """
        ref = Ref(kind, namespace, "")
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        query |= _selector_query(selector)
        try:
            response = await self._transport.send(Request("GET", ref, query=query, timeout=_WATCH))
            async with response:
                if response.status >= FIRST_ERROR_STATUS:
                    raise answers.error(ref, response.status, answers.decode(await response.read()))
                if opened is not None:
                    opened()
                async for line in response.content:
                    yield answers.change(ref, answers.decode(line))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise answers.unreachable(error) from error

    async def check_served(self, *kinds: str) -> None:
        """Check that the API server's discovery lists kinds of ours, which it does a moment after it serves them.

        Raises:
            KindUnknown: discovery lacks one of them.
        """
        try:
            served = await self._ask(Request("GET", Ref(DISCOVERY, "", "")))
        except NotFound:
            served = {}
        names = {resource["kind"] for resource in served.get("resources") or ()}
        for kind in kinds:
            if kind not in names:
                raise answers.unknown(kind)

    async def create(self, manifest: Manifest, *, manager: str = FIELD_MANAGER, strict: bool = False) -> Manifest:
        """Create an object; raises `Conflict` if one of that name exists.

        Args:
            manifest: the object.
            manager: who is recorded as the one that set its fields.
            strict: whether a field that the API server does not know is refused. Otherwise it is left out.
        """
        ref = ref_of(manifest)
        query = {"fieldManager": manager} | ({"fieldValidation": "Strict"} if strict else {})
        return await self._ask(Request("POST", Ref(ref.kind, ref.namespace, ""), manifest, query=query, about=ref))

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply an object on the server's side. The UID in the manifest protects another object of that name."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._ask(Request("PATCH", ref_of(manifest), manifest, query=query, content_type=APPLY))

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Merge a patch into an object."""
        return await self._ask(Request("PATCH", ref, patch, content_type=MERGE))

    async def strategic_merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Merge a patch into an object. Lists are merged by their keys, so the entries of others stay."""
        return await self._ask(Request("PATCH", ref, patch, content_type=STRATEGIC))

    async def patch(self, ref: Ref, operations: Sequence[Manifest]) -> Manifest:
        """Carry out a JSON patch (RFC 6902) on an object.

        Raises:
            Conflict: the patch writes a resource version that the object does not have any more.
        """
        query = {"fieldManager": FIELD_MANAGER}
        return await self._ask(Request("PATCH", ref, operations, query=query, content_type=JSON_PATCH))

    async def replace(self, manifest: Manifest, subresource: str = "") -> Manifest:
        """Replace an object or its subresource; raises `Conflict` if its version is not the manifest's any more.

        Of an object whose subresource `status` is replaced, the API server takes nothing but the status.
        """
        query = {"fieldManager": FIELD_MANAGER}
        return await self._ask(Request("PUT", ref_of(manifest), manifest, query=query, subresource=subresource))

    async def scale(self, ref: Ref, uid: str, replicas: int, version: str = "") -> None:
        """Set the number of replicas of the object with this UID, by its subresource `scale`.

        Args:
            ref: where the object is.
            uid: its UID. `Conflict` is raised if another object has its name.
            replicas: how many are wanted.
            version: the resource version that was seen, if `Conflict` must be raised when it has changed since.
        """
        metadata = {"namespace": ref.namespace, "name": ref.name, "uid": uid}
        metadata |= {"resourceVersion": version} if version else {}
        body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": replicas}}
        await self._ask(Request("PUT", ref, body, subresource="scale"))

    async def delete(self, ref: Ref, uid: str, grace_seconds: int | None = None, version: str = "") -> None:
        """Delete the object with this UID. An object that is gone already is no error.

        Args:
            ref: where the object is.
            uid: its UID.
            grace_seconds: how long a pod may take to end; None: as its spec says. 0: its object goes before its node
                confirms that the pod has ended.
            version: the resource version that was seen, if an object that has changed since must stay. That is no
                error either.
        """
        seen = {"uid": uid} | ({"resourceVersion": version} if version else {})
        options: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": seen}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            await self._ask(Request("DELETE", ref, options))
        except (NotFound, Conflict):
            return

    async def _ask(self, request: Request) -> Manifest:
        answer, _ = await self._transport.answer(request)
        return answer


def _selector_query(selector: str) -> dict[str, str]:
    return {"labelSelector": selector} if selector else {}
