"""The sessions of a cluster, and their desktops. Errors name the missing object or right, and the way out."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from blendersessions.clients.agent_files import AgentFiles
from blendersessions.model.container import AGENT_PORT, AGENT_TOKEN
from blendersessions.model.errors import Conflict, Invalid, KindUnknown, NotFound, System, Unauthorised
from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import decode
from blendersessions.model.session import parse_session
from blendersessions.model.user_credentials import credentials_in
from blendersessions_cli.openable_session import NotReadyError, OpenableSession
from blendersessions_cli.port_forward import forwarding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kubernetes.aio.client.api_client import ApiClient

    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.user_credentials import UserCredentials

_MANAGER = "blendersessions"
"""Who is recorded as the one that set the fields of a session that the command creates."""


class Cluster:
    """The sessions of one namespace, and the credentials of their users."""

    def __init__(self, kubernetes: Kubernetes, api: ApiClient, namespace: str) -> None:
        self._kubernetes = kubernetes
        self._api = api
        self.namespace = namespace

    async def table(self, selector: str = "", *, everywhere: bool = False) -> Manifest:
        """Return the sessions of the namespace, or of all, as kubectl prints them (a `Table` of meta.k8s.io/v1).

        Raises:
            Unauthorised: the person may not list sessions.
            NotFound: the cluster has no CRD for sessions.
            Invalid: the selector is none.
        """
        try:
            return await self._kubernetes.table(SESSION_KIND, "" if everywhere else self.namespace, selector)
        except NotFound as error:
            raise _no_crd() from error
        except Unauthorised as error:
            raise self._ask_for("list blendersessions", error, everywhere=everywhere) from error

    async def objects(self, kind: str) -> list[Manifest]:
        """Return all objects of a kind in the namespace; of the kind Namespace, all in the cluster.

        Raises:
            Unauthorised: the person may not list them.
            NotFound: the cluster does not know the kind.
        """
        namespace = "" if kind == "Namespace" else self.namespace
        return [item async for item in self._kubernetes.list(kind, namespace)]

    async def session(self, name: str) -> OpenableSession:
        """Return one session.

        Raises:
            NotFound: there is none of this name; the message lists those that exist.
            Unauthorised: the person may not read sessions.
        """
        try:
            return _read(await self._kubernetes.get(self._ref(name)))
        except NotFound as error:
            raise NotFound(await self._missing(name), System.KUBERNETES) from error
        except Unauthorised as error:
            raise self._ask_for("get blendersessions", error) from error

    async def create(self, manifest: Manifest) -> Manifest:
        """Create a session, and return it as the API server has it.

        Raises:
            Conflict: there is one of this name.
            Invalid: the API server refuses it.
            Unauthorised: the person may not create sessions.
        """
        try:
            return await self._kubernetes.create(manifest, manager=_MANAGER, strict=True)
        except Conflict as error:
            name = manifest["metadata"]["name"]
            raise Conflict(
                f"There is a session “{name}” in the namespace {self.namespace} already. Choose another name, or delete"
                " that one first.",
                System.KUBERNETES,
            ) from error
        except KindUnknown as error:
            raise _no_crd() from error
        except Unauthorised as error:
            raise self._ask_for("create blendersessions", error) from error

    async def delete(self, session: OpenableSession) -> None:
        """Delete a session. Another one of its name is left alone.

        Raises:
            Unauthorised: the person may not delete sessions.
        """
        try:
            await self._kubernetes.delete(session.session.ref, session.session.uid)
        except Unauthorised as error:
            raise self._ask_for("delete blendersessions", error) from error

    async def is_there(self, session: OpenableSession) -> bool:
        """Return whether a session is there still, and not only another one of its name."""
        try:
            found = await self._kubernetes.get(session.session.ref)
        except NotFound:
            return False
        return bool(found["metadata"]["uid"] == session.session.uid)

    async def scale(self, session: OpenableSession, replicas: int) -> None:
        """Suspend a session (0), or resume it (1).

        Args:
            session: the session that is meant. Another one of its name is left alone.
            replicas: 0 or 1.

        Raises:
            NotFound: the session is gone; the message lists those that exist.
            KindUnknown: the cluster's sessions have no scale.
            Unauthorised: the person may not scale sessions.
            Conflict: the name belongs to another session than the one that is meant.
        """
        name = session.session.name
        try:
            await self._kubernetes.scale(self._ref(name), session.session.uid, replicas)
        except Conflict as error:
            raise Conflict(
                f"The session “{name}” in the namespace {self.namespace} was deleted and made again in the meantime."
                " Nothing was changed. Look at the new one first.",
                System.KUBERNETES,
            ) from error
        except KindUnknown as error:
            raise KindUnknown(
                "This cluster's BlenderSessions can be neither suspended nor resumed: their CRD is older than this"
                " command.",
                System.KUBERNETES,
            ) from error
        except NotFound as error:
            raise NotFound(await self._missing(name), System.KUBERNETES) from error
        except Unauthorised as error:
            raise self._ask_for("update blendersessions/scale", error) from error

    async def credentials(self, username: str) -> UserCredentials | None:
        """Return a user's credentials for Guacamole; None if there is no Secret, as for users of an administrator.

        Raises:
            Unauthorised: the person may not read the Secret.
            Invalid: the Secret holds no credentials of this user.
        """
        name = user_secret_name(username)
        try:
            secret = await self._kubernetes.get(Ref("Secret", self.namespace, name))
        except NotFound:
            return None
        except Unauthorised as error:
            raise Unauthorised(
                f"You may not read the Secret {self.namespace}/{name}, which holds the sign-in of {username}. Ask your"
                f" administrator for it: kubectl create role open-as-{name} --namespace {self.namespace} --verb=get"
                f" --resource=secrets --resource-name={name}, and a role binding to you. ({error})",
                System.KUBERNETES,
            ) from error
        found = credentials_in(secret, username)
        if found is None:
            raise Invalid(
                f"The Secret {self.namespace}/{name} holds no sign-in of {username}: it needs the keys username (with"
                " this name) and password. Delete it, and the operator makes it again.",
                System.KUBERNETES,
            )
        return found

    @asynccontextmanager
    async def files(self, openable: OpenableSession) -> AsyncIterator[AgentFiles]:
        """Yield the client for the files of a session's desktop.

        Raises:
            NotReadyError: no desktop runs.
            Unauthorised: the person may not read the desktop's Secret, or not forward ports to its pod.
        """
        session = openable.session
        if not session.status.desktop_name:
            raise NotReadyError(
                f"{openable.label} has no desktop now, so there are no files to reach. {openable.ready.reason}:"
                f" {openable.ready.message}",
                System.KUBERNETES,
            )
        desktop = session.desktop.name
        token = await self._agent_token(desktop)
        async with forwarding(self._api, self.namespace, desktop, AGENT_PORT) as forward:
            connector = aiohttp.UnixConnector(str(forward.socket), force_close=True)
            async with AgentFiles(desktop, f"http://{desktop}", token, connector) as files:
                yield files

    async def _agent_token(self, desktop: str) -> str:
        try:
            secret = await self._kubernetes.get(Ref("Secret", self.namespace, desktop))
        except NotFound as error:
            raise NotFound(
                f"The desktop {desktop} in the namespace {self.namespace} is gone. Look at its session again.",
                System.KUBERNETES,
            ) from error
        except Unauthorised as error:
            raise Unauthorised(
                f"You may not read the Secret {self.namespace}/{desktop}, by which files go in and out. Ask your"
                f" administrator for it: kubectl create role secret-of-{desktop} --namespace {self.namespace}"
                f" --verb=get --resource=secrets --resource-name={desktop}, and a role binding to you. ({error})",
                System.KUBERNETES,
            ) from error
        token = decode(secret, AGENT_TOKEN)
        if not token:
            raise Invalid(
                f"The Secret {self.namespace}/{desktop} has no {AGENT_TOKEN}. Tell your administrator.",
                System.KUBERNETES,
            )
        return token

    def _ref(self, name: str) -> Ref:
        return Ref(SESSION_KIND, self.namespace, name)

    async def _missing(self, name: str) -> str:
        text = f"There is no session “{name}” in the namespace {self.namespace}."
        try:
            names = sorted(item["metadata"]["name"] for item in await self.objects(SESSION_KIND))
        except NotFound as error:
            raise _no_crd() from error
        except Unauthorised:
            return text
        there = f"There are: {', '.join(names)}." if names else "There are none here: choose another namespace with -n."
        return f"{text} {there}"

    def _ask_for(self, right: str, error: Unauthorised, *, everywhere: bool = False) -> Unauthorised:
        where = "in all namespaces" if everywhere else f"in the namespace {self.namespace}"
        return Unauthorised(
            f"You may not {right} {where}. Choose another namespace with -n, or ask your administrator for this right"
            f" there. ({error})",
            System.KUBERNETES,
        )


def _no_crd() -> NotFound:
    return NotFound(
        "This cluster knows no BlenderSessions: choose another context, or ask your administrator to install the CRDs.",
        System.KUBERNETES,
    )


def _read(body: Manifest) -> OpenableSession:
    return OpenableSession(parse_session(body))
