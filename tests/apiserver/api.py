"""A small client for the API server that the tests started, and for no other."""

from __future__ import annotations

import base64
import contextlib
import copy
import http.client
import json
import secrets
import ssl
import tempfile
import urllib.parse
from typing import TYPE_CHECKING

import urllib3
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SESSIONS = "apis/blendersessions.io/v1alpha1"
CONNECTIONS = 16
"""How many connections to the API server are kept for the next request."""
REQUEST_SECONDS = 30
Object = dict[str, "object"]


class ForeignClusterError(Exception):
    """The kubeconfig is not one that the tests made."""


class ApiError(Exception):
    """The API server refused; `message` is what a person would read."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


def check_ours(kubeconfig: Path, state: Path) -> str:
    """Return the server of a kubeconfig that lies in the tests' own folder and leads to loopback.

    Raises:
        ForeignClusterError: it might lead to somebody's cluster, which tests create and delete objects in.
    """
    if state.resolve() not in kubeconfig.resolve().parents:
        raise ForeignClusterError(
            f"{kubeconfig} was not made by this test run (those are in {state}): refusing to use it"
        )
    servers = [entry["cluster"]["server"] for entry in yaml.safe_load(kubeconfig.read_text())["clusters"]]
    if len(servers) != 1 or urllib.parse.urlsplit(servers[0]).hostname != "127.0.0.1":
        raise ForeignClusterError(
            f"{kubeconfig} leads to {servers}, not to one API server on 127.0.0.1: refusing to use it"
        )
    return str(servers[0])


class Api:
    """The administrator's access, as plain dicts."""

    def __init__(self, kubeconfig: Path, state: Path) -> None:
        self.kubeconfig = kubeconfig
        self.server = check_ours(kubeconfig, state)
        self._impersonation: dict[str, str] = {}
        config = yaml.safe_load(kubeconfig.read_text())
        authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        user = config["users"][0]["user"]
        keys = ("client-key-data", "client-certificate-data")
        # The address is loopback, checked above. A new connection for each request would cost both sides most of
        # their time.
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS, ssl_context=self._context, timeout=REQUEST_SECONDS, retries=False
        )
        # The library reads a key only from a file, so it is in one for a moment.
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(b"".join(base64.b64decode(user[key]) for key in keys))
            pair.flush()
            self._context.load_cert_chain(pair.name)

    def impersonating(self, user: str, group: str = "", **extra: str) -> Api:
        """Return access with the rights of somebody else.

        Args:
            user: the user's name; any user is also in the group of those who are signed in.
            group: one more group; empty for none.
            extra: what else a sign-on says of the user, by names without `example.org/`.
        """
        other = copy.copy(self)
        other._impersonation = {"Impersonate-User": user} | ({"Impersonate-Group": group} if group else {})
        other._impersonation |= {f"Impersonate-Extra-example.org%2F{name}": value for name, value in extra.items()}
        return other

    def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json", **query: str
    ) -> Object:
        """Send one request.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: below the server, such as `api/v1/namespaces`.
            body: what is sent as JSON; none when it is None.
            content_type: of the body; names the kind of patch.
            query: query parameters, such as `dryRun="All"`.

        Raises:
            ApiError: any answer but 2xx.
        """
        url = f"{self.server}/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Content-Type": content_type} | self._impersonation
        data = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, url, body=data, headers=headers, redirect=False)
        if not 200 <= answer.status < 300:
            text = answer.data.decode()
            with contextlib.suppress(ValueError, KeyError):
                text = json.loads(text)["message"]
            raise ApiError(answer.status, text)
        decoded: Object = json.loads(answer.data)
        return decoded

    def connect(self) -> http.client.HTTPSConnection:
        """Open a connection for one answer that is streamed."""
        address = urllib.parse.urlsplit(self.server)
        return http.client.HTTPSConnection(str(address.hostname), address.port, timeout=600, context=self._context)

    def apply(self, document: Mapping[str, object], **query: str) -> Object:
        """Server-side apply one object, as the user `tests`."""
        path = self.path(document)
        return self.request(
            "PATCH",
            path,
            document,
            "application/apply-patch+yaml",
            fieldManager="tests",
            force="true",
            **query,
        )

    def path(self, document: Mapping[str, object]) -> str:
        """Return the address of an object; the server knows the resource of its kind."""
        version = str(document["apiVersion"])
        root = f"apis/{version}" if "/" in version else f"api/{version}"
        resources = self.request("GET", root)["resources"]
        assert isinstance(resources, list)
        resource = next(r for r in resources if r["kind"] == document["kind"] and "/" not in r["name"])
        metadata = document["metadata"]
        assert isinstance(metadata, dict)
        folder = f"namespaces/{metadata['namespace']}/" if resource["namespaced"] else ""
        return f"{root}/{folder}{resource['name']}/{metadata['name']}"

    def create_namespace(self) -> str:
        """Make a namespace with a name of its own."""
        name = f"test-{secrets.token_hex(4)}"
        self.request("POST", "api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def create_session(self, namespace: str, session: Mapping[str, object], **query: str) -> Object:
        """Create a BlenderSession; unknown fields are refused, as `kubectl apply` asks for."""
        body = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSession", **session}
        return self.request(
            "POST", f"{SESSIONS}/namespaces/{namespace}/blendersessions", body, fieldValidation="Strict", **query
        )
