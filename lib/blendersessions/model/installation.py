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
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets in the session's namespace, with the accounts of image registries."""
    requests: dict[str, str | int | float] = field(default_factory=lambda: dict(_REQUESTS))
    limits: dict[str, str | int | float] = field(default_factory=lambda: dict(_LIMITS))
    network: NetworkPeers | None = None
    """Whom the network policies of desktops name; None: desktops have none of ours."""
