"""From Dockerfiles to archives: what is already there is kept, the rest is built."""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster.images.base import ensure_base
from localcluster.images.buildah import Buildah, ImageBuildError
from localcluster.images.catalog import NAMES, REPOSITORY_ROOT, cache_dir, dockerfile
from localcluster.images.content import content_tag
from localcluster.images.dockerfile import read_inputs

__all__ = ["ImageBuildError", "ImageRef", "Progress", "build"]

Progress = Callable[[str, str], None]
"""Called with an image's name and what happens to it now: `building`, `exporting`, `built` or `present`."""

_ARCHIVES_KEPT = 2
_HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_EXTRA_CERTIFICATE = "/usr/local/share/ca-certificates/host.crt"


@dataclass(frozen=True)
class ImageRef:
    """An image that was built, as the chart's values and containerd need it."""

    repository: str
    """For instance `blender-sessions/operator`."""
    tag: str
    """Content hash of the Dockerfile, the files that it copies, and its base images."""
    archive: Path
    """Archive for `ctr images import`; in it the image is called `docker.io/REPOSITORY:TAG`."""


def build(names: Sequence[str] | None = None, progress: Progress | None = None) -> dict[str, ImageRef]:
    """Build what is missing of the named images, all by default, and return where they are.

    Raises:
        ImageBuildError: a build failed; the message has the last lines and the log's place.
        ValueError: there is no image of that name.
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
    recipe = dockerfile(name)
    try:
        inputs = read_inputs(recipe.read_text())
        bases = {base: ensure_base(base, cache / "base", buildah, log) for base in inputs.bases}
        tag = content_tag(REPOSITORY_ROOT, recipe, inputs.sources, bases)
    except (OSError, ValueError) as error:
        raise ImageBuildError(f"Image {name!r}: {error}") from error
    repository = f"blender-sessions/{name}"
    reference = f"docker.io/{repository}:{tag}"
    archive = cache / f"{name}-{tag}.tar"
    if archive.exists():
        archive.touch()
        report(name, "present")
    else:
        report(name, "building")
        log.unlink(missing_ok=True)
        buildah.run(_bud_arguments(recipe, reference), log)
        report(name, "exporting")
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        buildah.run(["push", reference, f"docker-archive:{partial}:{reference}"], log)
        partial.rename(archive)
        report(name, "built")
        _prune(name, cache, buildah)
    return ImageRef(repository=repository, tag=tag, archive=archive)


def _bud_arguments(recipe: Path, reference: str) -> list[str | Path]:
    # Chroot isolation needs neither cgroups nor a network of its own; --pull-never keeps registries out of it.
    arguments: list[str | Path] = ["bud", "--isolation", "chroot", "--pull-never", "--layers"]
    if _HOST_CERTIFICATES.exists():
        # Where the machine has a certificate authority of its own, pip and npm in the build need it as well: Debian's
        # ca-certificates takes in what it finds in this folder. It is a mount, so no image keeps it.
        arguments += ["--volume", f"{_HOST_CERTIFICATES}:{_EXTRA_CERTIFICATE}:ro"]
    return [*arguments, "--file", recipe, "--tag", reference, REPOSITORY_ROOT]


def _prune(name: str, cache: Path, buildah: Buildah) -> None:
    archives = sorted(cache.glob(f"{name}-{'?' * 12}.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for archive in archives[_ARCHIVES_KEPT:]:
        archive.unlink()
        tag = archive.stem.removeprefix(f"{name}-")
        buildah.output(["rmi", f"docker.io/blender-sessions/{name}:{tag}"])


@contextmanager
def _only_one_build(cache: Path) -> Iterator[None]:
    """Let a second process wait: it then finds what the first one built."""
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
