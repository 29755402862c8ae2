"""What counts as a desktop that fails: runs that failed before the scene was on screen, never a person who quits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendersessions.model.fields import timestamp
from blendersessions_operator.planning.podstate import is_failing
from blendersessions_operator.planning.status import status
from unit.operator.factories import NOW, everything_observed, running_pod, session

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

MADE = NOW


def at(seconds: float) -> datetime:
    return MADE + timedelta(seconds=seconds)


def looping(code: int, *, ready_until: float, begun: float, ended: float, restarts: int = 9) -> Manifest:
    """A pod in back-off, with the times of its last run and of the last move of its condition `Ready`."""
    pod = running_pod(session(), ready=False)
    pod["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "lastTransitionTime": timestamp(at(ready_until), "seconds")}
    ]
    last = {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "startedAt": timestamp(at(begun), "seconds"),
        "finishedAt": timestamp(at(ended), "seconds"),
    }
    pod["status"]["containerStatuses"] = [
        {
            "name": "blender",
            "restartCount": restarts,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
            "lastState": {"terminated": last},
        }
    ]
    return pod


@pytest.mark.parametrize("restarts", [0, 1, 99])
def test_starts_that_fail_again_and_again_are_failing_whatever_the_count_of_restarts(restarts: int) -> None:
    assert is_failing(looping(1, ready_until=0, begun=39, ended=42, restarts=restarts))


def test_the_second_failure_in_a_few_seconds_is_not_taken_for_it() -> None:
    assert not is_failing(looping(1, ready_until=0, begun=4, ended=7))


def test_a_desktop_that_was_ready_in_its_last_run_does_not_fail_to_start() -> None:
    assert not is_failing(looping(64, ready_until=900, begun=100, ended=899))


def test_without_the_times_nobody_is_accused() -> None:
    pod = looping(1, ready_until=0, begun=39, ended=42)
    del pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["startedAt"]
    assert not is_failing(pod)


@given(st.lists(st.integers(5, 7200), min_size=5, max_size=5), st.integers(0, 99))
def test_five_quits_in_a_row_are_no_failure(runs: list[int], restarts: int) -> None:
    """An older image ends with 0 when a person quits Blender, and Kubernetes waits longer each time."""
    stated, now = status(session(), everything_observed(session())), 0.0
    for run in runs:
        begun, now = now, now + run
        for state in ("terminated", "waiting"):
            pod = looping(0, ready_until=now, begun=begun, ended=now, restarts=restarts)
            entry = pod["status"]["containerStatuses"][0]
            if state == "terminated":
                entry["state"] = entry.pop("lastState")
            of = replace(session(), status=stated)
            stated = status(of, replace(everything_observed(of), pod=pod, now=at(now + 1)))
            found = {each.type: each for each in stated.conditions}
            assert (found["Stalled"].status, stated.phase) == ("False", "Starting")
            assert found["DesktopReady"].reason == "PodStarting"
            assert "quit" in found["DesktopReady"].message
            assert stated.last_termination is None, "it is no end that anybody must hear of"
        now += 300
        up = replace(everything_observed(of), pod=running_pod(of), now=at(now))
        stated = status(replace(of, status=stated), up)
        assert stated.phase == "Ready"
