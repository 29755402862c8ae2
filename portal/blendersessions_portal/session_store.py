"""Where sessions are kept. The pages know only `SessionStore`; in a cluster that is the Kubernetes API."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from blendersessions.model import suspension
from blendersessions.model.errors import Conflict, NotFound, System, Unavailable
from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.user_credentials import credentials_in
from blendersessions_portal.session_view import OWNER_HASH_LABEL, SessionView, new_session, owner_hash, read_session

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes import Kubernetes
    from blendersessions.model.user_credentials import UserCredentials

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CREATE_ATTEMPTS = 4


class SessionStore(Protocol):
    """Keeps sessions; every call is limited to one owner's own."""

    async def list(self, owner: str) -> list[SessionView]:
        """Give the owner's sessions, the newest first."""
        ...

    async def get(self, owner: str, name: str) -> SessionView:
        """Give one session; `NotFound` also if it is somebody else's."""
        ...

    async def create(self, owner: str, sample: str) -> SessionView:
        """Make a session with that sample, or with the empty scene if it is empty."""
        ...

    async def delete(self, owner: str, name: str) -> None:
        """Have the session end; `NotFound` also if it is somebody else's."""
        ...

    async def suspend(self, owner: str, name: str) -> None:
        """Have the desktop saved and stopped; `NotFound` also if it is somebody else's."""
        ...

    async def resume(self, owner: str, name: str) -> None:
        """Have the desktop started again; `NotFound` also if it is somebody else's."""
        ...

    async def credentials(self, owner: str) -> UserCredentials:
        """Give the owner's sign-in at Guacamole, which the operator made; `NotFound` if it did not."""
        ...


class KubernetesSessionStore:
    """Sessions as objects in one namespace."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace

    async def list(self, owner: str) -> list[SessionView]:
        """Give the owner's sessions, the newest first."""
        selector = f"{OWNER_HASH_LABEL}={owner_hash(owner)}"
        try:
            sessions = [_read(body) async for body in self._kubernetes.list(SESSION_KIND, self._namespace, selector)]
        except NotFound as error:
            raise self._no_such_kind() from error
        # The label is a hash, and anybody who may edit sessions can set it: the owner in the spec decides.
        own = [session for session in sessions if session.owner == owner]
        return sorted(own, key=lambda session: (session.created, session.name), reverse=True)

    async def get(self, owner: str, name: str) -> SessionView:
        """Give one session; `NotFound` also if it is somebody else's."""
        ref = Ref(SESSION_KIND, self._namespace, name)
        # A name such as ".." would change the path of the request.
        session = _read(await self._kubernetes.get(ref)) if _NAME.fullmatch(name) else None
        if session is None or session.owner != owner:
            raise NotFound(f"{ref} does not exist.", System.KUBERNETES)
        return session

    async def create(self, owner: str, sample: str) -> SessionView:
        """Make a session with that sample, or with the empty scene if it is empty."""
        for _ in range(_CREATE_ATTEMPTS):
            try:
                return _read(await self._kubernetes.create(new_session(self._namespace, owner, sample)))
            except Conflict:
                # Five random characters can meet a name that exists; the next five hardly will.
                continue
            except NotFound as error:
                raise self._no_such_kind() from error
        raise Unavailable("No free name was found for the session. Try again.", System.KUBERNETES)

    async def delete(self, owner: str, name: str) -> None:
        """Have the session end; `NotFound` also if it is somebody else's."""
        session = await self.get(owner, name)
        await self._kubernetes.delete(Ref(SESSION_KIND, self._namespace, name), session.uid)

    async def suspend(self, owner: str, name: str) -> None:
        """Have the desktop saved and stopped; `NotFound` also if it is somebody else's."""
        await self._change(owner, name, suspension.suspend_patch())

    async def resume(self, owner: str, name: str) -> None:
        """Have the desktop started again; `NotFound` also if it is somebody else's."""
        await self._change(owner, name, suspension.resume_patch(datetime.now(UTC)))

    async def credentials(self, owner: str) -> UserCredentials:
        """Give the owner's sign-in at Guacamole, which the operator made; `NotFound` if it did not."""
        ref = Ref("Secret", self._namespace, user_secret_name(owner))
        found = credentials_in(await self._kubernetes.get(ref), owner)
        if found is None:
            raise NotFound(f"{ref} holds no sign-in for {owner}.", System.KUBERNETES)
        return found

    async def _change(self, owner: str, name: str, patch: Manifest) -> None:
        session = await self.get(owner, name)
        # The API server refuses the patch if another session has got the name meanwhile.
        seen = {"metadata": {**(patch.get("metadata") or {}), "uid": session.uid}}
        await self._kubernetes.merge(Ref(SESSION_KIND, self._namespace, name), patch | seen)

    def _no_such_kind(self) -> Unavailable:
        return Unavailable(
            f"The cluster knows no {SESSION_KIND}, or no namespace {self._namespace}:"
            " tell your administrator to install the CRDs and to look at the portal's settings.",
            System.KUBERNETES,
        )


def _read(body: Manifest) -> SessionView:
    try:
        return read_session(body)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("The cluster sent a session that the portal cannot read.", System.KUBERNETES) from error
