"""An API server for the command line: a few objects in memory, behind a kubeconfig."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import yaml

from blendersessions.model.names import name_for, user_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMESPACE = "art"
SESSIONS = f"/apis/blendersessions.io/v1alpha1/namespaces/{NAMESPACE}/blendersessions"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
UID = "6f1d0f5e-3c0a-4a53-9a53-0a5b8f1f3a10"
OWN_USER = name_for(UID)
"""Guacamole user of a session without an owner."""


@dataclass
class Cluster:
    """The objects by address, the forbidden addresses, and the scales that arrived."""

    kubeconfig: Path
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    scales: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    made_again: set[str] = field(default_factory=set)
    """The addresses whose objects were replaced by others of their name after they were read."""
    has_crds: bool = True
    has_scale: bool = True
    """Whether the sessions' CRD has the subresource `scale`."""
    reads: int = 0

    def add_session(self, name: str = "cart", *, status: dict[str, Any] | None = None, **spec: object) -> None:
        """Store a session."""
        metadata = {"name": name, "namespace": NAMESPACE, "uid": UID, "creationTimestamp": "2026-11-24T08:00:00Z"}
        self.objects[f"{SESSIONS}/{name}"] = {"metadata": metadata, "spec": spec, "status": status or {}}

    def add_secret(self, username: str, password: str, *, of: str = "") -> None:
        """Store the Secret of a user, with that user's sign-in or another's."""
        data = {"username": of or username, "password": password}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.objects[f"{SECRETS}/{user_secret_name(username)}"] = {"data": encoded}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        self.reads += method == "GET"
        if path in self.forbidden:
            return 403, {"message": "you are forbidden"}
        if path.endswith("/blendersessions") and self.has_crds:
            return 200, {"items": [found for address, found in self.objects.items() if address.startswith(path)]}
        name = path.removesuffix("/scale")
        if name != path and not self.has_scale:
            return 404, {}  # an API server sends plain text, which is no object either
        if name not in self.objects:
            return 404, {"message": "not found"}
        if method != "PUT":
            return 200, self.objects[name]
        if name in self.made_again and "uid" in body["metadata"]:
            return 409, {"message": "Precondition failed: UID in precondition is not the UID in object meta"}
        self.scales.append((path, body))
        self.objects[name]["spec"]["replicas"] = body["spec"]["replicas"]
        return 200, body


@contextmanager
def serving(folder: Path) -> Iterator[Cluster]:
    """Serve an empty cluster on a loopback port while the block runs."""
    cluster = Cluster(folder / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = cluster.answer(self.command, self.path.partition("?")[0], body)
            sent = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_PUT = do_GET  # noqa: N815 - the base class calls it by the method's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    config = {
        "current-context": "studio",
        "contexts": [
            {"name": "studio", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}},
            {"name": "elsewhere", "context": {"cluster": "c", "user": "u", "namespace": "music"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    cluster.kubeconfig.write_text(yaml.safe_dump(config))
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
