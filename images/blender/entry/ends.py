"""Explains why Blender ended by itself."""

import signal
from dataclasses import dataclass

from limits.memory import Memory, gibibytes


@dataclass(frozen=True)
class Failure:
    """An end that nobody asked for."""

    reason: str
    """One word for programs: `OutOfMemory` or `BlenderFailed`."""
    message: str
    """Sentences for the operator's status."""
    cause: str = ""
    """A sentence for the person at the next start; empty if the cause is not known."""


def explain_end(code: int, kills_before: int, memory: Memory | None) -> Failure:
    """Explain an end of Blender.

    Args:
        code: Blender's exit code; a negative one is the signal that ended it.
        kills_before: the count of `Memory.kills` when Blender was started.
        memory: the container's memory now; None if that cannot be read.
    """
    if code == -signal.SIGKILL and memory is not None and memory.kills > kills_before:
        limit = f"its limit of {gibibytes(memory.limit_bytes)}" if memory.limit_bytes else "what the node has"
        cause = f"Blender was ended because the desktop used more memory than {limit}."
        message = f"{cause} Raise spec.resources.limits.memory, or make the scene simpler."
        return Failure("OutOfMemory", message, cause)
    message = f"Blender ended unexpectedly: {describe_code(code)}. The container's log has the details."
    return Failure("BlenderFailed", message)


def describe_code(code: int) -> str:
    """Write an exit code as people read it: `exit code 1`, or `signal SIGSEGV`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        # Most of the real-time signals have no name.
        return f"signal {-code}"
