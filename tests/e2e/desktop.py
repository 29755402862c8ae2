"""One session under test: the object, its desktop and the ways in."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from e2e.agent import Agent
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from e2e.kubectl import Kubectl


def manifest(name: str, sample: str | None = None, owner: str | None = None, **spec: object) -> dict[str, Any]:
    """Make a BlenderSession."""
    if sample:
        spec["scene"] = {"sample": sample}
    if owner:
        spec["owner"] = owner
    return {
        "apiVersion": "blendersessions.io/v1alpha1",
        "kind": "BlenderSession",
        "metadata": {"name": name},
        "spec": spec,
    }


@dataclass(frozen=True)
class Desktop:
    """A session that runs."""

    kubectl: Kubectl
    session: str

    @property
    def body(self) -> dict[str, Any]:
        """The object as it is now."""
        return self.kubectl.get("blendersession", self.session)

    @property
    def name(self) -> str:
        """Name of the pod, Service and Secret."""
        return str(self.body["status"]["desktop"]["name"])

    def secret(self, name: str) -> dict[str, str]:
        """Read a Secret's values."""
        return {
            key: base64.b64decode(value).decode() for key, value in self.kubectl.get("secret", name)["data"].items()
        }

    @property
    def agent(self) -> Agent:
        """The agent in this desktop."""
        return self.agent_of(self.name)

    def agent_of(self, pod: str) -> Agent:
        """Make the client of a pod that has this desktop's Secret."""
        secret = self.secret(self.name)
        return Agent(self.kubectl, pod, secret["agent-token"], secret["vnc-password"])

    def agent_status(self) -> dict[str, Any]:
        """Ask the agent what Blender shows."""
        return self.agent.status()

    def owners_login(self) -> dict[str, str]:
        """Read the owner's user name and password for Guacamole."""
        owner = self.body["spec"].get("owner") or self.name
        return self.secret(f"blender-user-{hashlib.sha256(owner.encode()).hexdigest()[:16]}")

    def link(self, public_url: str) -> str:
        """Make a link that signs the owner in, as the portal does."""
        answer = requests.post(f"{public_url}guacamole/api/tokens", data=self.owners_login(), timeout=DEADLINE_SECONDS)
        answer.raise_for_status()
        return f"{self.body['status']['clientURL']}?token={answer.json()['authToken']}"
