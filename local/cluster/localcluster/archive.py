"""Container images with a single static program, written without a container engine."""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Program:
    """An image from scratch with one program."""

    repository: str
    binary: Path
    arguments: tuple[str, ...] = ()
    user: str = "65534:65534"
    """User and group id, by default nobody's."""

    @property
    def reference(self) -> str:
        """The image's full name. The tag is a hash of the program."""
        content = hashlib.sha256(self.binary.read_bytes()).hexdigest()[:12]
        return f"docker.io/{self.repository}:{content}"

    def write(self, archive: Path) -> Path:
        """Write the image as an archive for `docker load` or `ctr images import`, and return the archive's path."""
        layer = _tar({self.binary.name: (self.binary.read_bytes(), 0o755)})
        config = json.dumps(
            {
                "architecture": _ARCHITECTURES[platform.machine()],
                "os": "linux",
                "config": {"Entrypoint": [f"/{self.binary.name}", *self.arguments], "User": self.user},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            }
        ).encode()
        manifest = [{"Config": "config.json", "RepoTags": [self.reference], "Layers": ["layer.tar"]}]
        content = {
            "manifest.json": (json.dumps(manifest).encode(), 0o644),
            "config.json": (config, 0o644),
            "layer.tar": (layer, 0o644),
        }
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_suffix(".partial")
        partial.write_bytes(_tar(content))
        partial.replace(archive)
        return archive


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    """Return a tar archive of (content, mode) by name. Equal files give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
