"""Classes are read from the API server's objects, also when something slipped past its schema."""

from __future__ import annotations

from datetime import timedelta

import pytest

from blendersessions.model.session_class import ClassSpec, SessionClass, built_in, parse_session_class


def parsed(spec: object) -> SessionClass:
    return parse_session_class({"metadata": {"namespace": "art", "name": "large"}, "spec": spec})


@pytest.mark.parametrize("spec", [None, {}])
def test_an_empty_class_equals_the_built_in_one(spec: object) -> None:
    assert parsed(spec).spec == built_in("art").spec == ClassSpec()


def test_the_built_in_class_bounds_nothing_but_the_start() -> None:
    spec = built_in("art").spec
    assert built_in("art").name == "default"
    assert (spec.limits.sessions, spec.limits.sessions_per_owner) == (None, None)
    assert (spec.lifetime.max_age, spec.lifetime.ceiling.max_age) == (None, None)
    assert (spec.saving.timeout, spec.saving.wait_for_work) == (timedelta(seconds=90), timedelta(minutes=10))
    assert (spec.start_deadline, spec.egress, spec.image) == (timedelta(minutes=10), "None", "")


def test_every_field_of_a_class_is_read_as_written() -> None:
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}
    found = parsed(
        {
            "image": "blender:4",
            "resources": {"requests": {"cpu": 1}, "max": {"nvidia.com/gpu": 2}},
            "lifetime": {"idleAfter": "30m", "ceiling": {"idleAfter": "30m", "maxAge": "24h"}},
            "limits": {"sessions": 20, "sessionsPerOwner": 2},
            "saving": {"timeout": "5m", "waitForWork": "1h"},
            "startDeadline": "90s",
            "affinity": affinity,
            "egress": "Public",
        }
    )
    spec = found.spec
    assert (found.namespace, found.name, found.spec_error) == ("art", "large", "")
    assert (spec.resources.requests, spec.resources.max) == ({"cpu": 1}, {"nvidia.com/gpu": 2})
    assert (spec.lifetime.idle_after, spec.lifetime.ceiling.max_age) == (timedelta(minutes=30), timedelta(hours=24))
    assert (spec.limits.sessions, spec.limits.sessions_per_owner) == (20, 2)
    assert (spec.saving.timeout, spec.saving.wait_for_work) == (timedelta(minutes=5), timedelta(hours=1))
    assert (spec.start_deadline, spec.affinity, spec.egress) == (timedelta(seconds=90), affinity, "Public")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"lifetime": {"maxAge": "9h", "ceiling": {"maxAge": "8h"}}}, "maxAge is 9h, above its ceiling of 8h"),
        ({"lifetime": {"idleAfter": "61m", "ceiling": {"idleAfter": "1h"}}}, "idleAfter is 1h1m, above its ceiling"),
        ({"lifetime": {"ceiling": {"maxAge": "0s"}}}, "spec.lifetime.ceiling.maxAge"),
        ({"startDeadline": "-1s"}, "spec.startDeadline"),
        ({"saving": {"timeout": "0s"}}, "spec.saving.timeout"),
        ({"saving": {"waitForWork": "long"}}, "spec.saving.waitForWork"),
        ({"limits": {"sessions": 0}}, "spec.limits.sessions"),
        ({"limits": {"sessionsPerOwner": -1}}, "spec.limits.sessionsPerOwner"),
        ({"egress": "Everywhere"}, "spec.egress"),
        ("nonsense", "spec"),
    ],
)
def test_a_malformed_class_is_explained_and_not_raised(spec: object, words: str) -> None:
    found = parsed(spec)
    assert words in found.spec_error
    assert found.spec == ClassSpec(), "nothing of it is acted upon"
