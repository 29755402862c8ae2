"""The inputs of a build, read from its Dockerfile: base images and files of the build context.

Only the instructions that our Dockerfiles use are accepted. Others are refused, so that the content hash covers every
file.
"""

import re
import string
from collections.abc import Mapping
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


def read_inputs(text: str, arguments: Mapping[str, str] | None = None) -> Inputs:
    """Return the base images and the paths of the build context in a Dockerfile.

    Args:
        text: the Dockerfile.
        arguments: what the build gives for the ARGs before the first FROM, in place of their defaults.

    Raises:
        DockerfileError: an instruction is not covered by the content hash.
    """
    known = _global_arguments(text) | dict(arguments or {})
    bases: dict[str, None] = {}
    stages: set[str] = set()
    sources: dict[str, None] = {}
    for line in instructions(text):
        instruction, _, rest = line.partition(" ")
        words = rest.split()
        match instruction.upper():
            case "FROM":
                image = _expanded(words[0], known, line)
                if image not in stages and image != _EMPTY:
                    bases[image] = None
                match words[1:]:
                    case [_as, stage]:
                        stages.add(stage)
            case "COPY" if not any(word.startswith("--from=") for word in words):
                sources.update(dict.fromkeys(_copied(rest, line)))
            case "ADD":
                raise DockerfileError(f"Write COPY instead of ADD: {line}")
            case "RUN" if "--mount=" in rest:
                raise DockerfileError(f"RUN --mount is not covered by the content hash: {line}")
    return Inputs(bases=tuple(bases), sources=tuple(sources))


def instructions(text: str) -> list[str]:
    """Return the instructions with continued lines joined and comments dropped."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [line.strip() for line in joined.splitlines()]


def _copied(rest: str, line: str) -> list[str]:
    """Return the sources of a COPY from the build context."""
    if rest.lstrip().startswith("["):
        raise DockerfileError(f"Write COPY without brackets: {line}")
    if "$" in rest:
        raise DockerfileError(f"Write COPY without variables: {line}")
    return [word for word in rest.split() if not word.startswith("--")][:-1]


def _global_arguments(text: str) -> dict[str, str]:
    """Return the ARGs before the first FROM, which are those that a FROM may use, with their defaults."""
    known: dict[str, str] = {}
    for line in instructions(text):
        instruction, _, rest = line.partition(" ")
        if instruction.upper() != "ARG":
            break
        name, _, default = rest.partition("=")
        known[name] = default
    return known


def _expanded(word: str, known: Mapping[str, str], line: str) -> str:
    try:
        return string.Template(word).substitute(known)
    except (KeyError, ValueError) as error:
        raise DockerfileError(f"Give a default by ARG before the first FROM: {line}") from error
