"""What the session's class allows to go in and out."""

from collections.abc import Mapping
from dataclasses import dataclass

_DEFAULT_MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class TransferSettings:
    """Whether files may go in and out, and how large they may be."""

    upload: bool = True
    download: bool = True
    max_bytes: int = _DEFAULT_MAX_BYTES

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "TransferSettings":
        """Read `BLENDER_TRANSFER_UPLOAD`, `BLENDER_TRANSFER_DOWNLOAD` and `BLENDER_TRANSFER_MAX_BYTES`."""
        max_bytes = environment.get("BLENDER_TRANSFER_MAX_BYTES", "")
        return cls(
            environment.get("BLENDER_TRANSFER_UPLOAD", "true") == "true",
            environment.get("BLENDER_TRANSFER_DOWNLOAD", "true") == "true",
            int(max_bytes) if max_bytes.isascii() and max_bytes.isdecimal() else _DEFAULT_MAX_BYTES,
        )
