"""The store of the portal's sessions. The pages use `SessionStore` only; the Kubernetes API is behind it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from blendersessions.clients.agent import AgentClient, endpoint_of
from blendersessions.clients.agent_files import AgentFiles
from blendersessions.model.container import AGENT_PORT
from blendersessions.model.errors import Conflict, DomainError, KindUnknown, NotFound, System, Unavailable
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.session import DEFAULT_CLASS
from blendersessions.model.user_credentials import credentials_in
from blendersessions_portal.known_desktops import KnownDesktops
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.session_view import (
    OWNER_HASH_LABEL,
    SessionView,
    new_session,
    owner_hash,
    read_session,
    session_like,
)
from blendersessions_portal.transfer_rules import TransferRules, rules_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from blendersessions.clients.agent import AgentEndpoint
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.session_class import SessionClass
    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_portal.scene_choice import SceneChoice

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CREATE_ATTEMPTS = 4
NOTICE_SECONDS: Final = 600.0
"""The longest time that a message is on a desktop. It goes soon after the first input."""


class SessionStore(Protocol):
    """Keeps sessions. Each call reaches the sessions of one owner only, but `every` and `find`."""

    async def every(self) -> Sequence[SessionView]:
        """Return the sessions of all owners, the newest first. They are for administrators alone."""
        ...

    async def classes(self) -> Sequence[SessionClass]:
        """Return the classes by name, with what was last reported of their pools."""
        ...

    async def find(self, name: str) -> SessionView:
        """Return a session, whosever it is, for administrators alone.

        Raises:
            NotFound: there is none.
        """
        ...

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

    async def create(
        self, owner: str, scene: SceneChoice, *, class_name: str = DEFAULT_CLASS, no_middle_button: bool
    ) -> SessionView:
        """Make a session of a scene, and return it.

        Args:
            owner: the Guacamole user whose session it is.
            scene: what it opens.
            class_name: its class.
            no_middle_button: whether Blender takes other keys for the middle mouse button and the numeric keypad.
        """
        ...

    async def duplicate(self, owner: str, name: str) -> SessionView:
        """Make a session like one of the owner's, without its files, and return it.

        Raises:
            NotFound: there is none, or it is somebody else's.
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

    async def rules(self, class_name: str, *, may_be_known: bool = False) -> TransferRules:
        """Return what a class lets in and out of its sessions' desktops.

        Args:
            class_name: the class.
            may_be_known: whether it may be what a watch showed. What is let through is decided without it.
        """
        ...

    async def desktop_files(self, session: SessionView, *, may_be_known: bool = False) -> AgentFiles:
        """Return the client for the files of a session's desktop.

        Args:
            session: the session.
            may_be_known: whether the desktop may be where it was some seconds ago.

        Raises:
            Unavailable: the desktop does not run, or not yet.
        """
        ...

    async def tell(self, session: SessionView, message: str) -> None:
        """Show a message on a session's desktop, until somebody works on or its time is over.

        Raises:
            Unavailable: there is no desktop, or it does not answer.
            Invalid: the desktop shows no such message.
        """
        ...


