"""What a class brings into its desktops besides the image: extensions, a start-up file, preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, model_validator

from blendersessions.model.api_model import ApiModel

_PATH: Final = r"^$|^(?:[^/\x00-\x1f\x7f]+/)*[^/\x00-\x1f\x7f]+$"
_KEY: Final = r"^$|^[-._a-zA-Z0-9]+$"
Path = Annotated[str, Field(max_length=1024, pattern=_PATH)]


class _Source(ApiModel):
    """A ConfigMap or a volume claim of the class's namespace, exactly one."""

    config_map: str = Field(default="", max_length=253)
    claim_name: str = Field(default="", max_length=253)
    path: Path = ""

    @model_validator(mode="after")
    def _one_source(self) -> _Source:
        if bool(self.config_map) == bool(self.claim_name):
            raise ValueError("give exactly one of configMap and claimName")
        if self.path and not self.claim_name:
            raise ValueError("path goes with claimName")
        if {".", ".."} & set(self.path.split("/")):
            raise ValueError("path must have no part '.' or '..'")
        return self


class Extensions(_Source):
    """The folder with the extensions: a whole ConfigMap, or a folder of a volume. Without a path it is its top."""


class ClassFile(_Source):
    """One file: a key of a ConfigMap, or a file on a volume."""

    key: str = Field(default="", max_length=253, pattern=_KEY)

    @model_validator(mode="after")
    def _named(self) -> ClassFile:
        if bool(self.key) != bool(self.config_map):
            raise ValueError("key names the file in configMap, and goes with it alone")
        if bool(self.path) != bool(self.claim_name):
            raise ValueError("path names the file in the volume of claimName")
        return self


@dataclass(frozen=True)
class ClassSource:
    """Where a class has some of its files: what a start must find."""

    field: str
    """The field of the class's spec."""
    purpose: str
    """What is there, in a message."""
    config_map: str
    """Name of the ConfigMap; empty for a claim."""
    claim_name: str
    """Name of the volume claim; empty for a ConfigMap."""
    path: str
    """The key, or the path on the volume; empty for all that is there."""

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return "ConfigMap" if self.config_map else "PersistentVolumeClaim"

    @property
    def name(self) -> str:
        """The object's name."""
        return self.config_map or self.claim_name


def class_sources(
    extensions: Extensions | None, startup_file: ClassFile | None, preferences: ClassFile | None
) -> tuple[ClassSource, ...]:
    """Return where a class has its files; empty if it has none."""
    named = (
        ("extensions", "extensions", extensions),
        ("startupFile", "start-up file", startup_file),
        ("preferences", "preferences", preferences),
    )
    return tuple(
        ClassSource(field, purpose, source.config_map, source.claim_name, getattr(source, "key", "") or source.path)
        for field, purpose, source in named
        if source is not None
    )
