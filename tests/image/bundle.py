"""The OCI configuration of a container that is like the one in the operator's pod.

It follows https://github.com/opencontainers/runtime-spec and what containerd makes of the pod. One thing is missing:
containerd's seccomp profile, which runc does not have.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from image.built import BuiltImage
    from image.network import Network
    from image.volumes import Identity

HOST_NAME = "blender"


def write_bundle(
    folder: Path,
    image: BuiltImage,
    network: Network,
    identity: Identity,
    *,
    environment: Mapping[str, str],
    writable: Mapping[str, Path],
    read_only: Mapping[str, Path],
    memory: int,
    processors: int | None,
) -> None:
    """Write `config.json` into a folder.

    Args:
        folder: the bundle. The container's control group has its name.
        image: the root file system and the program.
        network: the network that the container joins.
        identity: the user that the container runs as.
        environment: the environment beyond the image's.
        writable: files and folders of this machine, by their path in the container.
        read_only: the same, for those that the container cannot change.
        memory: the limit in bytes.
        processors: how many it may use; all if None.
    """
    file = folder / "config.json"
    file.unlink(missing_ok=True)
    subprocess.run(["runc", "spec", "--bundle", folder], check=True)
    # What `runc spec` writes has the usual file systems below /proc, /dev and /sys.
    spec: dict[str, Any] = json.loads(file.read_text())
    spec["root"] = {"path": str(image.root), "readonly": True}
    spec["hostname"] = HOST_NAME
    spec["process"] = {
        "args": list(image.entrypoint),
        "cwd": image.working_directory,
        "env": [f"{name}={value}" for name, value in (dict(image.environment) | dict(environment)).items()],
        "user": {"uid": identity.user, "gid": identity.group, "additionalGids": [identity.volume_group]},
        "capabilities": {},
        "noNewPrivileges": True,
    }
    spec["mounts"] += [_bind(source, target, "rw") for target, source in writable.items()]
    spec["mounts"] += [_bind(source, target, "ro") for target, source in (dict(read_only) | image.overlays).items()]
    spec["linux"]["cgroupsPath"] = f"/{folder.name}"
    spec["linux"]["resources"]["memory"] = {"limit": memory}
    if processors is not None:
        spec["linux"]["resources"]["cpu"] = {"quota": processors * 100_000, "period": 100_000}
    spec["linux"]["namespaces"] = _joined(spec["linux"]["namespaces"], network)
    file.write_text(json.dumps(spec))


def _bind(source: Path, target: str, mode: str) -> dict[str, Any]:
    return {"destination": target, "type": "bind", "source": str(source), "options": ["rbind", mode]}


def _joined(namespaces: Sequence[dict[str, str]], network: Network) -> list[dict[str, str]]:
    own = [each for each in namespaces if each["type"] != "network"]
    return [*own, {"type": "network", "path": str(network.path)}]
