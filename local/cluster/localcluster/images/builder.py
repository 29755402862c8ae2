"""Image archives, built from Dockerfiles unless they exist."""

import fcntl
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster import paths
from localcluster.images.base import ensure_base
from localcluster.images.buildah import Buildah, ImageBuildError
from localcluster.images.catalog import NAMES, Recipe, cache_dir, recipe
from localcluster.images.content import TAG_CHARACTERS, content_tag
from localcluster.images.dockerfile import read_inputs

__all__ = ["ImageBuildError", "ImageRef", "Progress", "build", "build_recipe"]

Progress = Callable[[str, str], None]
"""Called with an image's name and its new state: `building`, `exporting`, `built` or `present`."""

# The newest archives of each image stay, older ones are removed.
_ARCHIVES_KEPT = 2
_HOST_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_EXTRA_CERTIFICATES = "/usr/local/share/ca-certificates"
_APT_SETTINGS = "/etc/apt/apt.conf"
_OF_A_BUILD = re.compile(r".+-working-container(-\d+)?")
"""The names that buildah gives to a build's own containers."""


@dataclass(frozen=True)
class ImageRef:
    """An image that was built: its name for the chart's values, and its archive for containerd."""

    repository: str
    """For instance `blender-sessions/operator`."""
    tag: str
    """A hash of the Dockerfile, of the files that it copies, and of its base images."""
    archive: Path
    """The archive for `ctr images import`. It holds the image by the name of `reference`."""

    @property
    def reference(self) -> str:
        """The image's whole name, `docker.io/REPOSITORY:TAG`."""
        return f"docker.io/{self.repository}:{self.tag}"


def build(names: Sequence[str] | None = None, progress: Progress | None = None) -> dict[str, ImageRef]:
    """Build the images that are not built yet, and return all.

    Args:
        names: the images; by default, all.
        progress: called when an image's state changes.

    Raises:
        ImageBuildError: a build failed. The message has the last lines and the path of the log.
        ValueError: there is no image with this name.
    """
    recipes = [recipe(name) for name in (NAMES if names is None else names)]
    return {each.name: build_recipe(each, progress) for each in recipes}


def build_recipe(wanted: Recipe, progress: Progress | None = None) -> ImageRef:
    """Build one image unless it is built, and return it.

    Args:
        wanted: how it is built.
        progress: called when its state changes.

    Raises:
        ImageBuildError: the build failed. The message has the last lines and the path of the log.
    """
    cache = cache_dir()
    (cache / "logs").mkdir(parents=True, exist_ok=True)
    with _only_one_build(cache):
        return _build_one(wanted, cache, progress or (lambda _name, _step: None))


def _build_one(wanted: Recipe, cache: Path, report: Progress) -> ImageRef:
    buildah = Buildah(cache / "storage")
    name = wanted.name
    log = cache / "logs" / f"{name}.log"
    repository = f"blender-sessions/{name}"
    tag = _tag(wanted, cache, buildah, log)
    archive = cache / f"{name}-{tag}.tar"
    if archive.exists():
        archive.touch()
        report(name, "present")
        return ImageRef(repository=repository, tag=tag, archive=archive)
    report(name, "building")
    log.unlink(missing_ok=True)
    _remove_what_ended_builds_left(buildah)
    reference = f"docker.io/{repository}:{tag}"
    buildah.run(_bud_arguments(wanted, reference, cache), log)
    if _tag(wanted, cache, buildah, log) != tag:
        # A file changed during the build, so the image has neither the old nor the new content. It is built again.
        return _build_one(wanted, cache, report)
    report(name, "exporting")
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    buildah.run(["push", reference, f"docker-archive:{partial}:{reference}"], log)
    partial.rename(archive)
    report(name, "built")
    _prune(name, cache, buildah)
    return ImageRef(repository=repository, tag=tag, archive=archive)


def _tag(wanted: Recipe, cache: Path, buildah: Buildah, log: Path) -> str:
    """Return the tag for an image's current content. Missing base images are made."""
    try:
        inputs = read_inputs(wanted.dockerfile.read_text(), wanted.arguments)
        bases = {base: ensure_base(base, cache / "base", buildah, log) for base in inputs.bases}
        return content_tag(paths.REPOSITORY, wanted.dockerfile, inputs.sources, bases, wanted.arguments)
    except (OSError, ValueError) as error:
        raise ImageBuildError(f"Image {wanted.name!r}: {error}") from error


def _bud_arguments(wanted: Recipe, reference: str, cache: Path) -> list[str | Path]:
    # Chroot isolation needs neither cgroups nor a network namespace. With --pull-never, no registry is asked.
    options = ["--isolation", "chroot", "--pull-never", "--layers"]
    mounts = {_certificates(cache): _EXTRA_CERTIFICATES, _apt_settings(cache): _APT_SETTINGS, **wanted.mounts}
    for source, target in mounts.items():
        options += ["--volume", f"{source}:{target}:ro"]
    for name, value in wanted.arguments.items():
        options += ["--build-arg", f"{name}={value}"]
    return ["bud", *options, "--file", wanted.dockerfile, "--tag", reference, paths.REPOSITORY]


def _remove_what_ended_builds_left(buildah: Buildah) -> None:
    """Remove the containers of builds that were ended half-way, each as large as its image. No other build runs now.

    Other containers have names of their own. In them, tests have an image mounted.
    """
    listed = buildah.output(["containers", "--noheading", "--format", "{{.ContainerName}}"]) or ""
    if left := [name for name in listed.split() if _OF_A_BUILD.fullmatch(name)]:
        buildah.output(["rm", *left])


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


def _apt_settings(cache: Path) -> Path:
    """Return a file with what this machine's apt is told about the age of package lists, for apt in a build.

    The lists of Debian's unstable expire after a week, and a mirror may be older. The file is mounted, as above.
    """
    file = cache / "apt.conf"
    answer = ""
    if shutil.which("apt-config"):
        query = ["apt-config", "shell", "checked", "Acquire::Check-Valid-Until/b"]
        answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    file.write_text('Acquire::Check-Valid-Until "false";\n' if answer == "checked='false'" else "")
    return file


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
