"""Apache Guacamole's own images for the embedded cluster, which imports them from a file because it cannot pull."""

from pathlib import Path

import yaml

from localcluster import chart, paths
from localcluster.errors import LocalClusterError

_IMAGES = ("guacamole", "guacd", "postgresql")
_HUB = "docker.io"


def archive() -> Path:
    """Return the path at which the file must be."""
    return paths.cache() / "images" / "apache.tar"


def names() -> tuple[str, ...]:
    """Return the names of the images in the chart's own values, as Docker accepts them."""
    images = yaml.safe_load(chart.VALUES.read_text())["images"]
    return tuple(f"{images[name]['repository']}:{images[name]['tag']}" for name in _IMAGES)


def reference(name: str) -> str:
    """Return the full name of an image on Docker Hub, as containerd needs it."""
    return f"{_HUB}/{name}" if "/" in name else f"{_HUB}/library/{name}"


def images() -> tuple[tuple[str, Path], ...]:
    """Return (reference, archive) of each image.

    Raises:
        LocalClusterError: the file does not exist. The message has the command that makes it.
    """
    if not archive().exists():
        raise LocalClusterError(
            "GUACAMOLE=apache needs images from a registry, and the embedded cluster has no access to one. "
            "Unset GUACAMOLE to use the stand-in, start a Docker engine to use kind, or bring the images in a file. "
            "For the file, pull the images on a machine with Docker and save them:\n"
            f"    docker save --output apache.tar {' '.join(names())}\n"
            f"Then copy the file to {archive()}"
        )
    return tuple((reference(name), archive()) for name in names())
