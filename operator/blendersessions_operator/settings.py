"""The operator's settings: environment variables with the prefix `BLENDERSESSIONS_`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from blendersessions.model.installation import InstallationDefaults
from blendersessions.model.manifest import Ref
from blendersessions.model.network import NetworkPeers, fetch_network


class Settings(BaseSettings):
    """The operator's settings. Those without a default are required."""

    model_config = SettingsConfigDict(env_prefix="BLENDERSESSIONS_", frozen=True)

    guacamole_url: str = Field(description="Base URL of Guacamole's web application, as seen from the operator.")
    guacamole_username: str = Field(description="Administrator's account in Guacamole.")
    guacamole_password_file: Path = Field(description="File with that account's password; read again at each log-in.")
    guacamole_ca_file: Path | None = Field(None, description="A private CA for guacamole_url; default: the system's.")
    guacamole_group: str = Field(
        "blender-sessions", min_length=1, description="Connection group that belongs to this installation alone."
    )
    guacamole_users_create: Literal["WhenMissing", "Never"] = Field(
        "WhenMissing",
        description="Whether users that Guacamole does not have are made; Never where a sign-on makes them.",
    )
    guacamole_users_per_namespace: int = Field(
        2000, ge=1, description="How many users are made for the sessions of one namespace at most."
    )
    installation_id: str = Field(
        "",
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="What marks this installation's group and users; empty: made from the cluster and the release.",
    )
    release: str = Field("", description="Name of the Helm release, of which the installation's id is made.")
    guacd_address: str = Field(
        "", description="HOST:PORT of guacd, to check that it answers; empty: it is not checked and nothing is claimed."
    )
    guacd_seconds: float = Field(15.0, gt=0, description="Seconds between two checks of guacd, one for all sessions.")
    public_url: str = Field(description="What browsers open, with a trailing slash.")
    blender_image: str = Field(min_length=1, description="Image of desktops.")
    blender_image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When the kubelet pulls it."
    )
    image_pull_secrets: str = Field(
        "",
        description="Names of image pull Secrets of all desktops, separated by commas, in each session's namespace.",
    )
    fixed_users: bool = Field(
        True,
        description="Whether desktops run as the image's user; false where the platform chooses, as OpenShift does.",
    )
    network_policies: Literal["Apply", "Off"] = Field(
        "Apply", description="Whether no desktop is started in a namespace before its network policies are there."
    )
    network_peers: Annotated[NetworkPeers, NoDecode] = Field(
        NetworkPeers(), description="Whom these policies name: JSON with the fields of NetworkPeers."
    )
    fetch_networks: str = Field(
        "",
        description="Private networks (CIDR), separated by commas, that the URL of a scene may lead to. Desktops "
        "of classes with the egress Public reach them.",
    )
    namespaces: str = Field("", description="Namespaces to serve, separated by commas; empty: all.")
    health_port: int = Field(8080, ge=1, le=65535, description="Port of GET /healthz.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    resync_seconds: float = Field(
        60.0,
        gt=0,
        description="Seconds between two lists of Guacamole's connection group, one for all sessions.",
    )
    sweep: Literal["Remove", "Report", "Off"] = Field(
        "Remove",
        description="What happens to orphans in Guacamole: removed, reported, or not looked for.",
    )
    sweep_grace_seconds: float = Field(
        120.0,
        ge=0,
        description="Seconds for which an object must have been an orphan before it is removed.",
    )
    activity_seconds: float = Field(15.0, gt=0, description="Seconds between two polls of the running tunnels.")
    metrics_port: int = Field(8081, ge=0, le=65535, description="Port of GET /metrics; 0: none.")
    pod_name: str = Field(
        "", description="Name of the operator's own pod, which gets the Events that belong to no session."
    )
    pod_namespace: str = Field("", description="The namespace of that pod.")
    lease: str = Field(
        "",
        description="NAMESPACE/NAME of the Lease that an operator holds while it works; empty: none, and the operator "
        "works at once.",
    )
    lease_seconds: float = Field(
        10.0,
        ge=1,
        le=600,
        description="How long a Lease that is not renewed keeps others from taking it.",
    )
    workers: int = Field(24, ge=1, le=256, description="Sessions that are reconciled at the same time.")

    @field_validator("public_url")
    @classmethod
    def _with_slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"

    @field_validator("guacamole_url", "public_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("guacd_address")
    @classmethod
    def _has_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("must be HOST:PORT, or empty")
        return value

    @field_validator("lease")
    @classmethod
    def _has_namespace(cls, value: str) -> str:
        namespace, _, name = value.partition("/")
        if value and not (namespace and name and "/" not in name):
            raise ValueError("must be NAMESPACE/NAME, or empty")
        return value

    @field_validator("network_peers", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        return NetworkPeers.model_validate_json(value) if isinstance(value, str) else value

    @field_validator("fetch_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        return ",".join(map(fetch_network, _names(value)))

    @property
    def lease_ref(self) -> Ref | None:
        """Where the Lease is; None if the operator works without one."""
        namespace, _, name = self.lease.partition("/")
        return Ref("Lease", namespace, name) if name else None

    @property
    def guacd_endpoint(self) -> tuple[str, int] | None:
        """Host and port of guacd; None if it is not to be checked. An IPv6 address may have brackets."""
        host, _, port = self.guacd_address.rpartition(":")
        return (host.strip("[]"), int(port)) if host else None

    @property
    def namespace_list(self) -> list[str]:
        """Names of the served namespaces; empty for all."""
        return _names(self.namespaces)

    @property
    def installation(self) -> InstallationDefaults:
        """The defaults of the installation for all sessions."""
        return InstallationDefaults(
            image=self.blender_image,
            public_url=self.public_url,
            create_users=self.guacamole_users_create == "WhenMissing",
            users_per_namespace=self.guacamole_users_per_namespace,
            image_pull_policy=self.blender_image_pull_policy,
            image_pull_secrets=tuple(_names(self.image_pull_secrets)),
            fixed_users=self.fixed_users,
            fetch_networks=tuple(_names(self.fetch_networks)),
            network=self.network_peers if self.network_policies == "Apply" else None,
        )


def _names(text: str) -> list[str]:
    """Read names that are separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
