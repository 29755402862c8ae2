"""Our Helm chart, installed in a local cluster with local values."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from localcluster import paths
from localcluster.commands import Kubectl, run
from localcluster.errors import LocalClusterError
from localcluster.images import ImageRef
from localcluster.unready import explained

RELEASE = "blender-sessions"
NAMESPACE = "blender-sessions"
SESSION_NAMESPACE = "blender-desktops"
"""The namespace in which the portal creates sessions."""
HTTP_NODE_PORT = 30080
"""The node port of the proxy's Service."""
_CHART = paths.REPOSITORY / "helm" / "blender-sessions"
VALUES = _CHART / "values.yaml"
"""The chart's own values."""
STANDIN = "guacamole-standin"
"""The name of our image in place of Guacamole's."""
# The images whose key in the chart's values differs from their name.
_KEYS = {STANDIN: "guacamole"}
APACHE_IMAGES = ("blender", "operator", "portal", "proxy")
STANDIN_IMAGES = (*APACHE_IMAGES, "guacd", STANDIN)


def guacamole_mode(default: str) -> str:
    """Return `apache` or `standin`: the environment variable GUACAMOLE, or `default` without it.

    Raises:
        LocalClusterError: GUACAMOLE has another value.
    """
    mode = os.environ.get("GUACAMOLE") or default
    if mode not in {"apache", "standin"}:
        raise LocalClusterError(f"GUACAMOLE is {mode!r}. Set it to `apache` or `standin`.")
    return mode


def image_names(mode: str) -> tuple[str, ...]:
    """Return the names of our images that a release needs. `mode` is `apache` or `standin`."""
    return APACHE_IMAGES if mode == "apache" else STANDIN_IMAGES


def values(images: Mapping[str, ImageRef], *, public_url: str) -> str:
    """Return the chart's values for a local cluster, as YAML.

    Args:
        images: our images by name. Guacamole is the stand-in if it is among them, otherwise Apache's.
        public_url: the URL at which a browser reaches the portal.
    """
    document = {
        "publicURL": public_url,
        "sessionNamespace": SESSION_NAMESPACE,
        # The cluster has nothing else in it, and sessions are tried out in any namespace.
        "operator": {"clusterWide": True},
        "guacamole": {"mode": "standin" if STANDIN in images else "apache"},
        "images": {
            _KEYS.get(name, name): {"repository": image.repository, "tag": image.tag} for name, image in images.items()
        },
        "proxy": {"service": {"type": "NodePort", "nodePort": HTTP_NODE_PORT}},
    }
    return yaml.safe_dump(document, sort_keys=True)


def install(helm: Path, kubectl: Kubectl, local_values: str, work: Path) -> bool:
    """Install or upgrade the release, and wait until it is ready. Return False if nothing had to be changed.

    Args:
        helm: the program.
        kubectl: access to the cluster.
        local_values: YAML of `values`.
        work: the folder for the file with the values, which can be read later.

    Raises:
        LocalClusterError: Helm failed. The message has Helm's output, and the reasons of pods that are not ready.
    """
    path, applied = work / "values.yaml", work / "chart.applied"
    path.write_text(local_values)
    options = [f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={NAMESPACE}"]
    wanted = fingerprint(local_values)
    if applied.exists() and applied.read_text() == wanted and _is_deployed(helm, options):
        return False
    _forget_interrupted(kubectl)
    chart = [RELEASE, str(_CHART), f"--values={path}"]
    with explained(kubectl, NAMESPACE):
        run(
            [str(helm), "upgrade", "--install", *chart, *options, "--create-namespace", "--wait", "--timeout=5m"],
            timeout=330,
        )
    applied.write_text(wanted)
    return True


def _forget_interrupted(kubectl: Kubectl) -> None:
    """Remove Helm's record of an interrupted run. Helm would take it for a run that goes on, and refuse to start.

    The objects of the interrupted run stay, and the next run adopts them. The cluster's lock excludes a run at the same
    time.
    """
    pending = "owner=helm,status in (pending-install,pending-upgrade,pending-rollback)"
    kubectl.run(f"--namespace={NAMESPACE}", "delete", "secrets", f"--selector={pending}", "--ignore-not-found")


def fingerprint(local_values: str, chart: Path = _CHART) -> str:
    """Return a hash of the chart and of its values."""
    digest = hashlib.sha256(local_values.encode())
    for file in sorted(path for path in chart.rglob("*") if path.is_file()):
        digest.update(file.relative_to(chart).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _is_deployed(helm: Path, options: list[str]) -> bool:
    listing = json.loads(run([str(helm), "list", *options, "--output=json", "--all", f"--filter=^{RELEASE}$"]))
    return any(release["status"] == "deployed" for release in listing)
