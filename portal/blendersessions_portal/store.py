"""Where sessions are kept. The pages know only `SessionStore`; in a cluster that is the Kubernetes API."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from blendersessions.model.errors import Invalid, NotFound, Unauthorised, Unavailable
from blendersessions.model.manifest import API_VERSION, Manifest
from blendersessions.model.names import user_secret_name
from blendersessions_portal.session import OWNER_HASH_LABEL, Session, new_session, owner_hash, read_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubernetes.client.api_client import ApiClient

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_TIMEOUT = (3.0, 10.0)  # seconds to connect, seconds to read
_NAME_TAKEN = 409
_CREATE_ATTEMPTS = 4


@dataclass(frozen=True)
class Credentials:
    """An owner's user name and password at Guacamole; the password is not part of the `repr`."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


class SessionStore(Protocol):
    """Keeps sessions; every call is limited to one owner's own."""

    async def list(self, owner: str) -> list[Session]:
        """Give the owner's sessions, the newest first."""
        ...

    async def get(self, owner: str, name: str) -> Session:
        """Give one session; `NotFound` also if it is somebody else's."""
        ...

    async def create(self, owner: str, sample: str) -> Session:
        """Make a session with that sample, or with the empty scene if it is empty."""
        ...

    async def delete(self, owner: str, name: str) -> None:
        """Have the session end; `NotFound` also if it is somebody else's."""
        ...

    async def credentials(self, owner: str) -> Credentials:
        """Give the owner's sign-in at Guacamole, which the operator made."""
        ...


class KubernetesSessionStore:
    """Sessions as objects in one namespace; blocking calls run in threads."""

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self._api = api
        self._sessions = f"/apis/{API_VERSION}/namespaces/{quote(namespace, safe='')}/blendersessions"
        self._secrets = f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets"
        self._namespace = namespace

    async def list(self, owner: str) -> list[Session]:
        """Give the owner's sessions, the newest first."""
        query = {"labelSelector": f"{OWNER_HASH_LABEL}={owner_hash(owner)}"}
        body = await asyncio.to_thread(self._request, "GET", self._sessions, "the list of sessions", query=query)
        items = body.get("items")
        sessions = [_parse(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        # The label is a hash and anybody who may edit sessions can set it: the owner in the spec decides.
        own = [session for session in sessions if session.owner == owner]
        return sorted(own, key=lambda session: (session.created, session.name), reverse=True)

    async def get(self, owner: str, name: str) -> Session:
        """Give one session; `NotFound` also if it is somebody else's."""
        what = f"session “{name}”"
        # A name such as ".." would change the path of the request.
        if not _NAME.fullmatch(name):
            raise NotFound(f"There is no {what}.")
        session = _parse(await asyncio.to_thread(self._request, "GET", f"{self._sessions}/{name}", what))
        if session.owner != owner:
            raise NotFound(f"There is no {what}.")
        return session

    async def create(self, owner: str, sample: str) -> Session:
        """Make a session with that sample, or with the empty scene if it is empty."""
        body = new_session(owner, sample)
        return _parse(await asyncio.to_thread(self._request, "POST", self._sessions, "a new session", body=body))

    async def delete(self, owner: str, name: str) -> None:
        """Have the session end; `NotFound` also if it is somebody else's."""
        session = await self.get(owner, name)
        # The UID keeps a session that somebody else made under the same name in between.
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": session.uid}}
        path = f"{self._sessions}/{name}"
        await asyncio.to_thread(self._request, "DELETE", path, f"session “{name}”", body=body)

    async def credentials(self, owner: str) -> Credentials:
        """Give the owner's sign-in at Guacamole, which the operator made."""
        name = user_secret_name(owner)
        body = await asyncio.to_thread(self._request, "GET", f"{self._secrets}/{name}", f"Secret “{name}”")
        data = body.get("data") or {}
        try:
            fields = {key: base64.b64decode(value).decode() for key, value in data.items()}
        except ValueError:
            fields = {}
        if fields.get("username") != owner or not fields.get("password"):
            raise NotFound(f"Secret “{name}” holds no sign-in for {owner}.")
        return Credentials(owner, fields["password"])

    def _request(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
    ) -> Manifest:
        for attempt in range(_CREATE_ATTEMPTS):
            status, answer = self._send(method, path, query, body)
            # The API server's five random characters can meet a name that exists; the next five will not.
            if status == _NAME_TAKEN and method == "POST" and attempt + 1 < _CREATE_ATTEMPTS:
                continue
            break
        if status < 300:
            return answer
        raise self._problem(status, str(answer.get("message", "")), what)

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Manifest | None
    ) -> tuple[int, Manifest]:
        request = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()) if query else [],
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            body=dict(body) if body else None,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            content = response.read()  # type: ignore[no-untyped-call]
        except HTTPError as error:
            raise Unavailable("The cluster's API does not answer. Try again in a moment.") from error
        try:
            answer = json.loads(content or b"{}")
        except ValueError:
            answer = {}
        return int(response.status), answer if isinstance(answer, dict) else {}

    def _problem(self, status: int, message: str, what: str) -> Exception:
        if status in {404, 410}:
            # A missing type and a missing object answer alike but for the text.
            if "could not find the requested resource" in message:
                return Unavailable("The cluster does not know blendersessions.blendersessions.io: install the CRDs.")
            return NotFound(f"There is no {what}.")
        if status in {400, 422}:
            return Invalid(f"The cluster does not accept {what}: {message}")
        if status in {401, 403}:
            return Unauthorised(f"The cluster refuses {what} in namespace “{self._namespace}”: {message}")
        return Unavailable(f"The cluster could not serve {what} just now ({status}). Try again in a moment.")


def _parse(body: Manifest) -> Session:
    try:
        return read_session(body)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("The cluster sent a session that the portal cannot read.") from error
