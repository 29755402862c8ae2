"""The list of images, with the paths of their Dockerfiles and archives."""

from pathlib import Path
from typing import Final

from localcluster import paths

_DOCKERFILES: Final[dict[str, str]] = {
    "blender": "images/blender/Dockerfile",
    "guacd": "images/guacd/Dockerfile",
    "operator": "images/operator/Dockerfile",
    "portal": "images/portal/Dockerfile",
    "proxy": "images/proxy/Dockerfile",
    "guacamole-standin": "local/guacamole/Dockerfile",
}

NAMES: Final[tuple[str, ...]] = tuple(_DOCKERFILES)


def dockerfile(name: str) -> Path:
    """Return the path of an image's Dockerfile.

    Raises:
        ValueError: there is no such image.
    """
    try:
        return paths.REPOSITORY / _DOCKERFILES[name]
    except KeyError:
        raise ValueError(f"There is no image {name!r}. The images are: {', '.join(NAMES)}.") from None


def cache_dir() -> Path:
    """Return the folder of base images, archives and buildah's storage."""
    return paths.cache() / "images"
