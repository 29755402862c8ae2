"""An API server for the command line: a few objects in memory, behind a kubeconfig."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

from blendersessions.model.names import name_for, user_secret_name
from contract.forwarding import forward
from contract.printed import table_of
from contract.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract.agent_standin import AgentStandin

NAMESPACE = "art"
_GROUP = "/apis/blendersessions.io/v1alpha1"
SESSIONS = f"{_GROUP}/namespaces/{NAMESPACE}/blendersessions"
CLASSES = f"{_GROUP}/namespaces/{NAMESPACE}/blendersessionclasses"
ALL_SESSIONS = f"{_GROUP}/blendersessions"
NAMESPACES = "/api/v1/namespaces"
SECRETS = f"{NAMESPACES}/{NAMESPACE}/secrets"
PODS = f"{NAMESPACES}/{NAMESPACE}/pods"
UID = "6f1d0f5e-3c0a-4a53-9a53-0a5b8f1f3a10"
OWN_USER = name_for(UID)
"""Guacamole user of a session without an owner."""
DESKTOP = name_for(UID)
"""Name of a session's pod, and of the Secret with its agent's token."""


@dataclass
class Cluster:
    """The objects by address, the forbidden addresses, and the scales that arrived."""

    kubeconfig: Path
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    """Addresses, also with a method before them: `POST /apis/…`."""
    scales: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    made_again: set[str] = field(default_factory=set)
    """The addresses whose objects were replaced by others of their name after they were read."""
    has_crds: bool = True
    has_scale: bool = True
    """Whether the sessions' CRD has the subresource `scale`."""
    reads: int = 0
    queries: list[dict[str, str]] = field(default_factory=list)
    """The query of each request."""
    agent: AgentStandin | None = None
    """The agent to whose port a port of the desktop's pod leads; None if nothing listens there."""
    ends_slowly: int = 0
    """How often a deleted session is read before it is gone."""
    invalid: str = ""
    """Why the API server refuses a session."""

    def add_session(
        self,
        name: str = "cart",
        *,
        namespace: str = NAMESPACE,
        labels: dict[str, str] | None = None,
        status: dict[str, Any] | None = None,
        **spec: object,
    ) -> None:
        """Store a session."""
        metadata = {"name": name, "namespace": namespace, "uid": UID, "creationTimestamp": "2026-11-24T08:00:00Z"}
        metadata |= {"labels": labels} if labels else {}
        address = SESSIONS.replace(f"/{NAMESPACE}/", f"/{namespace}/")
        self.objects[f"{address}/{name}"] = {"metadata": metadata, "spec": spec, "status": status or {}}

    def add_secret(self, username: str, password: str, *, of: str = "") -> None:
        """Store the Secret of a user, with that user's sign-in or another's."""
        self._store_secret(user_secret_name(username), {"username": of or username, "password": password})

    def add_desktop(self, agent: AgentStandin | None, status: dict[str, Any] | None = None, **spec: object) -> None:
        """Store a session whose desktop runs, the Secret of the desktop, and what listens in its pod."""
        self.agent = agent
        self.add_session(status={"desktop": {"name": DESKTOP}, **(status or {})}, **spec)
        self._store_secret(DESKTOP, {"agent-token": agent.token if agent else "token"})

    def _store_secret(self, name: str, data: dict[str, str]) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.objects[f"{SECRETS}/{name}"] = {"data": encoded}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        self.reads += method == "GET"
        if path in self.forbidden or f"{method} {path}" in self.forbidden:
            return 403, {"message": "you are forbidden"}
        if path.endswith(("/blendersessions", "/blendersessionclasses")) or path == NAMESPACES:
            return self._answer_collection(method, path, body)
        name = path.removesuffix("/scale")
        if name != path and not self.has_scale:
            return 404, {}  # an API server sends plain text, which is no object either
        if name not in self.objects:
            return 404, {"message": "not found"}
        match method:
            case "PUT":
                return self._scale(path, name, body)
            case "DELETE":
                return self._delete(name, body)
        if "deletionTimestamp" in self.objects[name].get("metadata", {}):
            self.ends_slowly -= 1
            if self.ends_slowly < 0:
                return 404, {"message": "not found"}
        return 200, self.objects[name]

    def _answer_collection(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self.has_crds and path != NAMESPACES:
            return 404, {}
        if method == "GET":
            return 200, {"items": [found for address, found in self.objects.items() if _is_in(address, path)]}
        if self.invalid:
            return 422, {"message": self.invalid}
        address = f"{path}/{body['metadata']['name']}"
        if address in self.objects:
            return 409, {"message": "already exists"}
        times = {"uid": UID, "creationTimestamp": "2026-11-24T08:00:00Z", "managedFields": [{"manager": "m"}]}
        self.objects[address] = body | {"metadata": body["metadata"] | times}
        return 201, self.objects[address]

    def _scale(self, path: str, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if name in self.made_again and "uid" in body["metadata"]:
            return 409, {"message": "Precondition failed: UID in precondition is not the UID in object meta"}
        self.scales.append((path, body))
        self.objects[name]["spec"]["replicas"] = body["spec"]["replicas"]
        return 200, body

    def _delete(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if name in self.made_again or body["preconditions"]["uid"] != UID:
            return 409, {"message": "Precondition failed: UID in precondition is not the UID in object meta"}
        self.objects[name]["metadata"]["deletionTimestamp"] = "2026-11-24T09:00:00Z"
        return 200, self.objects[name]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of HTTP."""
        query = dict(request.query)
        self.queries.append(query)
        if request.path.endswith("/portforward"):
            if request.path in self.forbidden:
                return web.json_response({"message": "you are forbidden"}, status=403)
            return await forward(request, self.agent.port if self.agent else 0)
        body = json.loads(await request.read() or b"{}")
        status, answer = self.answer(request.method, request.path, body)
        if "items" in answer:
            items = [item for item in answer["items"] if _is_selected(item, query.get("labelSelector", ""))]
            answer = table_of(items) if "as=Table" in request.headers["Accept"] else {"items": items}
        return web.json_response(answer, status=status)


def _is_in(address: str, path: str) -> bool:
    """Return whether an object is in a collection: of one namespace, or of all."""
    kind = path.rpartition("/")[2]
    if path == NAMESPACES:
        return address.startswith(f"{path}/") and address.count("/") == path.count("/") + 1
    everywhere = f"/{kind}/" in address and "/namespaces/" not in path
    return everywhere or address.startswith(f"{path}/")


def _is_selected(item: dict[str, Any], selector: str) -> bool:
    key, _, value = selector.partition("=")
    return not selector or item["metadata"].get("labels", {}).get(key) == value


@contextmanager
def serving(folder: Path) -> Iterator[Cluster]:
    """Serve an empty cluster on a loopback port while the block runs."""
    cluster = Cluster(folder / "kubeconfig")
    with served(cluster.handle) as port:
        config = {
            "current-context": "studio",
            "contexts": [
                {"name": "studio", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}},
                {"name": "elsewhere", "context": {"cluster": "c", "user": "u", "namespace": "music"}},
            ],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "u", "user": {}}],
        }
        cluster.kubeconfig.write_text(yaml.safe_dump(config))
        yield cluster
