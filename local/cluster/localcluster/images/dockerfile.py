"""Reads from a Dockerfile what its build depends on: the base images and the files of the context.

Only the forms that our Dockerfiles use are understood; anything else is refused, so that a file can never be left out
of the content hash by accident.
"""

import re
from dataclasses import dataclass

_EMPTY = "scratch"


class DockerfileError(ValueError):
    """A Dockerfile uses a form that the content hash does not cover."""


@dataclass(frozen=True)
class Inputs:
    """What a build reads besides the Dockerfile itself."""

    bases: tuple[str, ...]
    """Images named by FROM, in order of appearance, without the file's own stages and without `scratch`."""
    sources: tuple[str, ...]
    """Paths or glob patterns that COPY takes from the context, in order of appearance."""


def read_inputs(text: str) -> Inputs:
    """Return the base images and the context's paths that a Dockerfile names.

    Raises:
        DockerfileError: an instruction has a form that is not covered.
    """
    bases: dict[str, None] = {}
    stages: set[str] = set()
    sources: dict[str, None] = {}
    for line in _instructions(text):
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


def _instructions(text: str) -> list[str]:
    """Return the instructions with continued lines joined and comments dropped."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line.strip() for line in joined.splitlines()]
