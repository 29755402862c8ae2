"""The Kubernetes API, by plain dicts: the few verbs that the operator uses, and its errors as ours.

The client's generated classes are not imported: their models cost 100 MiB of memory and a second of start-up.
"""

from __future__ import annotations

import os
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
    from collections.abc import AsyncGenerator, AsyncIterator

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
IN_FLIGHT = 24
TIMEOUT_SECONDS = 30.0
_PATIENCE = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
SILENCE_SECONDS = 75.0
"""A watch that was told nothing for so long is begun anew: the API server sends a bookmark about once a minute, and
remembers what happened for little longer."""
PAGE = 100
"""Objects in one answer to a list: of the memory that a larger one takes for a moment, some is never given back."""
NOT_FOUND = 404
ERRORS = 400
"""HTTP statuses from here on are errors."""
_DISCOVERY = "APIResourceList"
_LONGEST_LINE = 2**21
"""Bytes of one event of a watch: etcd takes objects of 1.5 MiB."""

_COLLECTIONS = {
    "Pod": ("/api/v1", "pods"),
    "Service": ("/api/v1", "services"),
    "Secret": ("/api/v1", "secrets"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Event": ("/api/v1", "events"),
    SESSION_KIND: (f"/apis/{API_VERSION}", "blendersessions"),
    CLASS_KIND: (f"/apis/{API_VERSION}", "blendersessionclasses"),
    _DISCOVERY: (f"/apis/{API_VERSION}", ""),
}
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"


class Page(NamedTuple):
    """A part of a list."""

    version: str
    """Of the whole collection: a watch from there misses nothing."""
    items: list[Manifest]


class Change(NamedTuple):
    """What a watch tells."""

    version: str
    """From here a watch goes on."""
    gone: bool = False
    manifest: Manifest | None = None
    """The object, as it is now or was at last; None in a bookmark."""


async def connect(on_request: RequestHook = ignore_request, watches: int = 0) -> Kubernetes:
    """Open a client by the pod's service account, or by the kubeconfig outside a cluster.

    `watches` of its connections are never given back.
    """
    configuration = Configuration()
    if SERVICE_ACCOUNT.exists():  # noqa: ASYNC240 - once, at start-up
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        path = os.environ.get("KUBECONFIG") or None
        await load_kube_config(config_file=path, client_configuration=configuration)  # type: ignore[no-untyped-call]
    configuration.connection_pool_maxsize = IN_FLIGHT + watches
    # Or each request looks for a proxy and a .netrc; a kubeconfig names its proxy itself.
    configuration.client_session_kwargs = {"trust_env": False}
    return Kubernetes(ApiClient(configuration), on_request)


class Kubernetes:
    """Requests to the API server. Every method raises the domain errors of `model.errors`."""

    def __init__(self, api: ApiClient, on_request: RequestHook = ignore_request) -> None:
        self._api = api
        self._on_request = on_request
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
        """Read all objects of a kind; without a namespace, of all namespaces."""
        async for page in self.pages(kind, namespace, selector):
            for item in page.items:
                yield item

    async def pages(self, kind: str, namespace: str = "", selector: str = "") -> AsyncIterator[Page]:
        """Read all objects of a kind, page by page; without a namespace, of all namespaces."""
        query = {"limit": str(PAGE)} | _selecting(selector)
        while True:
            page = await self._request("GET", Ref(kind, namespace, ""), query=query)
            metadata = page.get("metadata") or {}
            items = [{"kind": kind} | item for item in page.get("items") or ()]
            yield Page(str(metadata.get("resourceVersion") or ""), items)
            if not metadata.get("continue"):
                return
            query["continue"] = metadata["continue"]

    async def watch(self, kind: str, namespace: str, selector: str, version: str) -> AsyncGenerator[Change, None]:
        """Tell what happens to the objects of a kind after a version, until the API server ends it.

        Raises:
            Expired: it does not remember that version any more.
        """
        ref = Ref(kind, namespace, "")
        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version} | _selecting(selector)
        patience = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS, sock_read=SILENCE_SECONDS)
        try:
            response = await self._send("GET", ref, None, query=query, patience=patience)
            async with response:
                if response.status >= ERRORS:
                    raise _error(ref, response.status, _decode(await response.read()))
                async for line in response.content:
                    yield _change(ref, _decode(line))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error

    async def check_served(self, *kinds: str) -> None:
        """See that the API server lists kinds of ours in what it serves; that comes a moment after it serves them.

        Raises:
            KindUnknown: it does not list one of them.
        """
        try:
            served = await self._request("GET", Ref(_DISCOVERY, "", ""))
        except NotFound:
            served = {}
        names = {resource["kind"] for resource in served.get("resources") or ()}
        for kind in kinds:
            if kind not in names:
                raise _unknown(kind)

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object; raises `Conflict` when one of that name exists."""
        ref = ref_of(manifest)
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("POST", Ref(ref.kind, ref.namespace, ""), manifest, query=query, about=ref)

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply an object on the server's side; the manifest's UID keeps it from hitting another object."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._request("PATCH", ref_of(manifest), manifest, query=query, content_type=_APPLY)

    async def merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Merge a patch into an object."""
        return await self._request("PATCH", ref, patch, content_type=_MERGE)

    async def strategic_merge(self, ref: Ref, patch: Manifest) -> Manifest:
        """Merge a patch by the keys of lists, so that entries of others stay."""
        return await self._request("PATCH", ref, patch, content_type=_STRATEGIC)

    async def replace(self, manifest: Manifest, subresource: str = "") -> Manifest:
        """Replace an object or its subresource; raises `Conflict` when it is not of the manifest's version any more."""
        query = {"fieldManager": FIELD_MANAGER}
        return await self._request("PUT", ref_of(manifest), manifest, query=query, subresource=subresource)

    async def delete(self, ref: Ref, uid: str) -> None:
        """Delete exactly this object; one that is gone is as good."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            await self._request("DELETE", ref, options)
        except (NotFound, Conflict):
            return

    async def _request(
        self,
        method: str,
        ref: Ref,
        body: Manifest | None = None,
        *,
        subresource: str = "",
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        about: Ref | None = None,
    ) -> Manifest:
        about = about or ref
        code, begun = 0, time.monotonic()
        try:
            response = await self._send(
                method, ref, body, subresource=subresource, query=query, content_type=content_type
            )
            text = await response.read()
            code = response.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error
        finally:
            self._on_request(method, _COLLECTIONS[ref.kind][1], time.monotonic() - begun, code)
        decoded = _decode(text)
        if code >= ERRORS:
            raise _error(about, code, decoded)
        if not decoded:
            # A proxy on the way answers so, and a list of nothing must not be read into it.
            raise Unavailable(f"{about}: the answer is no object of the Kubernetes API.", System.KUBERNETES)
        return decoded

    async def _send(
        self,
        method: str,
        ref: Ref,
        body: Manifest | None,
        *,
        subresource: str = "",
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        patience: aiohttp.ClientTimeout = _PATIENCE,
    ) -> aiohttp.ClientResponse:
        """Send a request with the client's log-in, but not by its own call: that takes twice as long to encode it."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", method, body)
        if self._session is None:
            self._session = _open_session(self._api)
        return await self._session.request(
            method,
            self._url(ref, subresource, query),
            headers=headers,
            data=None if body is None else orjson.dumps(body),
            timeout=patience,
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


def _open_session(api: ApiClient) -> aiohttp.ClientSession:
    configuration = api.configuration
    connector = aiohttp.TCPConnector(limit=configuration.connection_pool_maxsize, ssl=api.rest_client.ssl_context)
    more: dict[str, Any] = {"trust_env": True, "read_bufsize": _LONGEST_LINE} | (
        configuration.client_session_kwargs or {}
    )
    return aiohttp.ClientSession(connector=connector, **more)


def _selecting(selector: str) -> dict[str, str]:
    return {"labelSelector": selector} if selector else {}


def _change(ref: Ref, event: Manifest) -> Change:
    if not event:
        raise Unavailable(f"The watch of {ref.kind} is broken off in the middle of a line.", System.KUBERNETES)
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
    """Turn an error answer into a domain error; the API server's message names what is wrong."""
    if status == NOT_FOUND and not body:
        # In plain text it answers where it serves nothing at all.
        return _unknown(ref.kind)
    said = str(body.get("message") or f"HTTP status {status}")
    message = f"{ref}: {said}"
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
