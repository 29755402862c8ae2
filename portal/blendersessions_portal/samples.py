"""The sample scenes that the home page offers. `samples.yaml`, beside the scenes, describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from blendersessions.model.errors import Invalid, System

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Sample(BaseModel):
    """One scene in Blender's image. `file` is the value for `spec.scene.sample`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.blend$")
    title: str = Field(min_length=1)
    description: str = ""
    thumbnail: str = Field(pattern=r"^(thumbnails/)?[A-Za-z0-9][A-Za-z0-9._-]*$")

    @property
    def picture(self) -> str:
        """The thumbnail's file name inside the thumbnails folder."""
        return self.thumbnail.removeprefix("thumbnails/")


class Samples:
    """All samples, in the order of the file."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._by_file = {sample.file: sample for sample in samples}

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._by_file.values())

    def get(self, file: str) -> Sample | None:
        """Return the sample of this file name; None if there is none."""
        return self._by_file.get(file)

    def require(self, file: str) -> Sample:
        """Return the sample of this file name.

        Raises:
            Invalid: there is none; the message lists those that exist.
        """
        if sample := self.get(file):
            return sample
        raise Invalid(f"There is no sample scene “{file[:80]}”. These exist: {', '.join(self._by_file)}.", System.OWN)


def load_samples(folder: Path) -> Samples:
    """Return the samples that `samples.yaml` in the folder describes.

    Raises:
        ValueError: the file is missing or is not a list of samples.
    """
    path = folder / "samples.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        listed = content.get("samples") if isinstance(content, dict) else content
        return Samples(TypeAdapter(list[Sample]).validate_python(listed))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ValueError(
            f"{path} does not describe the sample scenes: {error}."
            " Set BLENDERSESSIONS_PORTAL_SAMPLES_DIR to a folder with samples.yaml and thumbnails/."
        ) from error
