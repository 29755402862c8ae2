"""The parts of a pod by which it gets the extensions, the start-up file and the preferences of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model import container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.model.class_files import ClassSource
    from blendersessions.model.manifest import Manifest


def class_environment(sources: Sequence[ClassSource]) -> list[Manifest]:
    """Return the variables that tell the desktop where its class's files are."""
    # The kubelet would replace `$(NAME)` in a value.
    return [
        {"name": container.CLASS_FILES[source.field][0], "value": source.path.replace("$", "$$") or "."}
        for source in sources
    ]


def class_volumes(sources: Sequence[ClassSource]) -> list[Manifest]:
    """Return the volumes.

    A ConfigMap that goes between the operator's look and the start of the pod does not hold the pod up: the desktop
    starts without it, and says so.
    """
    return [{"name": _name(source)} | _volume(source) for source in sources]


def class_mounts(sources: Sequence[ClassSource]) -> list[Manifest]:
    """Return where the container has these volumes."""
    return [
        {"name": _name(source), "mountPath": container.CLASS_FILES[source.field][1], "readOnly": True}
        for source in sources
    ]


def _name(source: ClassSource) -> str:
    return container.CLASS_FILES[source.field][1].rpartition("/")[2]


def _volume(source: ClassSource) -> Manifest:
    if source.claim_name:
        return {"persistentVolumeClaim": {"claimName": source.claim_name, "readOnly": True}}
    items = {"items": [{"key": source.path, "path": source.path}]} if source.path else {}
    return {"configMap": {"name": source.config_map, **items, "optional": True}}
