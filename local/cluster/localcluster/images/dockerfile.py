"""The inputs of a build, read from its Dockerfile: base images and files of the build context.

Only the instructions that our Dockerfiles use are accepted. Others are refused, so that the content hash covers every
file.
"""

import re
from dataclasses import dataclass

_EMPTY = "scratch"


class DockerfileError(ValueError):
    """A Dockerfile has an instruction that the content hash does not cover."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of a build besides the Dockerfile itself."""

    bases: tuple[str, ...]
    """The images in FROM, in their order, without the Dockerfile's own stages and without `scratch`."""
    sources: tuple[str, ...]
    """The paths or glob patterns that COPY takes from the build context, in their order."""


def read_inputs(text: str) -> Inputs:
    """Return the base images and the paths of the build context in a Dockerfile.

    Raises:
        DockerfileError: an instruction is not covered by the content hash.
    """
    bases: dict[str, None] = {}
    stages: set[str] = set()
    sources: dict[str, None] = {}
    for line in instructions(text):
        instruction, _, arguments = line.partition(" ")
        words = arguments.split()
        match instruction.upper():
            case "FROM":
                image = words[0]
                if image not in stages and image != _EMPTY:
                    bases[image] = None
                match words[1:]:
                    case [_as, stage]:
                        stages.add(stage)
            case "COPY":
                if any(word.startswith("--from=") for word in words):
                    continue
                if arguments.lstrip().startswith("["):
                    raise DockerfileError(f"Write COPY without brackets: {line}")
                paths = [word for word in words if not word.startswith("--")]
                sources.update(dict.fromkeys(paths[:-1]))
            case "ADD":
                raise DockerfileError(f"Write COPY instead of ADD: {line}")
            case "RUN" if "--mount=" in arguments:
                raise DockerfileError(f"RUN --mount is not covered by the content hash: {line}")
    return Inputs(bases=tuple(bases), sources=tuple(sources))


def instructions(text: str) -> list[str]:
    """Return the instructions with continued lines joined and comments dropped."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line.strip() for line in joined.splitlines()]
