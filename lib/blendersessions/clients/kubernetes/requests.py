"""A request to the API server: what is asked of which objects, and its address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import aiohttp

from blendersessions.model.manifest import API_VERSION, CLASS_KIND, SESSION_KIND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from blendersessions.model.manifest import Manifest, Ref

REQUEST_TIMEOUT_SECONDS: Final = 30.0
DISCOVERY: Final = "APIResourceList"
JSON: Final = "application/json"
TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
_COLLECTIONS: Final = {
    "Pod": ("/api/v1", "pods"),
    "Service": ("/api/v1", "services"),
    "Secret": ("/api/v1", "secrets"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Event": ("/api/v1", "events"),
    "Namespace": ("/api/v1", "namespaces"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    SESSION_KIND: (f"/apis/{API_VERSION}", "blendersessions"),
    CLASS_KIND: (f"/apis/{API_VERSION}", "blendersessionclasses"),
    DISCOVERY: (f"/apis/{API_VERSION}", ""),
}


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    ref: Ref
    """The object, or without a name the collection."""
    body: Manifest | Sequence[Manifest] | None = None
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON
    accept: str = JSON
    about: Ref | None = None
    """The object that an error is about; None: `ref`."""
    most_bytes: int | None = None
    """A longer answer is not read to its end; None: any length."""
    timeout: aiohttp.ClientTimeout = _TIMEOUT

    @property
    def plural(self) -> str:
        """The name of the collection in addresses."""
        return _COLLECTIONS[self.ref.kind][1]

    def url(self, host: str) -> str:
        """Return the address."""
        prefix, plural = _COLLECTIONS[self.ref.kind]
        parts = ["namespaces", self.ref.namespace] if self.ref.namespace else []
        parts += [part for part in (plural, self.ref.name, self.subresource) if part]
        url = f"{host}{prefix}/" + "/".join(quote(part, safe="") for part in parts)
        return f"{url}?{urlencode(self.query)}" if self.query else url
