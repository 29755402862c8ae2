"""The Kubernetes API with plain dicts: the verbs that the operator uses, and domain errors.

The library's generated classes are not imported: their models cost 100 MiB of memory and a second of start-up.
"""

from __future__ import annotations

import functools
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.errors import (
    Conflict,
    DomainError,
    Expired,
    Invalid,
    KindUnknown,
    NotFound,
    System,
    Unauthorised,
    Unavailable,
)
from blendersessions.model.labels import FIELD_MANAGER
from blendersessions.model.manifest import API_VERSION, CLASS_KIND, SESSION_KIND, Manifest, Ref, ref_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from aiohttp.connector import Connection

    from blendersessions.clients.write_guard import WriteGuard

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
MAX_REQUESTS_IN_FLIGHT = 24
REQUEST_TIMEOUT_SECONDS = 30.0
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
WATCH_SILENCE_SECONDS = 75.0
"""A watch that receives nothing for this time is started again. The API server sends a bookmark about once a minute,
and keeps old resource versions for little longer."""
OBJECTS_PER_PAGE = 100
"""Most objects in one answer to a list. A larger answer needs more memory for a moment, and a part of it is never
freed."""
PAGE_BYTES = 2**22
"""An answer to a list that is longer is not read to its end: fewer objects are asked for, down to one."""
NOT_FOUND = 404
FIRST_ERROR_STATUS = 400
"""The lowest HTTP status that is an error."""
_DISCOVERY = "APIResourceList"
_MAX_WATCH_LINE_BYTES = 2**21
"""Size of one event of a watch. etcd takes objects of up to 1.5 MiB."""

