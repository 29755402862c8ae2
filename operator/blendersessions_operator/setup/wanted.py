"""What the chart's values ask for, as the Job of the release gets it: one JSON document in an environment variable."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Part(BaseModel):
    """A part of the document. A key that is not known is a fault of the chart."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WantedSecret(Part):
    """A Secret in the release's namespace. It is made if it is not there, and never changed."""

    name: str
    values: dict[str, str] = Field(default_factory=dict)
    """Keys whose values are given."""
    random: dict[str, int] = Field(default_factory=dict)
    """Keys whose values are drawn, with their numbers of characters."""


class WantedClass(Part):
    """A BlenderSessionClass."""

    namespace: str
    name: str
    spec: dict[str, Any] = Field(default_factory=dict)


class Wanted(Part):
    """Everything that a release sets up."""

    release: str
    namespace: str
    """The release's own namespace."""
    secrets: tuple[WantedSecret, ...] = ()
    classes: tuple[WantedClass, ...] = ()
    class_namespaces: tuple[str, ...] = ()
    """Where the release may have classes. One of these that is not wanted any more is deleted."""


class Settings(BaseSettings):
    """The settings of the Job."""

    model_config = SettingsConfigDict(env_prefix="BLENDERSESSIONS_", frozen=True)

    setup: Wanted
