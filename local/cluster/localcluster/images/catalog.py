"""The list of images, and how each is built."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from localcluster import paths
from localcluster.errors import LocalClusterError

_DOCKERFILES: Final[dict[str, str]] = {
    "blender": "images/blender/Dockerfile",
    "guacd": "images/guacd/Dockerfile",
    "operator": "images/operator/Dockerfile",
    "portal": "images/portal/Dockerfile",
    "proxy": "images/proxy/Dockerfile",
    "guacamole-standin": "local/guacamole/Dockerfile",
}
BLENDERS: Final[dict[str, str]] = {"4.3": "trixie", "5.2": "sid"}
"""The release of Debian that has a Blender, by that Blender's version. The first is the image `blender`."""
_SERIES: Final = re.compile(r"\d+\.\d+")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_ARCHIVES: Final = "/tmp/official"  # noqa: S108 - the Dockerfile's folder
"""Where a build looks for the archive of an official build that is no address."""


@dataclass(frozen=True)
class Recipe:
    """How one image is built."""

    name: str
    dockerfile: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What the build is given for the Dockerfile's ARGs."""
    mounts: Mapping[Path, str] = field(default_factory=dict)
    """Files of this machine that the build can read, with their place in it. An argument has to name their content."""


def blender_name(version: str) -> str:
    """Return the name of the image with one of Debian's Blenders.

    Raises:
        LocalClusterError: no release of Debian that we know has it.
    """
    if version not in BLENDERS:
        raise LocalClusterError(
            f"Debian has no Blender {version} that we know. It has {' and '.join(BLENDERS)}. "
            "For another one, give BLENDER_URL and BLENDER_SHA256 of an official build too."
        )
    return "blender" if version == next(iter(BLENDERS)) else f"blender-{version}"


NAMES: Final[tuple[str, ...]] = (*_DOCKERFILES, *(blender_name(version) for version in list(BLENDERS)[1:]))


def recipe(name: str) -> Recipe:
    """Return how an image is built.

    Raises:
        ValueError: there is no such image.
    """
    if name not in NAMES:
        raise ValueError(f"There is no image {name!r}. The images are: {', '.join(NAMES)}.")
    if name in _DOCKERFILES:
        return Recipe(name, paths.REPOSITORY / _DOCKERFILES[name])
    version = name.removeprefix("blender-")
    return Recipe(name, dockerfile("blender"), {"DEBIAN": BLENDERS[version], "BLENDER": version})


def blender_recipe(version: str, source: str, sha256: str) -> Recipe:
    """Return how the image with a version of Blender is built.

    Args:
        version: Blender's version, such as 5.2.
        source: the official build's https address, or the path of its archive; empty: Debian's Blender.
        sha256: that archive's SHA-256 in hexadecimal digits.

    Raises:
        LocalClusterError: the path is no file or another one, the address is not https, the version or the SHA-256 is
            none, or Debian has no such Blender.
    """
    if not source:
        if sha256:
            raise LocalClusterError(
                "BLENDER_SHA256 is that of an official build. Give BLENDER_URL too, or none of both."
            )
        return recipe(blender_name(version))
    if not _SERIES.fullmatch(version):
        raise LocalClusterError(f"BLENDER is {version!r}. Give the first two numbers of the version, such as 5.2.")
    if not _SHA256.fullmatch(sha256):
        raise LocalClusterError(
            f"BLENDER_SHA256 is {sha256!r}. Give the 64 hexadecimal digits that are published beside the archive."
        )
    mounts: dict[Path, str] = {}
    if not source.startswith("https://"):
        archive = _checked_archive(source, sha256)
        mounts[archive] = f"{_ARCHIVES}/{archive.name}"
        source = archive.name
    arguments = {"BLENDER": version, "BLENDER_URL": source, "BLENDER_SHA256": sha256}
    return Recipe(official_name(version), dockerfile("blender"), arguments, mounts)


def _checked_archive(path: str, sha256: str) -> Path:
    """Return the archive at a path.

    Raises:
        LocalClusterError: there is none, or its SHA-256 is another one.
    """
    if "://" in path:
        raise LocalClusterError(f"BLENDER_URL is {path}. Give an address that begins with https://, or a file's path.")
    archive = Path(path).expanduser().resolve()
    if not archive.is_file():
        raise LocalClusterError(f"There is no file {path}. Give an https address or the path of an archive.")
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256.lower():
        raise LocalClusterError(
            f"{path} has the SHA-256 {found}, and BLENDER_SHA256 is {sha256.lower()}. The archive is another one, or "
            "it is damaged. Compare it with the digits that are published beside it."
        )
    return archive


def official_name(version: str) -> str:
    """Return the name of the image with an official build of a version of Blender."""
    return f"blender-{version}-official"


def dockerfile(name: str) -> Path:
    """Return the path of an image's Dockerfile.

    Raises:
        ValueError: there is no such image.
    """
    return recipe(name).dockerfile


def cache_dir() -> Path:
    """Return the folder of base images, archives and buildah's storage."""
    return paths.cache() / "images"
