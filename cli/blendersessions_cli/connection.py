"""The connection to the cluster that the kubeconfig names."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, list_kube_config_contexts, load_kube_config

from blendersessions.clients.kubernetes.client import Kubernetes
from blendersessions.model.errors import Invalid, System
from blendersessions_cli.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
    api = ApiClient(configuration)
    kubernetes = Kubernetes(api)
    try:
        yield Cluster(kubernetes, api, target.namespace or chosen["context"].get("namespace") or _DEFAULT_NAMESPACE)
    finally:
        await kubernetes.close()
