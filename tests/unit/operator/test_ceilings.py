"""The ceilings of a class hold, whatever a session asks for or leaves out, before its start and while it runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendersessions.model.ceilings import within_class
from blendersessions.model.quantities import quantity
from blendersessions.model.session import Session, parse_session
from blendersessions.model.session_class import parse_session_class
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.lifetime import Activity
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.resources.connection import connection
from blendersessions_operator.resources.pod import pod
from blendersessions_operator.resources.volume_claim import volume_claim
from class_pairs import above_class, pairs
from unit.operator.factories import NOW, body, everything_observed, nothing_observed, session, settings, stored

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.planning.observed import Observed

GPU = "nvidia.com/gpu"


def bounded(spec: Manifest, of_class: Manifest) -> Session:
    """The session as the observer hands it on."""
    return within_class(
        session(spec), parse_session_class({"metadata": {"namespace": "art", "name": "small"}, "spec": of_class})
    )


def container_of(spec: Manifest, of_class: Manifest) -> Manifest:
    made: Manifest = pod(session().desktop, session(spec), settings(session(spec), of_class))["spec"]["containers"][0]
    return made


def running(spec: Manifest, of_class: Manifest) -> tuple[Session, Observed]:
    """A session that runs, and what its class says of it now."""
    of = bounded(spec, of_class)
    return of, replace(everything_observed(of), settings=settings(session(spec), of_class))


@given(pair=pairs())
def test_no_pod_is_above_its_class(pair: tuple[Manifest, Manifest]) -> None:
    of_class, spec = pair
    of = parse_session(body(spec))
    assert of.spec_error == ""
    effective = settings(of, of_class)
    made = pod(of.desktop, of, effective)
    assert above_class(made, of_class) == []
    ceiling = parse_session_class({"metadata": {"namespace": "a", "name": "b"}, "spec": of_class}).spec.lifetime.ceiling
    for value, most in ((effective.max_age, ceiling.max_age), (effective.idle_after, ceiling.idle_after)):
        assert most is None or (value is not None and value <= most)


@given(asked=st.integers(1, 1000), per_user=st.none() | st.integers(1, 1000), most=st.integers(1, 1000))
def test_no_connection_takes_more_than_its_class_allows(asked: int, per_user: int | None, most: int) -> None:
    wanted: dict[str, Any] = {"max": asked} | ({"maxPerUser": min(per_user, asked)} if per_user else {})
    of = bounded({"connections": wanted}, {"limits": {"connections": most, "connectionsPerUser": max(1, most // 2)}})
    attributes = connection(of.desktop, of, "password").attributes
    assert int(attributes["max-connections"]) == min(asked, most)
    assert int(attributes["max-connections-per-user"]) <= min(max(1, most // 2), int(attributes["max-connections"]))


def test_a_request_alone_keeps_the_default_limit() -> None:
    small = {"requests": {"cpu": "1m", "memory": "1Mi"}}
    assert container_of({"resources": small}, {})["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    of_class = {"resources": {"limits": {"memory": "2Gi"}}}
    assert container_of({"resources": small}, of_class)["resources"]["limits"] == {"cpu": "2", "memory": "2Gi"}
    large = {"requests": {"memory": "3Gi"}}
    assert container_of({"resources": large}, of_class)["resources"]["limits"]["memory"] == "3Gi"
    assert container_of({}, {"resources": {"requests": {"cpu": "3"}}})["resources"]["limits"]["cpu"] == "3"


def test_the_nodes_disk_is_bounded_and_not_reserved() -> None:
    found = container_of({}, {"resources": {"max": {"ephemeral-storage": "8Gi"}}})["resources"]
    assert (found["limits"]["ephemeral-storage"], quantity(found["requests"]["ephemeral-storage"])) == (
        "8Gi",
        Decimal(0),
    )


@pytest.mark.parametrize(
    ("resources", "allowed"),
    [
        ({}, False),
        ({"max": {GPU: 0}}, False),
        ({"max": {GPU: 1}}, False),
        ({"limits": {GPU: 1}}, False),
        ({"limits": {GPU: 1}, "max": {GPU: 2}}, True),
        ({"limits": {GPU: 2}}, True),
    ],
)
def test_devices_are_only_those_that_the_class_names(resources: Manifest, allowed: bool) -> None:
    for kind in ("limits", "requests"):
        asks = {"resources": {kind: {GPU: 2}}}
        refusals = settings(session(asks), {"resources": resources}).refusals
        assert (refusals == ()) is allowed
        if not allowed:
            assert f"spec.resources.{kind}.{GPU} is 2, and the class default allows" in refusals[0]
        given_limits = container_of(asks, {"resources": resources})["resources"]["limits"]
        assert quantity(given_limits.get(GPU, 0)) == (
            2 if allowed else quantity(resources.get("max", resources.get("limits", {})).get(GPU, 0))
        )


def test_a_session_that_names_no_device_gets_the_classs_own_and_no_more() -> None:
    assert GPU not in container_of({}, {"resources": {"max": {GPU: 1}}})["resources"]["limits"]
    assert container_of({}, {"resources": {"limits": {GPU: 1}}})["resources"]["limits"][GPU] == 1


@pytest.mark.parametrize("name", ["cpu", "memory", "ephemeral-storage"])
def test_zero_is_no_ceiling_for_what_kubernetes_would_not_limit_then(name: str) -> None:
    found = parse_session_class(
        {"metadata": {"namespace": "a", "name": "b"}, "spec": {"resources": {"max": {name: 0}}}}
    )
    assert f"max.{name} must be above zero" in found.spec_error


REFUSED: dict[str, tuple[Manifest, Manifest, str]] = {
    "viewers": (
        {"viewers": ["ann", "bo", "cy"]},
        {"limits": {"viewers": 1}},
        "spec.viewers has 3 names, and the class default allows 1: take 2 off.",
    ),
    "no viewers": ({"viewers": ["ann"]}, {"limits": {"viewers": 0}}, "allows 0: take 1 off."),
    "connections": (
        {"connections": {"max": 11}},
        {"limits": {"connections": 10}},
        "spec.connections.max is 11, and the class default allows 10: ask for less.",
    ),
    "connections of one user": (
        {"connections": {"maxPerUser": 5}},
        {"limits": {"connectionsPerUser": 2}},
        "spec.connections.maxPerUser is 5, and the class default allows 2: ask for less.",
    ),
    "a lifetime": (
        {"lifetime": {"maxAge": "2h"}},
        {"lifetime": {"ceiling": {"maxAge": "1h"}}},
        "spec.lifetime.maxAge is 2h, and the class default allows 1h: ask for less.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_more_than_the_class_allows_is_refused_with_field_value_class_and_ceiling(name: str) -> None:
    spec, of_class, words = REFUSED[name]
    [refusal] = settings(session(spec), of_class).refusals
    assert refusal.endswith(words)
    of, observed = running(spec, of_class)
    desktop = compute_conditions(of, observed)["DesktopReady"]
    assert desktop.holds
    assert words in desktop.message, "a session that runs is told what it does not get"


def test_what_is_left_out_is_not_refused_by_a_low_ceiling() -> None:
    of_class = {"limits": {"connections": 3, "connectionsPerUser": 2}}
    assert settings(session(), of_class).refusals == ()
    attributes = connection(session().desktop, bounded({}, of_class), "password").attributes
    assert attributes == {"max-connections": "3", "max-connections-per-user": "2"}


def test_viewers_who_are_added_while_it_runs_are_not_let_in() -> None:
    of = bounded({"viewers": ["ann", "bo", "cy"]}, {"limits": {"viewers": 1}})
    assert of.spec.viewers == ("ann",)


def test_a_lifetime_that_is_raised_while_it_runs_ends_by_the_ceiling() -> None:
    of_class = {"lifetime": {"ceiling": {"maxAge": "1h", "idleAfter": "10m"}}}
    found = settings(session({"lifetime": {"maxAge": "20h", "idleAfter": "5h"}}), of_class)
    assert (found.max_age, found.idle_after) == (timedelta(hours=1), timedelta(minutes=10))
    malformed = session({"lifetime": {"maxAge": "20h"}, "resources": {"limits": {"memory": "lots"}}})
    assert settings(malformed, of_class).max_age == timedelta(hours=1), "a malformed amount takes no ceiling away"


def test_a_time_that_is_over_at_once_ends_the_session_without_another_event() -> None:
    of = session({"lifetime": {"maxAge": "1ms"}})
    over = Activity(started_at=NOW - timedelta(seconds=1))
    observed = replace(nothing_observed(), settings=settings(of), activity=over)
    assert requeue_after(of, observed) == timedelta(seconds=1), "its deadline was over before its status was written"


@pytest.mark.parametrize(
    ("asked", "workspace", "of_class", "expected"),
    [
        ("", None, "Delete", "Delete"),
        ("", {"claimName": "mine"}, "Delete", "Delete"),
        ("", {"size": "1Gi", "reclaimPolicy": "Retain"}, "Delete", "Delete"),
        ("", {"size": "1Gi"}, "Delete", "Suspend"),
        ("Delete", {"size": "1Gi"}, "Suspend", "Delete"),
        ("", None, "", "Suspend"),
    ],
)
def test_a_class_never_has_a_persons_files_deleted(
    asked: str, workspace: Manifest | None, of_class: str, expected: str
) -> None:
    spec = {"lifetime": {"onExpiry": asked} if asked else {}} | ({"workspace": workspace} if workspace else {})
    class_spec = {"lifetime": {"onExpiry": of_class} if of_class else {}}
    assert settings(session(spec), class_spec).on_expiry == expected


def claim_of(of: Session, size: str, phase: str = "Bound") -> Manifest:
    assert of.spec.workspace is not None
    found = stored(volume_claim(of, of.spec.workspace), "claim-uid")
    found["spec"]["resources"]["requests"]["storage"] = size
    return found | {"status": {"phase": phase}}


def test_a_volume_above_the_ceiling_is_neither_made_nor_grown_and_an_existing_one_is_used() -> None:
    spec, of_class = {"workspace": {"size": "20Gi"}}, {"workspace": {"maxSize": "10Gi"}}
    of = bounded(spec, of_class)
    fresh = replace(nothing_observed(), settings=settings(session(spec), of_class))
    desktop = compute_conditions(of, fresh)["DesktopReady"]
    assert desktop.reason == "BeyondClass"
    assert "spec.workspace.size is 20Gi, and the class default allows 10Gi: create the session again" in desktop.message
    assert not fresh.may_start
    for phase in ("Bound", "Pending"):
        grown = replace(running(spec, of_class)[1], volume_claim=claim_of(of, "10Gi", phase))
        assert plan(of, grown).empty, "the claim is left as it is"
        assert "allows 10Gi: it does not grow" in compute_conditions(of, grown)["DesktopReady"].message
    stopped = replace(fresh, volume_claim=claim_of(of, "10Gi"))
    assert stopped.may_start, "nobody is kept from files that there are"
    allowed = {"workspace": {"maxSize": "20Gi"}}
    grows = replace(running(spec, allowed)[1], volume_claim=claim_of(of, "10Gi"))
    assert not plan(of, grows).empty
