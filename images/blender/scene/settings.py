"""Which scene the agent has to bring in, and within which bounds, from environment variables."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from scene.addresses import Network, parse_networks

MOUNT: Final = Path("/run/scene")
"""Where the volume is mounted that `BLENDER_SCENE_PATH` is in."""
_FETCH_SECONDS: Final = 600
_UPLOAD_SECONDS: Final = 3600


@dataclass(frozen=True)
class SceneSettings:
    """The source of the scene, at most one, and the bounds."""

    url: str = ""
    sha256: str = ""
    path: str = ""
    """A path in the volume at `MOUNT`."""
    claim: str = ""
    """The name of that volume's claim."""
    awaits_upload: bool = False
    session_uid: str = ""
    """The session that asks for the scene. A home folder can outlive it, and be that of another one."""
    fetch_seconds: float = _FETCH_SECONDS
    upload_seconds: float = _UPLOAD_SECONDS
    networks: tuple[Network, ...] = ()
    """Private networks that a scene may be fetched from."""
    ca_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings. A number that is none counts as missing."""
        url, path = environment.get("BLENDER_SCENE_URL", ""), environment.get("BLENDER_SCENE_PATH", "")
        ca_file = environment.get("BLENDER_FETCH_CA_FILE", "")
        return cls(
            url=url,
            sha256=environment.get("BLENDER_SCENE_SHA256", ""),
            path="" if url else path,
            claim=environment.get("BLENDER_SCENE_CLAIM", ""),
            awaits_upload=environment.get("BLENDER_SCENE_UPLOAD") == "true" and not url and not path,
            session_uid=environment.get("BLENDER_SESSION_UID", ""),
            fetch_seconds=_number(environment, "BLENDER_FETCH_SECONDS", _FETCH_SECONDS),
            upload_seconds=_number(environment, "BLENDER_UPLOAD_SECONDS", _UPLOAD_SECONDS),
            networks=parse_networks(environment.get("BLENDER_FETCH_NETWORKS", "")),
            ca_file=Path(ca_file) if ca_file else None,
        )

    @property
    def source(self) -> str:
        """What tells this source of this session from others; empty if there is none. It does not reveal a URL."""
        if self.url:
            parts = ["url", self.url, self.sha256]
        elif self.path:
            parts = ["volume", self.claim, self.path]
        elif self.awaits_upload:
            parts = ["upload"]
        else:
            return ""
        return hashlib.sha256("\n".join([self.session_uid, *parts]).encode()).hexdigest()


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() else default
