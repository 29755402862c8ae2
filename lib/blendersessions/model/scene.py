"""What a session opens, as its spec says it: a sample, a file at an address, on a volume, or of the person's own."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from blendersessions.model.api_model import ApiModel

MAX_URL: Final = 2048
"""Longest address, in characters."""
_PATH: Final = r"^(?:[^/\x00-\x1f\x7f]+/)*[^/\x00-\x1f\x7f]+$"


class SceneVolume(ApiModel):
    """A file or a folder on a volume claim of the session's namespace. It is mounted read-only."""

    claim_name: str = Field(min_length=1, max_length=253)
    path: Annotated[str, Field(max_length=1024, pattern=_PATH)]

    @model_validator(mode="after")
    def _no_way_out(self) -> SceneVolume:
        if {".", ".."} & set(self.path.split("/")):
            raise ValueError("path must have no part '.' or '..'")
        return self


class SceneUpload(ApiModel):
    """A file that somebody uploads after the start."""


class Scene(ApiModel):
    """What Blender opens. Without a source it is the empty scene."""

    sample: str = Field(default="", max_length=128, pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9_.-]*\.blend$")
    url: str = Field(default="", max_length=MAX_URL, pattern=r"^$|^https://[!-~]+$")
    sha256: str = Field(default="", pattern=r"^$|^[0-9a-fA-F]{64}$")
    volume: SceneVolume | None = None
    upload: SceneUpload | None = None

    @property
    def is_brought_in(self) -> bool:
        """Whether the agent brings the scene into a desktop that runs already, and says how far it is."""
        return bool(self.url) or self.volume is not None or self.upload is not None

    @model_validator(mode="after")
    def _one_source(self) -> Scene:
        if sum((bool(self.sample), bool(self.url), self.volume is not None, self.upload is not None)) > 1:
            raise ValueError("give exactly one of sample, url, volume and upload")
        if self.sha256 and not self.url:
            raise ValueError("sha256 goes with url")
        return self