_COLLECTIONS = {
    "Pod": ("/api/v1", "pods"),
    "Service": ("/api/v1", "services"),
    "Secret": ("/api/v1", "secrets"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Event": ("/api/v1", "events"),
    "Namespace": ("/api/v1", "namespaces"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    SESSION_KIND: (f"/apis/{API_VERSION}", "blendersessions"),
    CLASS_KIND: (f"/apis/{API_VERSION}", "blendersessionclasses"),
    _DISCOVERY: (f"/apis/{API_VERSION}", ""),
}
_JSON = "application/json"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_READING = frozenset({"GET", "HEAD"})


class _TooLongError(Exception):
    """An answer is longer than it may be."""


class Page(NamedTuple):
    """A part of a list."""

    version: str
    """Resource version of the whole list. A watch from this version misses nothing."""
    items: list[Manifest]


class Change(NamedTuple):
    """One event of a watch."""

    version: str
    """Resource version from which a later watch continues."""
    gone: bool = False
    """Whether the object was deleted."""
    manifest: Manifest | None = None
    """The object in its current or last state; None in a bookmark."""


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
    if SERVICE_ACCOUNT.exists():  # noqa: ASYNC240 - once, at start-up
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
        self._api = api
        self._on_request = on_request
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(self, ref: Ref) -> Manifest:
        """Read one object."""
        return await self._request("GET", ref)

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
                page, length = await self._answer(
                    "GET", Ref(kind, namespace, ""), query=query, most_bytes=PAGE_BYTES if objects > 1 else None
                )
            except _TooLongError:
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
            page, _ = await self._answer("GET", Ref(kind, namespace, ""), query=query, accept=_TABLE)
            if not isinstance(page.get("columnDefinitions"), list):
                raise Unavailable(f"{kind}: the API server sends no table.", System.KUBERNETES)
            table = page | {"rows": [*(table.get("rows") or ()), *(page.get("rows") or ())]}
            further = (page.get("metadata") or {}).get("continue")
            if not further:
                return table
            query["continue"] = further

    async def watch(self, kind: str, namespace: str, selector: str, version: str) -> AsyncGenerator[Change, None]:
        """Yield the changes of the objects of a kind after a resource version, until the API server ends the watch.

        Raises:
            Expired: the API server does not keep that version any more.
        """
        ref = Ref(kind, namespace, "")
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version}
        query |= _selector_query(selector)
        client_timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=REQUEST_TIMEOUT_SECONDS, sock_read=WATCH_SILENCE_SECONDS
        )
        try:
            response = await self._send("GET", ref, None, query=query, client_timeout=client_timeout)
            async with response:
                if response.status >= FIRST_ERROR_STATUS:
                    raise _error(ref, response.status, _decode(await response.read()))
                async for line in response.content:
                    yield _change(ref, _decode(line))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error

    async def check_served(self, *kinds: str) -> None:
        """Check that the API server's discovery lists kinds of ours, which it does a moment after it serves them.

        Raises:
            KindUnknown: discovery lacks one of them.
        """
        try:
            served = await self._request("GET", Ref(_DISCOVERY, "", ""))
        except NotFound:
            served = {}
        names = {resource["kind"] for resource in served.get("resources") or ()}
        for kind in kinds:
            if kind not in names:
                raise _unknown(kind)

    async def create(self, manifest: Manifest, *, manager: str = FIELD_MANAGER, strict: bool = False) -> Manifest:
        """Create an object; raises `Conflict` if one of that name exists.

        Args:
            manifest: the object.
            manager: who is recorded as the one that set its fields.
            strict: whether a field that the API server does not know is refused. Otherwise it is left out.
        """
        ref = ref_of(manifest)
        query = {"fieldManager": manager} | ({"fieldValidation": "Strict"} if strict else {})
        return await self._request("POST", Ref(ref.kind, ref.namespace, ""), manifest, query=query, about=ref)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply an object on the server's side. The UID in the manifest protects another object of that name."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", ref_of(manifest), manifest, query=query, content_type=_APPLY)

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Merge a patch into an object."""
        return await self._request("PATCH", ref, patch, content_type=_MERGE)

    async def strategic_merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Merge a patch into an object. Lists are merged by their keys, so the entries of others stay."""
        return await self._request("PATCH", ref, patch, content_type=_STRATEGIC)

    async def patch(self, ref: Ref, operations: Sequence[Manifest]) -> Manifest:
        """Carry out a JSON patch (RFC 6902) on an object.

        Raises:
            Conflict: the patch writes a resource version that the object does not have any more.
        """
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("PATCH", ref, operations, query=query, content_type=_JSON_PATCH)

    async def replace(self, manifest: Manifest, subresource: str = "") -> Manifest:
        """Replace an object or its subresource; raises `Conflict` if its version is not the manifest's any more.

        Of an object whose subresource `status` is replaced, the API server takes nothing but the status.
        """
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("PUT", ref_of(manifest), manifest, query=query, subresource=subresource)

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
        await self._request("PUT", ref, body, subresource="scale")

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
            await self._request("DELETE", ref, options)
        except (NotFound, Conflict):
            return

    async def _request(
        self,
        method: str,
        ref: Ref,
        body: Manifest | Sequence[Manifest] | None = None,
        *,
        subresource: str = "",
        query: dict[str, str] | None = None,
        content_type: str = _JSON,
        about: Ref | None = None,
    ) -> Manifest:
        answer, _ = await self._answer(
            method, ref, body, subresource=subresource, query=query, content_type=content_type, about=about
        )
        return answer

    async def _answer(
        self,
        method: str,
        ref: Ref,
        body: Manifest | Sequence[Manifest] | None = None,
        *,
        subresource: str = "",
        query: dict[str, str] | None = None,
        content_type: str = _JSON,
        about: Ref | None = None,
        most_bytes: int | None = None,
        accept: str = _JSON,
    ) -> tuple[Manifest, int]:
        """Send a request; return the decoded answer and its length in bytes."""
        about = about or ref
        code, started = 0, time.monotonic()
        try:
            response = await self._send(
                method, ref, body, subresource=subresource, query=query, content_type=content_type, accept=accept
            )
            text = await _read(response, most_bytes)
            code = response.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error
        finally:
            self._on_request(method, _COLLECTIONS[ref.kind][1], time.monotonic() - started, code)
        decoded = _decode(text)
        if code >= FIRST_ERROR_STATUS:
            raise _error(about, code, decoded)
        if not decoded:
            # A proxy before the API server may answer this. It must not be mistaken for an empty list.
            raise Unavailable(f"{about}: the answer is no object of the Kubernetes API.", System.KUBERNETES)
        return decoded, len(text)

    async def _send(
        self,
        method: str,
        ref: Ref,
        body: Manifest | Sequence[Manifest] | None,
        *,
        subresource: str = "",
        query: dict[str, str] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        client_timeout: aiohttp.ClientTimeout = _REQUEST_TIMEOUT,
    ) -> aiohttp.ClientResponse:
        """Send a request with the library's credentials. The library's own call takes twice as long to encode it."""
        headers = {"Accept": accept, "Content-Type": content_type}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", method, body)
        if self._session is None:
            self._session = _open_session(self._api, self._guard)
        return await self._session.request(
            method,
            self._url(ref, subresource, query),
            headers=headers,
            data=None if body is None else orjson.dumps(body),
            timeout=client_timeout,
            proxy=self._api.configuration.proxy,
            proxy_headers=self._api.configuration.proxy_headers,
            server_hostname=self._api.configuration.tls_server_name,
        )

    def _url(self, ref: Ref, subresource: str, query: dict[str, str] | None) -> str:
        prefix, plural = _COLLECTIONS[ref.kind]
        parts = ["namespaces", ref.namespace] if ref.namespace else []
        parts += [part for part in (plural, ref.name, subresource) if part]
        url = f"{self._api.configuration.host}{prefix}/" + "/".join(quote(part, safe="") for part in parts)
        return f"{url}?{urlencode(query)}" if query else url


