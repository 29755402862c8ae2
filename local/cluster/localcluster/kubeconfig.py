"""Kubeconfig files."""

import base64
from pathlib import Path

import yaml

from localcluster.pki import Pair


def render(cluster: str, server: str, authority: bytes, client: Pair) -> str:
    """Return a kubeconfig with one cluster, one user and one context, all called `cluster`; `authority` is PEM."""

    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode("ascii")

    user = {"client-certificate-data": encoded(client.certificate), "client-key-data": encoded(client.key)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": encoded(authority)}}
        ],
        "users": [{"name": cluster, "user": user}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "current-context": cluster,
    }
    return yaml.safe_dump(document, sort_keys=False)


def write(path: Path, content: str) -> Path:
    """Write a kubeconfig so that only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content)
    return path
