"""What the Dockerfile says of the image's programs and of how they are started, without building it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localcluster.images.dockerfile import instructions

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Recipe:
    """The part of a Dockerfile that can change without a build."""

    copies: Mapping[str, str]
    """What the last stage copies from the work tree: the source by its path in the image."""
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...]


def read_recipe(text: str) -> Recipe:
    """Read a Dockerfile whose ENTRYPOINT is a JSON list."""
    copies: dict[str, str] = {}
    environment: dict[str, str] = {}
    entrypoint: tuple[str, ...] = ()
    for line in instructions(text):
        instruction, _, arguments = line.partition(" ")
        match instruction.upper():
            case "FROM":
                copies = {}
            case "COPY" if "--from=" not in arguments:
                *sources, target = [word for word in arguments.split() if not word.startswith("--")]
                for source in sources:
                    copies[target + source.rpartition("/")[2] if target.endswith("/") else target] = source
            case "ENV":
                environment |= dict(word.split("=", 1) for word in shlex.split(arguments))
            case "ENTRYPOINT":
                entrypoint = tuple(json.loads(arguments))
    return Recipe(copies, environment, entrypoint)
