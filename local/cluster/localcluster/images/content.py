"""The content hash of an image. Equal inputs give an equal tag, so no image is built twice."""

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

TAG_CHARACTERS = 12


def content_tag(
    root: Path, dockerfile: Path, sources: Iterable[str], bases: Mapping[str, str], arguments: Mapping[str, str]
) -> str:
    """Return the tag for an image.

    Args:
        root: the build context.
        dockerfile: the image's Dockerfile.
        sources: paths or glob patterns below `root` that the build copies.
        bases: the digest of each base image, by its name.
        arguments: the build's arguments.

    Raises:
        FileNotFoundError: a source does not exist.
    """
    digest = hashlib.sha256()
    for name, base_digest in sorted(bases.items()):
        digest.update(f"base {name} {base_digest}\0".encode())
    for name, value in sorted(arguments.items()):
        digest.update(f"argument {name} {value}\0".encode())
    ignored = ignored_patterns(root)
    digest.update(dockerfile.read_bytes() + b"\0")
    for source in sources:
        for path in _files(root, source, ignored):
            executable = bool(path.stat().st_mode & 0o100)
            content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            digest.update(f"{path.relative_to(root)}\0{executable}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:TAG_CHARACTERS]


def ignored_patterns(root: Path) -> tuple[str, ...]:
    """Return the names that `.dockerignore` excludes in all folders: NAME in its lines `**/NAME`."""
    ignore_file = root / ".dockerignore"
    if not ignore_file.exists():
        return ()
    lines = ignore_file.read_text().splitlines()
    return tuple(line.removeprefix("**/") for line in lines if line.startswith("**/"))


def _files(root: Path, source: str, ignored: tuple[str, ...]) -> Iterator[Path]:
    found = sorted(root.glob(source.strip("/")))
    if not found:
        raise FileNotFoundError(f"{root / source} does not exist, but a Dockerfile copies it. Correct the COPY line.")
    for path in found:
        candidates = [path] if path.is_file() or path.is_symlink() else sorted(path.rglob("*"))
        for candidate in candidates:
            parts = candidate.relative_to(root).parts
            if any(fnmatch.fnmatch(part, pattern) for part in parts for pattern in ignored):
                continue
            if candidate.is_file() or candidate.is_symlink():
                yield candidate
