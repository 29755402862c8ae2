"""Kubeconfig files."""

import base64
from pathlib import Path

import yaml

from localcluster.pki import Pair


def render(cluster: str, server: str, authority: bytes, client: Pair) -> str:
    """Return a kubeconfig with one cluster, one user and one context, all called `cluster`.

    Args:
        cluster: the name.
        server: the API server's URL.
        authority: the certificate of the server's authority, as PEM.
        client: the user's certificate and key.
    """

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
    """Write a kubeconfig that only its owner can read, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content)
    return path
