"""Effective settings: a session's spec, bounded by its class, over the installation defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model import durations
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.session_class import parse_session_class
from unit.operator.factories import PROFILE, session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


def test_without_a_class_the_installation_defaults_apply() -> None:
    found = settings()
    assert (found.image, found.requests, found.limits) == (PROFILE.image, PROFILE.requests, PROFILE.limits)
    assert (found.max_age, found.idle_after, found.on_expiry) == (None, None, "Suspend")
    assert found.start_deadline == timedelta(minutes=10)


def test_a_class_overrides_the_defaults_and_a_session_overrides_its_class() -> None:
    spec = {"image": "other:1", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "4"}}}
    found = settings(session({"resources": {"limits": {"memory": "8Gi"}}}), spec)
    assert found.image == "other:1"
    assert found.requests == {"cpu": "2"}
    assert found.limits == {"memory": "8Gi", "cpu": "4"}


def test_pull_secrets_of_the_class_and_of_the_installation_are_both_used() -> None:
    of_class = parse_session_class(
        {
            "metadata": {"namespace": "art", "name": "default"},
            "spec": {"imagePullSecrets": [{"name": "ours"}, {"name": "shared"}]},
        }
    )
    installation = replace(PROFILE, image_pull_secrets=("shared", "theirs"))
    assert effective_settings(session(), of_class, installation).image_pull_secrets == ("ours", "shared", "theirs")
    assert settings().image_pull_secrets == ()


def test_lifetimes_come_from_the_session_then_the_class_then_the_ceiling() -> None:
    spec = {"lifetime": {"maxAge": "8h", "onExpiry": "Delete", "ceiling": {"maxAge": "12h", "idleAfter": "1h"}}}
    found = settings(session({"lifetime": {"maxAge": "10h"}}), spec)
    assert (found.max_age, found.idle_after) == (timedelta(hours=10), timedelta(hours=1))
    assert (found.on_expiry, found.refusals) == ("Delete", ())


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({}, "Delete"),
        ({"workspace": {"size": "1Gi"}}, "Suspend"),
        ({"workspace": {"claimName": "home"}}, "Suspend"),
        ({"lifetime": {"onExpiry": "Suspend"}}, "Suspend"),
        ({"workspace": {"size": "1Gi"}, "lifetime": {"onExpiry": "Delete"}}, "Delete"),
    ],
)
def test_a_class_may_end_sessions_by_what_they_would_lose(spec: Manifest, what: str) -> None:
    assert settings(session(spec), {"lifetime": {"onExpiry": "Auto"}}).on_expiry == what


@pytest.mark.parametrize(
    ("requested", "words"),
    [
        ({"lifetime": {"maxAge": "13h"}}, "spec.lifetime.maxAge is 13h, and the class default allows 12h"),
        ({"lifetime": {"idleAfter": "90m"}}, "spec.lifetime.idleAfter is 1h30m, and the class default allows 1h"),
        (
            {"resources": {"limits": {"memory": "9Gi"}}},
            "spec.resources.limits.memory is 9Gi, and the class default allows",
        ),
        ({"resources": {"requests": {"cpu": "2001m"}}}, "spec.resources.requests.cpu is 2001m"),
    ],
)
def test_more_than_the_class_allows_is_refused_with_both_amounts(requested: dict[str, object], words: str) -> None:
    spec = {
        "lifetime": {"ceiling": {"maxAge": "12h", "idleAfter": "1h"}},
        "resources": {"max": {"memory": "8Gi", "cpu": 2}},
    }
    [refusal] = settings(session(requested), spec).refusals
    assert refusal.startswith(words)


STUDIO: dict[str, object] = {"owners": ["ann", "*@example.org"], "viewers": ["guest-*"]}


@pytest.mark.parametrize(
    "spec",
    [
        {"owner": "ann"},
        {"owner": "bo@example.org", "viewers": ["guest-7"]},
        {"owner": "ann", "viewers": ["guest-", "guest-x.y"]},
    ],
)
def test_owners_and_viewers_may_match_a_name_or_a_pattern(spec: dict[str, object]) -> None:
    found = settings(session(spec), STUDIO)
    assert (found.refusals, found.refused_viewers, found.viewer_refusal) == ((), (), "")


@pytest.mark.parametrize("owner", ["anna", "Ann", "bo@example.org.evil", "example.org", ""])
def test_another_owner_is_refused_with_the_name_the_class_and_the_patterns(owner: str) -> None:
    [refusal] = settings(session({"owner": owner} if owner else {}), STUDIO).refusals
    who = f"spec.owner is {owner}" if owner else "The session has no owner"
    assert refusal.startswith(f"{who}, and the class default allows as owner ann, *@example.org: delete the session")


def test_other_viewers_are_refused_and_named() -> None:
    found = settings(session({"owner": "ann", "viewers": ["eve", "guest-1", "Guest-1"]}), STUDIO)
    assert found.refused_viewers == ("eve", "Guest-1")
    assert found.refusals == (found.viewer_refusal,)
    assert found.viewer_refusal == (
        "spec.viewers has eve, Guest-1, and the class default allows as viewers guest-*: take the others off "
        "spec.viewers."
    )
    [nobody] = settings(session({"viewers": ["eve"]}), {"viewers": []}).refusals
    assert "the class default allows as viewers none" in nobody
    [many] = settings(session({"viewers": ["eve"]}), {"viewers": [f"v{number}" for number in range(20)]}).refusals
    assert "v0, v1, v2, v3, v4, v5, v6, v7 and 12 more" in many


def test_a_session_without_an_owner_is_refused_where_the_sessions_of_each_owner_are_counted() -> None:
    counted = {"limits": {"sessionsPerOwner": 1}}
    [refusal] = settings(session(), counted).refusals
    assert "The session has no owner, and the class default counts the sessions of each owner" in refusal
    assert "create it with spec.owner or in another class" in refusal
    assert settings(session({"owner": "ann"}), counted).refusals == ()
    assert settings(session(), {"limits": {"sessions": 1}}).refusals == ()


def test_leaving_out_an_amount_does_not_avoid_the_maximum() -> None:
    most = {"resources": {"max": {"memory": "2Gi", "cpu": "1"}}}
    found = settings(session({"resources": {"requests": {"memory": "100Mi"}}}), most)
    assert (found.refusals, found.limits["memory"]) == ((), "2Gi")
    assert settings(session(), most).limits == {"memory": "2Gi", "cpu": "1"}
    small = settings(session(), {"resources": {"max": {"memory": "512Mi"}}})
    assert (small.requests["memory"], small.limits["memory"]) == ("512Mi", "512Mi")
    assert "nvidia.com/gpu" not in settings(session(), {"resources": {"max": {"nvidia.com/gpu": 1}}}).limits


def test_an_amount_that_slipped_past_the_schema_is_refused() -> None:
    [refusal] = settings(
        session({"resources": {"limits": {"memory": "lots"}}}), {"resources": {"max": {"memory": "1Gi"}}}
    ).refusals
    assert "'lots' is no quantity" in refusal


def test_the_placement_goes_to_the_pod() -> None:
    spec = {"nodeSelector": {"pool": "gpu"}, "runtimeClassName": "nvidia", "tolerations": [{"operator": "Exists"}]}
    assert settings(spec=spec).placement == spec


def test_a_class_that_slipped_past_the_schema_is_explained() -> None:
    body = {"metadata": {"namespace": "art", "name": "bad"}, "spec": {"startDeadline": "soon"}}
    found = parse_session_class(body)
    assert "spec.startDeadline" in found.spec_error
    assert "write it as '30m'" in found.spec_error


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("500ms", 0.5), ("8760h", 31_536_000), ("1h1h", 7200)]
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0s", "-1h", "30", "7d", "8761h", "1.5h", "h", "9" * 400 + "h", "1h1h1h1h1h", "100000ms"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|must be above zero"):
        durations.parse(text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.6, "1m"), (5400, "1h30m"), (86_400, "24h")])
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert durations.write(timedelta(seconds=seconds)) == text
