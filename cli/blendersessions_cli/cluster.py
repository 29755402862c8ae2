"""The cluster that the kubeconfig names. Its errors name the missing object or right, and the way out."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, list_kube_config_contexts, load_kube_config

from blendersessions.clients.kubernetes import Kubernetes
from blendersessions.model.errors import Conflict, Invalid, KindUnknown, NotFound, System, Unauthorised
from blendersessions.model.manifest import SESSION_KIND, Manifest, Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.session import parse_session
from blendersessions.model.user_credentials import credentials_in
from blendersessions_cli.openable_session import OpenableSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions.model.user_credentials import UserCredentials

_DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True)
class Target:
    """Where to look for sessions. None stands for what kubectl would use.

    Attributes:
        namespace: namespace of the sessions.
        context: name of a context in the kubeconfig.
        kubeconfig: path of the kubeconfig.
    """

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Cluster]:
    """Yield the cluster, with a connection that lasts as long as the block.

    Raises:
        Invalid: the kubeconfig cannot be used.
    """
    file = target.kubeconfig or os.environ.get("KUBECONFIG") or None
    configuration = Configuration()
    try:
        contexts, active = list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=file, context=target.context, client_configuration=configuration
        )
    except (ConfigException, OSError) as error:
        where = file or "~/.kube/config"
        raise Invalid(
            f"The kubeconfig {where} cannot be used ({str(error).rstrip('.')}). Name another one by --kubeconfig or"
            " KUBECONFIG, and one of its contexts by --context.",
            System.KUBERNETES,
        ) from error
    chosen = next((each for each in contexts if each["name"] == target.context), active)
    kubernetes = Kubernetes(ApiClient(configuration))
    try:
        yield Cluster(kubernetes, target.namespace or chosen["context"].get("namespace") or _DEFAULT_NAMESPACE)
    finally:
        await kubernetes.close()


class Cluster:
    """The sessions of one namespace, and the credentials of their users."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self._kubernetes = kubernetes
        self.namespace = namespace

    async def sessions(self) -> list[OpenableSession]:
        """Return all sessions of the namespace.

        Raises:
            Unauthorised: the person may not list sessions.
            NotFound: the cluster has no CRD for sessions.
        """
        try:
            return [_read(body) async for body in self._kubernetes.list(SESSION_KIND, self.namespace)]
        except NotFound as error:
            raise NotFound(
                "This cluster knows no BlenderSessions: choose another context, or ask your administrator to install"
                " the CRDs.",
                System.KUBERNETES,
            ) from error
        except Unauthorised as error:
            raise self._ask_for("list blendersessions", error) from error

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

    def _ref(self, name: str) -> Ref:
        return Ref(SESSION_KIND, self.namespace, name)

    async def _missing(self, name: str) -> str:
        text = f"There is no session “{name}” in the namespace {self.namespace}."
        try:
            names = sorted(each.session.name for each in await self.sessions())
        except Unauthorised:
            return text
        there = f"There are: {', '.join(names)}." if names else "There are none here: choose another namespace with -n."
        return f"{text} {there}"

    def _ask_for(self, right: str, error: Unauthorised) -> Unauthorised:
        return Unauthorised(
            f"You may not {right} in the namespace {self.namespace}. Choose another namespace with -n, or ask your"
            f" administrator for this right there. ({error})",
            System.KUBERNETES,
        )


def _read(body: Manifest) -> OpenableSession:
    return OpenableSession(parse_session(body))
