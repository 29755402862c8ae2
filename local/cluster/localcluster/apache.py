"""Apache Guacamole's own images in the embedded cluster, which can pull none: they are brought in a file."""

from pathlib import Path

import yaml

from localcluster import chart, paths
from localcluster.errors import LocalClusterError

_IMAGES = ("guacamole", "guacd", "postgresql")
_HUB = "docker.io"


def archive() -> Path:
    """Return where the file has to be."""
    return paths.cache() / "images" / "apache.tar"


def names() -> tuple[str, ...]:
    """Return the images that the chart's own values name, as one writes them for Docker."""
    images = yaml.safe_load(chart.VALUES.read_text())["images"]
    return tuple(f"{images[name]['repository']}:{images[name]['tag']}" for name in _IMAGES)


def reference(name: str) -> str:
    """Return the full name of an image of Docker's hub, as containerd knows it."""
    return f"{_HUB}/{name}" if "/" in name else f"{_HUB}/library/{name}"


def images() -> tuple[tuple[str, Path], ...]:
    """Return (reference, archive) of each image.

    Raises:
        LocalClusterError: the file is not there; the message says how to make it.
    """
    if not archive().exists():
        raise LocalClusterError(
            "GUACAMOLE=apache needs images from a registry, and nothing leads from the embedded cluster to one. "
            "Leave GUACAMOLE out, and the stand-in is used; or start a Docker engine, and kind is used; or bring the "
            "images. Where Docker is, pull them and save them:\n"
            f"    docker save --output apache.tar {' '.join(names())}\n"
            f"and put the file here: {archive()}"
        )
    return tuple((reference(name), archive()) for name in names())
