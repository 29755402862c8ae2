"""The store of the portal's sessions. The pages use `SessionStore` only; the Kubernetes API is behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from blendersessions.clients.agent import endpoint_of
from blendersessions.clients.agent_files import AgentFiles
from blendersessions.model.container import AGENT_PORT
from blendersessions.model.errors import Conflict, KindUnknown, NotFound, System, Unavailable
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.user_credentials import credentials_in
from blendersessions_portal.session_view import OWNER_HASH_LABEL, SessionView, new_session, owner_hash, read_session
from blendersessions_portal.transfer_rules import TransferRules, rules_in

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_portal.scene_choice import SceneChoice

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CREATE_ATTEMPTS = 4


class SessionStore(Protocol):
    """Keeps sessions. Each call reaches the sessions of one owner only."""

    async def list(self, owner: str) -> list[SessionView]:
        """Return the owner's sessions, the newest first."""
        ...

    async def get(self, owner: str, name: str) -> SessionView:
        """Return one of the owner's sessions.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        ...

    async def count(self) -> int:
        """Return the number of sessions that all visitors have, without those that are being deleted."""
        ...

    async def create(self, owner: str, scene: SceneChoice, *, no_middle_button: bool) -> SessionView:
        """Make a session of a scene, and return it.

        Args:
            owner: the Guacamole user whose session it is.
            scene: what it opens.
            no_middle_button: whether Blender takes other keys for the middle mouse button and the numeric keypad.
        """
        ...

    async def delete(self, owner: str, name: str) -> None:
        """Delete one of the owner's sessions.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        ...

    async def suspend(self, owner: str, name: str) -> None:
        """Request that a session is suspended.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        ...

    async def resume(self, owner: str, name: str) -> None:
        """Request that a session is resumed.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        ...

    async def credentials(self, owner: str) -> UserCredentials:
        """Return the owner's credentials for Guacamole.

        Raises:
            NotFound: the operator has not made them.
        """
        ...

    async def rules(self, class_name: str) -> TransferRules:
        """Return what a class lets in and out of its sessions' desktops."""
        ...

    async def desktop_files(self, session: SessionView) -> AgentFiles:
        """Return the client for the files of a session's desktop.

        Raises:
            Unavailable: the desktop does not run, or not yet.
        """
        ...


class KubernetesSessionStore:
    """Sessions as objects in one namespace of the cluster. All methods raise the domain errors of `model.errors`."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace

    async def list(self, owner: str) -> list[SessionView]:
        """Return the owner's sessions, the newest first."""
        selector = f"{OWNER_HASH_LABEL}={owner_hash(owner)}"
        try:
            sessions = [_read(body) async for body in self._kubernetes.list(SESSION_KIND, self._namespace, selector)]
        except NotFound as error:
            raise self._no_such_kind() from error
        # Anybody who may edit sessions can set the label, so the owner in the spec decides.
        own = [session for session in sessions if session.owner == owner]
        return sorted(own, key=lambda session: (session.created, session.name), reverse=True)

    async def count(self) -> int:
        """Return the number of sessions that all visitors have, without those that are being deleted."""
        try:
            return len(
                [
                    body["metadata"]["name"]
                    async for body in self._kubernetes.list(SESSION_KIND, self._namespace, OWNER_HASH_LABEL)
                    if not body["metadata"].get("deletionTimestamp")
                ]
            )
        except NotFound as error:
            raise self._no_such_kind() from error

    async def get(self, owner: str, name: str) -> SessionView:
        """Return one of the owner's sessions.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        ref = Ref(SESSION_KIND, self._namespace, name)
        # A name like ".." would change the path of the request.
        session = _read(await self._kubernetes.get(ref)) if _NAME.fullmatch(name) else None
        if session is None or session.owner != owner:
            raise NotFound(f"{ref} does not exist.", System.KUBERNETES)
        return session

    async def create(self, owner: str, scene: SceneChoice, *, no_middle_button: bool) -> SessionView:
        """Make a session of a scene, and return it.

        Args:
            owner: the Guacamole user whose session it is.
            scene: what it opens.
            no_middle_button: whether Blender takes other keys for the middle mouse button and the numeric keypad.
        """
        for _ in range(_CREATE_ATTEMPTS):
            try:
                made = new_session(self._namespace, owner, scene, no_middle_button=no_middle_button)
                return _read(await self._kubernetes.create(made))
            except Conflict:
                # The random characters may give a name that exists. Another draw very likely does not.
                continue
            except NotFound as error:
                raise self._no_such_kind() from error
        raise Unavailable("No free name was found for the session. Try again.", System.OWN)

    async def delete(self, owner: str, name: str) -> None:
        """Delete one of the owner's sessions.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        session = await self.get(owner, name)
        await self._kubernetes.delete(Ref(SESSION_KIND, self._namespace, name), session.uid)

    async def suspend(self, owner: str, name: str) -> None:
        """Request that a session is suspended.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        await self._scale(owner, name, 0)

    async def resume(self, owner: str, name: str) -> None:
        """Request that a session is resumed.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        await self._scale(owner, name, 1)

    async def credentials(self, owner: str) -> UserCredentials:
        """Return the owner's credentials for Guacamole.

        Raises:
            NotFound: the operator has not made them.
        """
        ref = Ref("Secret", self._namespace, user_secret_name(owner))
        found = credentials_in(await self._kubernetes.get(ref), owner)
        if found is None:
            raise NotFound(f"{ref} holds no sign-in for {owner}.", System.KUBERNETES)
        return found

    async def rules(self, class_name: str) -> TransferRules:
        """Return what a class lets in and out of its sessions' desktops; the defaults if there is no such class."""
        try:
            return rules_in(await self._kubernetes.get(Ref(CLASS_KIND, self._namespace, class_name)))
        except NotFound:
            return TransferRules()

    async def desktop_files(self, session: SessionView) -> AgentFiles:
        """Return the client for the files of a session's desktop.

        Raises:
            Unavailable: the desktop does not run, or not yet.
        """
        desktop = session.session.desktop
        try:
            pod = await self._kubernetes.get(desktop.ref("Pod"))
            secret = await self._kubernetes.get(desktop.ref("Secret"))
        except NotFound as error:
            raise _no_desktop(session) from error
        if session.uid not in _owners(pod) or session.uid not in _owners(secret):
            raise _no_desktop(session)
        found = endpoint_of(pod, secret)
        host = f"[{found.address}]" if ":" in found.address else found.address
        return AgentFiles(found.name, f"http://{host}:{AGENT_PORT}", found.token)

    async def _scale(self, owner: str, name: str, replicas: int) -> None:
        session = await self.get(owner, name)
        # With the UID, the API server refuses this if the name now belongs to another session.
        try:
            await self._kubernetes.scale(Ref(SESSION_KIND, self._namespace, name), session.uid, replicas)
        except KindUnknown as error:
            raise self._no_such_kind() from error

    def _no_such_kind(self) -> Unavailable:
        return Unavailable(
            "Sessions are not set up in this cluster. Please ask your administrator to"
            " install the CRDs and to check the portal's settings.",
            System.OWN,
        )


def _no_desktop(session: SessionView) -> Unavailable:
    return Unavailable(f"Session “{session.name}” has no desktop at the moment. Try again when it runs.", System.OWN)


def _owners(body: Manifest) -> set[str]:
    references = body["metadata"].get("ownerReferences") or ()
    return {str(reference.get("uid")) for reference in references}


def _read(body: Manifest) -> SessionView:
    try:
        return read_session(body)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("The cluster sent a session that the portal cannot read.", System.OWN) from error