class KubernetesSessionStore:
    """Sessions as objects in one namespace of the cluster. All methods raise the domain errors of `model.errors`.

    Args:
        kubernetes: sends the requests.
        namespace: where the sessions are.
        cache: what a watch showed of them; without it, or where the portal may not watch, each call sends requests.
    """

    def __init__(self, kubernetes: Kubernetes, namespace: str, cache: SessionCache | None = None) -> None:
        self._kubernetes = kubernetes
        self._namespace = namespace
        self._cache = cache or SessionCache()
        self._desktops = KnownDesktops(self._find_agent)

    async def list(self, owner: str) -> list[SessionView]:
        """Return the owner's sessions, the newest first."""
        if self._cache.sessions.is_filled:
            return self._cache.of(owner)
        selector = f"{OWNER_HASH_LABEL}={owner_hash(owner)}"
        try:
            sessions = [_read(body) async for body in self._kubernetes.list(SESSION_KIND, self._namespace, selector)]
        except NotFound as error:
            raise self._no_such_kind() from error
        # Anybody who may edit sessions can set the label, so the owner in the spec decides.
        own = [session for session in sessions if session.owner == owner]
        return sorted(own, key=lambda session: (session.created, session.name), reverse=True)

    async def every(self) -> Sequence[SessionView]:
        """Return the sessions of all owners, the newest first. One that cannot be read is left out."""
        if not self._cache.sessions.is_filled:
            listed = SessionCache()
            try:
                bodies = [body async for body in self._kubernetes.list(SESSION_KIND, self._namespace)]
            except NotFound as error:
                raise self._no_such_kind() from error
            listed.replace(bodies, "", 0)
            return listed.every()
        return self._cache.every()

    async def classes(self) -> Sequence[SessionClass]:
        """Return the classes by name, with what was last reported of their pools."""
        if self._cache.classes.is_filled:
            return self._cache.every_class()
        listed = SessionCache()
        try:
            listed.replace_classes([body async for body in self._kubernetes.list(CLASS_KIND, self._namespace)])
        except NotFound as error:
            raise self._no_such_kind() from error
        return listed.every_class()

    async def count(self) -> int:
        """Return the number of sessions that all visitors have, without those that are being deleted."""
        if self._cache.sessions.is_current:
            return self._cache.count()
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
        """Return one of the owner's sessions. What the watch has is there, whatever a request would say.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        session = await self.find(name)
        if session.owner != owner:
            raise NotFound(f"{Ref(SESSION_KIND, self._namespace, name)} does not exist.", System.KUBERNETES)
        return session

    async def find(self, name: str) -> SessionView:
        """Return a session, whosever it is.

        Raises:
            NotFound: there is none.
        """
        ref = Ref(SESSION_KIND, self._namespace, name)
        session = self._cache.get(name) if self._cache.sessions.is_filled else None
        # A name like ".." would change the path of the request.
        if session is None and _NAME.fullmatch(name):
            session = self._noted(await self._kubernetes.get(ref))
        if session is None:
            raise NotFound(f"{ref} does not exist.", System.KUBERNETES)
        return session

    async def create(
        self, owner: str, scene: SceneChoice, *, class_name: str = DEFAULT_CLASS, no_middle_button: bool
    ) -> SessionView:
        """Make a session of a scene, and return it.

        Args:
            owner: the Guacamole user whose session it is.
            scene: what it opens.
            class_name: its class.
            no_middle_button: whether Blender takes other keys for the middle mouse button and the numeric keypad.
        """
        return await self._create(
            lambda: new_session(self._namespace, owner, scene, class_name=class_name, no_middle_button=no_middle_button)
        )

    async def duplicate(self, owner: str, name: str) -> SessionView:
        """Make a session like one of the owner's, without its files, and return it.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        session = await self.get(owner, name)
        return await self._create(lambda: session_like(session))

    async def _create(self, make: Callable[[], Manifest]) -> SessionView:
        for _ in range(_CREATE_ATTEMPTS):
            try:
                return self._noted(await self._kubernetes.create(make()))
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
        self._cache.note_deletion(name, session.uid)

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

    async def rules(self, class_name: str, *, may_be_known: bool = False) -> TransferRules:
        """Return what a class lets in and out of its sessions' desktops; the defaults if there is no such class.

        Args:
            class_name: the class.
            may_be_known: whether it may be what a watch showed. A class that it has not shown is read.
        """
        if may_be_known and (known := self._cache.rules(class_name)) is not None:
            return known
        try:
            return rules_in(await self._kubernetes.get(Ref(CLASS_KIND, self._namespace, class_name)))
        except NotFound:
            return TransferRules()

    async def desktop_files(self, session: SessionView, *, may_be_known: bool = False) -> AgentFiles:
        """Return the client for the files of a session's desktop.

        Args:
            session: the session.
            may_be_known: whether the desktop may be where it was some seconds ago.

        Raises:
            Unavailable: the desktop does not run, or not yet.
        """
        found = await self._desktops.of(session, may_be_known=may_be_known)
        host = f"[{found.address}]" if ":" in found.address else found.address
        return AgentFiles(found.name, f"http://{host}:{AGENT_PORT}", found.token)

    async def tell(self, session: SessionView, message: str) -> None:
        """Show a message on a session's desktop, until somebody works on or its time is over.

        Raises:
            Unavailable: there is no desktop, or it does not answer.
            Invalid: the desktop shows no such message.
        """
        agents = AgentClient()
        try:
            found = await self._desktops.of(session, may_be_known=False)
            await agents.notify(found, message, NOTICE_SECONDS)
        finally:
            await agents.close()

    async def _find_agent(self, session: SessionView) -> AgentEndpoint:
        desktop = session.session.desktop
        try:
            pod = await self._kubernetes.get(desktop.ref("Pod"))
            secret = await self._kubernetes.get(desktop.ref("Secret"))
        except NotFound as error:
            raise _no_desktop(session) from error
        if session.uid not in _owners(pod) or session.uid not in _owners(secret):
            raise _no_desktop(session)
        return endpoint_of(pod, secret)

    async def _scale(self, owner: str, name: str, replicas: int) -> None:
        session, ref = await self.get(owner, name), Ref(SESSION_KIND, self._namespace, name)
        # With the UID, the API server refuses this if the name now belongs to another session.
        try:
            await self._kubernetes.scale(ref, session.uid, replicas)
        except KindUnknown as error:
            raise self._no_such_kind() from error
        if self._cache.sessions.is_filled:
            # The next page may be asked for before the watch has shown it.
            with suppress(DomainError):
                self._cache.note(await self._kubernetes.get(ref))

    def _noted(self, body: Manifest) -> SessionView:
        """Return the session of an answer, which the watch may not have shown yet."""
        session = _read(body)
        self._cache.note(body)
        return session

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