def _open_session(api: ApiClient, guard: WriteGuard | None) -> aiohttp.ClientSession:
    configuration = api.configuration
    options: dict[str, Any] = {"trust_env": True, "read_bufsize": _MAX_WATCH_LINE_BYTES} | (
        configuration.client_session_kwargs or {}
    )
    if guard is not None:
        options["request_class"] = type("GuardedRequest", (_GuardedRequest,), {"guard": guard})
    connector = aiohttp.TCPConnector(
        limit=configuration.connection_pool_maxsize,
        ssl=api.rest_client.ssl_context,
        socket_factory=functools.partial(_open_socket, guard),
    )
    return aiohttp.ClientSession(connector=connector, **options)


async def _read(response: aiohttp.ClientResponse, most_bytes: int | None) -> bytes:
    """Read an answer; raises `_TooLongError` and ends the connection if it is longer than it may be."""
    if most_bytes is None:
        return await response.read()
    parts, room = [], most_bytes
    async for part in response.content.iter_any():
        parts.append(part)
        room -= len(part)
        if room < 0:
            response.close()
            raise _TooLongError
    return b"".join(parts)


def _open_socket(guard: WriteGuard | None, address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    if guard is not None:
        opened.setsockopt(*guard.socket_option)
    return opened


class _GuardedRequest(aiohttp.ClientRequest):
    """Asks a guard when a request that changes something has its connection."""

    guard: WriteGuard

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if self.method not in _READING:
            self.guard.check()
        return await super().send(conn)


def _selector_query(selector: str) -> dict[str, str]:
    return {"labelSelector": selector} if selector else {}


def _change(ref: Ref, event: Manifest) -> Change:
    if not event:
        raise Unavailable(f"The watch of {ref.kind} broke off in the middle of a line.", System.KUBERNETES)
    manifest = event.get("object") or {}
    if event.get("type") not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise _error(ref, int(manifest.get("code") or 0), manifest)
    version = str(manifest["metadata"]["resourceVersion"])
    if event["type"] == "BOOKMARK":
        return Change(version)
    return Change(version, event["type"] == "DELETED", {"kind": ref.kind} | manifest)


def _unreachable(error: Exception) -> Unavailable:
    message = f"The Kubernetes API server does not answer ({type(error).__name__}); it is asked again."
    return Unavailable(message, System.KUBERNETES)


def _decode(text: bytes) -> Manifest:
    try:
        decoded = orjson.loads(text)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _error(ref: Ref, status: int, body: Manifest) -> DomainError:
    """Turn an error answer into a domain error, with the API server's message."""
    if status == NOT_FOUND and not body:
        # For an unknown kind the API server answers in plain text, so there is no decoded body.
        return _unknown(ref.kind)
    message = f"{ref}: {body.get('message') or f'HTTP status {status}'}"
    kinds: dict[int, type[DomainError]] = {
        400: Invalid,
        401: Unauthorised,
        403: Unauthorised,
        404: NotFound,
        409: Conflict,
        410: Expired,
        415: Invalid,
        422: Invalid,
    }
    return kinds.get(status, Unavailable)(message, System.KUBERNETES)


def _unknown(kind: str) -> KindUnknown:
    return KindUnknown(f"The API server does not know {kind}: apply the CRDs of this release.", System.KUBERNETES)
