"""From Dockerfiles to archives: what is already there is kept, the rest is built."""

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
from localcluster.images.content import content_tag
from localcluster.images.dockerfile import read_inputs

__all__ = ["ImageBuildError", "ImageRef", "Progress", "build"]

Progress = Callable[[str, str], None]
"""Called with an image's name and what happens to it now: `building`, `exporting`, `built` or `present`."""

_ARCHIVES_KEPT = 2
_HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_EXTRA_CERTIFICATES = "/usr/local/share/ca-certificates"


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
        # Somebody changed a file in the meantime: what was built is neither the old nor the new content.
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
    """Return the tag for an image's present content, with its base images made if they are missing."""
    recipe = dockerfile(name)
    try:
        inputs = read_inputs(recipe.read_text())
        bases = {base: ensure_base(base, cache / "base", buildah, log) for base in inputs.bases}
        return content_tag(paths.REPOSITORY, recipe, inputs.sources, bases)
    except (OSError, ValueError) as error:
        raise ImageBuildError(f"Image {name!r}: {error}") from error


def _bud_arguments(recipe: Path, reference: str, certificates: Path) -> list[str | Path]:
    # Chroot isolation needs neither cgroups nor a network of its own; --pull-never keeps registries out of it.
    options = ("--isolation", "chroot", "--pull-never", "--layers")
    volume = f"{certificates}:{_EXTRA_CERTIFICATES}:ro"
    return ["bud", *options, "--volume", volume, "--file", recipe, "--tag", reference, paths.REPOSITORY]


def _certificates(cache: Path) -> Path:
    """Return a folder with this machine's certificate authorities, for pip and npm in a build.

    Where the machine has an authority of its own, the builds need it as well: Debian's ca-certificates takes in what it
    finds in the folder that this one is mounted on. No image keeps it.
    """
    folder = cache / "certificates"
    folder.mkdir(exist_ok=True)
    if _HOST_CERTIFICATES.exists():
        shutil.copyfile(_HOST_CERTIFICATES, folder / "host.crt")
    return folder


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
