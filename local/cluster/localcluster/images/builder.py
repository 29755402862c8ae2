"""Image archives, built from Dockerfiles unless they exist."""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster import paths
from localcluster.images.base import ensure_base
from localcluster.images.buildah import Buildah, ImageBuildError
from localcluster.images.catalog import NAMES, cache_dir, dockerfile
from localcluster.images.content import TAG_CHARACTERS, content_tag
from localcluster.images.dockerfile import read_inputs

__all__ = ["ImageBuildError", "ImageRef", "Progress", "build"]

Progress = Callable[[str, str], None]
"""Called with an image's name and its new state: `building`, `exporting`, `built` or `present`."""

# The newest archives of each image stay, older ones are removed.
_ARCHIVES_KEPT = 2
_HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_EXTRA_CERTIFICATES = "/usr/local/share/ca-certificates"


@dataclass(frozen=True)
class ImageRef:
    """An image that was built: its name for the chart's values, and its archive for containerd."""

    repository: str
    """For instance `blender-sessions/operator`."""
    tag: str
    """A hash of the Dockerfile, of the files that it copies, and of its base images."""
    archive: Path
    """The archive for `ctr images import`. The image in it is called `docker.io/REPOSITORY:TAG`."""


def build(names: Sequence[str] | None = None, progress: Progress | None = None) -> dict[str, ImageRef]:
    """Build the images that are not built yet, and return all.

    Args:
        names: the images; by default, all.
        progress: called when an image's state changes.

    Raises:
        ImageBuildError: a build failed. The message has the last lines and the path of the log.
        ValueError: there is no image with this name.
    """
    report = progress or (lambda _name, _step: None)
    wanted = NAMES if names is None else tuple(names)
    for name in wanted:
        dockerfile(name)
    cache = cache_dir()
    (cache / "logs").mkdir(parents=True, exist_ok=True)
    with _only_one_build(cache):
        return {name: _build_one(name, cache, report) for name in wanted}


def _build_one(name: str, cache: Path, report: Progress) -> ImageRef:
    buildah = Buildah(cache / "storage")
    log = cache / "logs" / f"{name}.log"
    repository = f"blender-sessions/{name}"
    tag = _tag(name, cache, buildah, log)
    archive = cache / f"{name}-{tag}.tar"
    if archive.exists():
        archive.touch()
        report(name, "present")
        return ImageRef(repository=repository, tag=tag, archive=archive)
    report(name, "building")
    log.unlink(missing_ok=True)
    reference = f"docker.io/{repository}:{tag}"
    buildah.run(_bud_arguments(dockerfile(name), reference, _certificates(cache)), log)
    if _tag(name, cache, buildah, log) != tag:
        # A file changed during the build, so the image has neither the old nor the new content. It is built again.
        return _build_one(name, cache, report)
    report(name, "exporting")
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    buildah.run(["push", reference, f"docker-archive:{partial}:{reference}"], log)
    partial.rename(archive)
    report(name, "built")
    _prune(name, cache, buildah)
    return ImageRef(repository=repository, tag=tag, archive=archive)


def _tag(name: str, cache: Path, buildah: Buildah, log: Path) -> str:
    """Return the tag for an image's current content. Missing base images are made."""
    recipe = dockerfile(name)
    try:
        inputs = read_inputs(recipe.read_text())
        bases = {base: ensure_base(base, cache / "base", buildah, log) for base in inputs.bases}
        return content_tag(paths.REPOSITORY, recipe, inputs.sources, bases)
    except (OSError, ValueError) as error:
        raise ImageBuildError(f"Image {name!r}: {error}") from error


def _bud_arguments(recipe: Path, reference: str, certificates: Path) -> list[str | Path]:
    # Chroot isolation needs neither cgroups nor a network namespace. With --pull-never, no registry is asked.
    options = ("--isolation", "chroot", "--pull-never", "--layers")
    volume = f"{certificates}:{_EXTRA_CERTIFICATES}:ro"
    return ["bud", *options, "--volume", volume, "--file", recipe, "--tag", reference, paths.REPOSITORY]


def _certificates(cache: Path) -> Path:
    """Return a folder with this machine's certificate authorities, for pip and npm in a build.

    A build needs the authorities that were added to this machine. The folder is mounted where Debian's ca-certificates
    looks for them, and no image keeps it.
    """
    folder = cache / "certificates"
    folder.mkdir(exist_ok=True)
    if _HOST_CERTIFICATES.exists():
        shutil.copyfile(_HOST_CERTIFICATES, folder / "host.crt")
    return folder


def _prune(name: str, cache: Path, buildah: Buildah) -> None:
    archives = sorted(
        cache.glob(f"{name}-{'?' * TAG_CHARACTERS}.tar"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for archive in archives[_ARCHIVES_KEPT:]:
        archive.unlink()
        tag = archive.stem.removeprefix(f"{name}-")
        buildah.output(["rmi", f"docker.io/blender-sessions/{name}:{tag}"])


@contextmanager
def _only_one_build(cache: Path) -> Iterator[None]:
    """Exclude other builds during the block. A process that waits finds the images that the other one built."""
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
