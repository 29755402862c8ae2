"""An end of Blender that nobody asked for has a reason, and the way out if the memory was the cause."""

from __future__ import annotations

import pytest

from entry.ends import describe_code, explain_end
from limits.memory import Memory

GIB = 1 << 30
CAUSE = "Blender was ended because the desktop used more memory than its limit of 4 GiB."


def test_a_kill_by_the_kernel_is_out_of_memory() -> None:
    failure = explain_end(-9, 0, Memory(3 * GIB, 4 * GIB, 1))
    assert failure.reason == "OutOfMemory"
    assert failure.message == f"{CAUSE} Raise spec.resources.limits.memory, or make the scene simpler."
    assert failure.cause == CAUSE


def test_without_a_limit_it_is_the_node_that_has_no_memory_left() -> None:
    assert "than what the node has." in explain_end(-9, 0, Memory(3 * GIB, None, 1)).cause


@pytest.mark.parametrize(
    ("code", "kills_before", "memory"),
    [
        (-9, 1, Memory(3 * GIB, 4 * GIB, 1)),
        (-9, 0, None),
        (-11, 0, Memory(3 * GIB, 4 * GIB, 1)),
        (1, 0, Memory(3 * GIB, 4 * GIB, 1)),
    ],
)
def test_another_end_is_a_failure_of_blender(code: int, kills_before: int, memory: Memory | None) -> None:
    failure = explain_end(code, kills_before, memory)
    expected = f"Blender ended unexpectedly: {describe_code(code)}. The container's log has the details."
    assert (failure.reason, failure.message, failure.cause) == ("BlenderFailed", expected, "")


@pytest.mark.parametrize(
    ("code", "text"), [(0, "exit code 0"), (11, "exit code 11"), (-11, "signal SIGSEGV"), (-40, "signal 40")]
)
def test_a_code_is_written_as_people_read_it(code: int, text: str) -> None:
    assert describe_code(code) == text
