"""The defaults of the installation for all sessions; a class overrides them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blendersessions.model.network import NetworkPeers

_REQUESTS: dict[str, str | int | float] = {"cpu": "250m", "memory": "1Gi"}
_LIMITS: dict[str, str | int | float] = {"cpu": "2", "memory": "4Gi"}


@dataclass(frozen=True)
class InstallationDefaults:
    """How desktops are made, and where browsers reach Guacamole."""

    image: str
    public_url: str
    """The address for browsers, with a trailing slash."""
    create_users: bool = True
    """Whether users that Guacamole does not have are made."""
    users_per_namespace: int = 2000
    """How many users may be made for the sessions of one namespace."""
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets in the session's namespace, with the accounts of image registries."""
    fixed_users: bool = True
    """Whether desktops run as the image's user. Otherwise the platform gives them one, as OpenShift does."""
    requests: dict[str, str | int | float] = field(default_factory=lambda: dict(_REQUESTS))
    limits: dict[str, str | int | float] = field(default_factory=lambda: dict(_LIMITS))
    fetch_networks: tuple[str, ...] = ()
    """Private networks (CIDR) that a URL of a scene may lead to."""
    network: NetworkPeers | None = None
    """Whom the network policies of desktops name; None: desktops have none of ours."""
