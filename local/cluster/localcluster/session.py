"""The example session, and the log-in for it."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from localcluster import paths
from localcluster.commands import Kubectl
from localcluster.errors import LocalClusterError

NAME = "shopping-cart"
_NAMESPACE = "default"
_EXAMPLE = paths.REPOSITORY / "manifests" / "examples" / "shopping_cart.yaml"
_READY_SECONDS = 120


@dataclass(frozen=True)
class Login:
    """The URL of a session that is ready, and the account that may open it."""

    client_url: str
    username: str
    password: str


def user_secret(owner: str) -> str:
    """Return the name of the Secret with an owner's account (docs/interfaces.md, Objects of a session)."""
    return f"blender-user-{hashlib.sha256(owner.encode()).hexdigest()[:16]}"


def apply(kubectl: Kubectl) -> Login:
    """Create the example session, wait until it is ready, and return the log-in.

    Raises:
        LocalClusterError: the session was not ready in time. The message has its conditions.
    """
    kubectl.run("apply", f"--namespace={_NAMESPACE}", f"--filename={_EXAMPLE}")
    resource = f"blendersession/{NAME}"
    arguments = (resource, f"--namespace={_NAMESPACE}", "--for=condition=Ready", f"--timeout={_READY_SECONDS}s")
    try:
        kubectl.run("wait", *arguments, timeout=_READY_SECONDS + 30)
    except LocalClusterError as error:
        raise LocalClusterError(
            f"The session {NAME} was not ready within {_READY_SECONDS} s. {_reported_conditions(kubectl)}"
            f"\nLook at: kubectl --kubeconfig={kubectl.kubeconfig} describe {resource}"
        ) from error
    session = _get(kubectl, resource)
    owner = session["spec"]["owner"]
    encoded = _get(kubectl, f"secret/{user_secret(owner)}")["data"]
    account = {key: base64.b64decode(value).decode() for key, value in encoded.items()}
    return Login(session["status"]["clientURL"], account["username"], account["password"])


def _reported_conditions(kubectl: Kubectl) -> str:
    conditions = _get(kubectl, f"blendersession/{NAME}").get("status", {}).get("conditions", [])
    shown = [f"{c['type']}={c['status']} ({c.get('reason', '')}): {c.get('message', '')}" for c in conditions]
    return "Its conditions: " + ("; ".join(shown) or "none, because the operator has not reconciled it yet.")


def _get(kubectl: Kubectl, resource: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(kubectl.run("get", resource, f"--namespace={_NAMESPACE}", "--output=json"))
    return document
