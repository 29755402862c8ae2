"""The Debian base images, made by debootstrap instead of pulled from a registry.

Their names are those of the official images (`debian:SUITE-slim`), from which Docker builds the same Dockerfiles.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from localcluster.images.buildah import Buildah, ImageBuildError, run_logged

_NOT_UNPACKED = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
_DOWNLOADED = ("var/cache/apt", "var/lib/apt/lists", "var/log")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = re.compile(r"debian:(?P<suite>[a-z]+)-slim")


def ensure_base(name: str, folder: Path, buildah: Buildah, log: Path) -> str:
    """Make a base image, unless it exists, and return its digest.

    Args:
        name: the image as in FROM, for instance `debian:trixie-slim`.
        folder: the folder for the tar archive of the root file system, which is made only once.
        buildah: the storage for the image.
        log: the file to which the commands' output is appended.

    Raises:
        ImageBuildError: the name has another form, or a command failed.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise ImageBuildError(f"The base image {name!r} cannot be made here. Write FROM debian:SUITE-slim.")
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{matched['suite']}.tar"
    digest_file = archive.with_suffix(".sha256")
    if not digest_file.exists():
        _bootstrap(matched["suite"], archive, log)
        with archive.open("rb") as stream:
            digest_file.write_text(hashlib.file_digest(stream, "sha256").hexdigest())
    digest = digest_file.read_text()
    reference = f"docker.io/library/{name}"
    if not buildah.output(["images", "--quiet", reference]):
        _commit(archive, digest, reference, buildah, log)
    return digest


def _bootstrap(suite: str, archive: Path, log: Path) -> None:
    root = archive.with_suffix(".rootfs")
    _remove_root(root)
    try:
        run_logged(["debootstrap", "--variant=minbase", suite, str(root)], log)
        _unmount_below(root)
        _slim(root)
        partial = archive.with_suffix(".partial")
        run_logged(["tar", "--numeric-owner", "--one-file-system", "-C", str(root), "-cf", str(partial), "."], log)
        partial.rename(archive)
    finally:
        _remove_root(root)


def _slim(root: Path) -> None:
    """Remove the files that Docker's slim images lack: apt's downloads, manuals and translations.

    dpkg is configured to leave these files out of later packages too.
    """
    for folder in (*_NOT_UNPACKED, *_DOWNLOADED):
        for path in (root / folder).rglob("*"):
            if path.name != "copyright" and (path.is_symlink() or path.is_file()):
                path.unlink()
    excludes = "".join(f"path-exclude=/{folder}/*\n" for folder in _NOT_UNPACKED)
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(f"{excludes}path-include=/usr/share/doc/*/copyright\n")


def _remove_root(root: Path) -> None:
    _unmount_below(root)
    shutil.rmtree(root, ignore_errors=True)


def _unmount_below(root: Path) -> None:
    """Unmount file systems in the new root, such as /proc, which debootstrap does not always unmount."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((point for point in mounted if Path(point).is_relative_to(root)), reverse=True):
        subprocess.run(["umount", point], check=True)


def _commit(archive: Path, digest: str, reference: str, buildah: Buildah, log: Path) -> None:
    container = f"base-{digest[:12]}"
    buildah.output(["rm", container])
    buildah.run(["from", "--name", container, "scratch"], log)
    try:
        buildah.run(["add", container, archive, "/"], log)
        buildah.run(["config", "--cmd", "bash", "--env", f"PATH={_PATH}", container], log)
        buildah.run(["commit", container, reference], log)
    finally:
        buildah.output(["rm", container])
