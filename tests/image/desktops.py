"""Starts containers as the operator's pods do, and removes them."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Protocol

from image.bundle import HOST_NAME
from image.container import Container
from image.network import make_network
from image.volumes import OWN_IDENTITY, Identity, make_volumes, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from image.built import BuiltImage

MEMORY = 4 * 2**30
"""The limit of the operator's own defaults."""
_log = logging.getLogger(__name__)


class RunDesktop(Protocol):
    """Starts a container, which ends with the test or the module."""

    def __call__(
        self,
        *,
        scene: str = "",
        home: Path | None = None,
        files: Mapping[str, bytes | str | Path] | None = None,
        env: Mapping[str, str] | Callable[[str], Mapping[str, str]] | None = None,
        read_only: Mapping[str, Path] | None = None,
        memory: int = MEMORY,
        home_bytes: int | None = None,
        tmp_bytes: int | None = None,
        identity: Identity = OWN_IDENTITY,
        processors: int | None = None,
    ) -> Container:
        """Start a container, without waiting until it is ready.

        Args:
            scene: name of a sample.
            home: a folder of the test to be the home folder, or that of an earlier container. Its owner and mode stay.
            files: what is in the home folder at the start: content, or files to copy.
            env: environment beyond the pod's usual one, or what gives it for this machine's address as the container
                sees it.
            read_only: files and folders that the container cannot change, by their path in it.
            memory: the memory limit in bytes.
            home_bytes: size of the home folder; by default that of the disk.
            tmp_bytes: size of /tmp, in the same way.
            identity: the user that the container runs as.
            processors: how many it may use; all if None.
        """


@contextmanager
def running(run: Path, image: BuiltImage) -> Iterator[RunDesktop]:
    """Start containers in the folder of a run, and remove them after the block."""
    started: list[Container] = []

    def start(
        *,
        scene: str = "",
        home: Path | None = None,
        files: Mapping[str, bytes | str | Path] | None = None,
        env: Mapping[str, str] | Callable[[str], Mapping[str, str]] | None = None,
        read_only: Mapping[str, Path] | None = None,
        memory: int = MEMORY,
        home_bytes: int | None = None,
        tmp_bytes: int | None = None,
        identity: Identity = OWN_IDENTITY,
        processors: int | None = None,
    ) -> Container:
        folder = _next_folder(run)
        volumes = make_volumes(folder, home, home_bytes, tmp_bytes, identity.volume_group)
        put(volumes.home, files or {})
        network = make_network(folder.name)
        environment = {
            "HOSTNAME": HOST_NAME,
            "BLENDER_SCENE": scene,
            "BLENDER_WIDTH": "1280",
            "BLENDER_HEIGHT": "720",
            "BLENDER_DEPTH": "24",
        } | dict(env(network.host_address) if callable(env) else env or {})
        container = Container(
            folder, image, network, volumes, environment, read_only or {}, memory, identity, processors
        )
        started.append(container)
        container.start()
        return container

    try:
        yield start
    finally:
        for container in started:
            _log.info("The log of container %s:\n%s", container.name, container.log())
        for container in started:
            container.remove()


def _next_folder(run: Path) -> Path:
    folder = next(each for number in count(1) if not (each := run / f"{run.name}-{number}").exists())
    folder.mkdir()
    return folder
