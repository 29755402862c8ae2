"""A session's class: a missing one, its limits, the queue behind them, and the deadline for the start."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from apiserver.installation import desktop_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation


def test_a_missing_class_is_reported_and_the_session_starts_once_it_exists(installation: Installation) -> None:
    session = installation.create(className="large")
    condition = installation.until_reason("Ready", "ClassNotFound")
    assert "kubectl get bsc" in condition["message"]
    assert installation.child("pods", desktop_name(session)) is None
    installation.create_class("large", image="large:1", nodeSelector={"pool": "big"})
    installation.run_pod(session)
    installation.until_ready()
    pod = installation.child("pods", desktop_name(session))
    assert pod is not None
    assert pod["spec"]["containers"][0]["image"] == "large:1"
    assert pod["spec"]["nodeSelector"] == {"pool": "big"}


def test_a_session_beyond_its_class_is_stalled_until_the_class_allows_it(
    installation: Installation,
) -> None:
    installation.create_class("small", resources={"max": {"memory": "2Gi"}})
    session = installation.create(className="small", resources={"limits": {"memory": "3Gi"}})
    condition = installation.until_reason("Stalled", "BeyondClass")
    assert "spec.resources.limits.memory is 3Gi, and the class small allows 2Gi" in condition["message"]
    installation.patch_class("small", {"resources": {"max": {"memory": "4Gi"}}})
    installation.run_pod(session)
    installation.until_ready()


def test_sessions_over_the_limit_are_queued_and_start_by_themselves(installation: Installation) -> None:
    installation.create_class("two", limits={"sessions": 1})
    first = installation.create("first", className="two")
    installation.run_pod(first)
    installation.until_ready("first")
    second = installation.create("second", className="two")
    condition = installation.until_reason("Ready", "Queued", "second")
    assert "position 1 in the queue" in condition["message"]
    installation.create("third", className="two")
    until("the third is second", lambda: installation.status("third").get("queuePosition") == 2)
    assert installation.status("second")["phase"] == "Queued"
    queued_at = datetime.now(UTC)
    assert installation.child("pods", desktop_name(second)) is None
    installation.delete("first")
    installation.run_pod(second)
    ready = installation.until_ready("second")
    assert "queuePosition" not in ready["status"]
    begun, done = (datetime.fromisoformat(ready["status"][key]) for key in ("startedAt", "readyAt"))
    assert begun >= queued_at, "the time in the queue does not count as start"
    assert ready["status"]["startup"]["seconds"] == pytest.approx((done - begun).total_seconds(), abs=0.01)
    until("the third moves up", lambda: installation.status("third").get("queuePosition") == 1)
    installation.patch_class("two", {"limits": None})
    installation.until_reason("Ready", "PodStarting", "third")


def test_a_start_beyond_its_deadline_names_the_cause_and_may_still_succeed(installation: Installation) -> None:
    installation.create_class("hasty", startDeadline="1s")
    session = installation.create(className="hasty")
    condition = installation.until_reason("Stalled", "StartDeadlineExceeded")
    assert "Not ready within 1s" in condition["message"]
    until("the message names what it waits for", lambda: "PodStarting" in installation.condition("Stalled")["message"])
    installation.run_pod(session)
    installation.until_ready()
    assert installation.condition("Stalled")["status"] == "False"
