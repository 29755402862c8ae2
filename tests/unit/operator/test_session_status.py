"""The status is parsed once and written in one place. A field that does not fit the schema is dropped."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blendersessions.model.conditions import Condition, ConditionType, Reason, Truth
from blendersessions.model.session import parse_session
from blendersessions.model.status import (
    KeepAliveReason,
    Phase,
    Queue,
    ReportedActivity,
    ReportedConnection,
    SessionStatus,
    StartPath,
    Startup,
    Suspension,
    Termination,
    parse_status,
)
from unit.operator.factories import body

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SECONDS = st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
MOMENTS = st.builds(lambda at, ms: at + timedelta(milliseconds=ms), SECONDS, st.integers(0, 999))
TEXTS = st.text(max_size=8)
WORDS = st.text(min_size=1, max_size=8)
CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from(ConditionType) | WORDS,
    status=st.sampled_from(get_args(Truth)),
    reason=st.sampled_from(Reason) | TEXTS,
    message=TEXTS,
    observed_generation=st.none() | st.integers(0, 2**40),
    last_transition_time=st.none() | SECONDS | MOMENTS,
)
STATUSES = st.builds(
    SessionStatus,
    observed_generation=st.none() | st.integers(0, 2**40),
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    phase=st.none() | st.sampled_from(Phase),
    queue=st.none() | st.builds(Queue, st.integers(1, 1000), MOMENTS),
    started_at=st.none() | MOMENTS,
    ready_at=st.none() | MOMENTS,
    startup=st.none() | st.builds(Startup, st.sampled_from(StartPath), st.floats(0, 1e6) | st.integers(0, 9)),
    connection=st.none() | st.builds(ReportedConnection, TEXTS, TEXTS, TEXTS),
    replicas=st.none() | st.integers(0, 1),
    desktop_name=TEXTS,
    workspace_claim=TEXTS,
    suspension=st.none()
    | st.builds(
        Suspension,
        st.none() | st.sampled_from(Reason),
        st.none() | MOMENTS,
        st.integers(0, 2**40),
    ),
    client_url=TEXTS,
    view_url=TEXTS,
    activity=st.none()
    | st.builds(
        ReportedActivity,
        users=st.integers(0, 99),
        kept_alive_by=st.none() | st.sampled_from(KeepAliveReason),
        last_active_at=st.none() | MOMENTS,
        expires_at=st.none() | MOMENTS,
        expiry_reason=st.none() | st.sampled_from(Reason),
    ),
    last_termination=st.none() | st.builds(Termination, st.sampled_from(Reason) | WORDS, TEXTS, MOMENTS, st.booleans()),
    blender_version=TEXTS,
    scene_name=TEXTS,
)
WRITTEN = {
    "observedGeneration": 3,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-11-24T06:00:00Z",
            "reason": "SessionReady",
            "message": "Open it.",
        }
    ],
    "phase": "Ready",
    "queuePosition": 2,
    "queuedAt": "2026-11-24T05:59:58.200Z",
    "startedAt": "2026-11-24T05:59:57.000Z",
    "readyAt": "2026-11-24T06:00:00.250Z",
    "startup": {"path": "Cold", "seconds": 3.25},
    "connection": {"name": "blender-x", "identifier": "17", "dataSource": "postgresql"},
    "replicas": 1,
    "desktop": {"name": "blender-x"},
    "workspace": {"claimName": "home"},
    "suspension": {"reason": "Idle", "at": "2026-11-24T06:30:00.000Z", "generation": 3},
    "clientURL": "https://desk.example/guacamole/#/client/a",
    "viewURL": "https://desk.example/guacamole/#/client/b",
    "activity": {
        "users": 1,
        "keptAliveBy": "Input",
        "expiresAt": "2026-11-24T06:30:00.000Z",
        "expiryReason": "Idle",
        "lastActiveAt": "2026-11-24T06:00:00.000Z",
    },
    "lastTermination": {
        "reason": "Evicted",
        "message": "The home folder was full.",
        "at": "2026-11-24T05:50:00.000Z",
        "noticePending": True,
    },
    "blender": {"version": "4.3.2"},
    "scene": {"name": "shopping_cart.blend"},
}
"""Every field, as the API server has it."""


@given(STATUSES)
def test_a_written_status_is_read_unchanged(status: SessionStatus) -> None:
    assert parse_status(status.to_manifest()) == status


def test_a_read_status_is_written_unchanged_in_the_same_order() -> None:
    status = parse_status(WRITTEN)
    assert status.to_manifest() == WRITTEN
    assert list(status.to_manifest()) == list(WRITTEN)
    assert None not in {getattr(status, field.name) for field in fields(status)}, "each field is in the example"


def test_only_plain_values_are_written() -> None:
    def leaves(value: object) -> Iterator[object]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from leaves(each)
        else:
            yield value

    status = replace(
        parse_status(WRITTEN), conditions=(Condition(ConditionType.READY, "True", Reason.SESSION_READY, "Open it."),)
    )
    assert {type(leaf) for leaf in leaves(status.to_manifest())} == {str, int, float, bool}


def test_an_object_without_a_status_has_an_empty_one() -> None:
    assert parse_session(body()).status == SessionStatus()
    assert SessionStatus().to_manifest() == {}


MALFORMED: list[Any] = [None, 7, -1, True, "nonsense", [], ["nonsense"], {}, {"nonsense": 1}, {"name": 7}, 1e99]


@pytest.mark.parametrize("value", MALFORMED, ids=repr)
@pytest.mark.parametrize("key", WRITTEN)
def test_a_malformed_field_is_dropped_and_the_others_are_kept(key: str, value: object) -> None:
    status = parse_status(WRITTEN | {key: value})
    known = parse_status({name: value for name, value in WRITTEN.items() if name != key})
    same = {field.name for field in fields(status) if getattr(status, field.name) == getattr(known, field.name)}
    assert len(same) >= len(fields(status)) - 1


@pytest.mark.parametrize("value", [*MALFORMED, {"status": "True"}, {"type": 7}], ids=repr)
def test_no_status_and_no_condition_raises(value: object) -> None:
    parse_status(value)
    status = parse_status({"conditions": [value, *WRITTEN["conditions"]]})  # type: ignore[misc]
    assert status.holds(ConditionType.READY)


@pytest.mark.parametrize(
    ("entry", "read"),
    [
        ({"type": "Ready"}, Condition("Ready", "Unknown", "", "")),
        ({"type": "Ready", "status": "Yes", "reason": 7, "message": None}, Condition("Ready", "Unknown", "", "")),
        ({"type": "Ready", "status": ["True"]}, Condition("Ready", "Unknown", "", "")),
        (
            {"type": "Ready", "status": "True", "observedGeneration": "3", "lastTransitionTime": "yesterday"},
            Condition("Ready", "True", "", ""),
        ),
    ],
)
def test_a_malformed_condition_keeps_its_valid_parts(entry: object, read: Condition) -> None:
    assert parse_status({"conditions": [entry]}).conditions == (read,)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T06:00:00Z", datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("2026-11-24T07:00:00+01:00", datetime(2026, 11, 24, 7, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-11-24T06:00:00", None),
        ("2026-11-24", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
    ],
)
def test_a_moment_needs_a_time_zone(text: str, moment: datetime | None) -> None:
    read = parse_status({"startedAt": text}).started_at
    assert read == moment
    assert read is None or read.tzinfo is UTC


def test_the_spec_alone_says_whether_a_session_is_suspended() -> None:
    status = {"status": {"suspension": {"reason": "Whim", "at": "then"}}}
    of = parse_session(body() | status)
    assert of.status.suspension == Suspension(None)
    assert not of.suspend_requested
    assert parse_session(body({"replicas": 0}) | status).suspend_requested


@pytest.mark.parametrize(("spec", "held"), [({"suspend": True}, True), ({"replicas": 0}, False)])
def test_a_spec_that_is_malformed_elsewhere_still_asks_for_a_suspension(spec: dict[str, Any], *, held: bool) -> None:
    of = parse_session(body(spec | {"display": {"width": 0}}))
    assert (of.suspend_requested, of.held) == (True, held)


RUN = {"startedAt": "2026-11-24T05:00:00Z", "readyAt": "2026-11-24T05:00:09Z", "activity": {"users": 1}}


@pytest.mark.parametrize(
    ("spec", "generation", "runs_on"),
    [({}, 3, True), ({}, 2, False), ({}, None, False), ({"replicas": 0}, 2, True), ({"suspend": True}, 2, True)],
)
def test_a_resume_that_nobody_saw_begins_another_run(
    spec: dict[str, Any], generation: int | None, *, runs_on: bool
) -> None:
    """The former run's times are over, else the session would expire again at once."""
    suspension = {"reason": "Idle", "generation": generation}
    of = parse_session(body(spec) | {"status": RUN | {"suspension": suspension}})
    assert of.generation == 3
    times = (of.status.started_at, of.status.ready_at, of.status.activity)
    assert (None not in times) is runs_on
    assert of.status.suspension is not None, "the new run begins now, and not at the creation"


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("status", "starting"),
    [
        ({}, True),
        ({"phase": "Failed"}, True),
        ({"conditions": [READY | {"status": "False"}], "startedAt": "2026-11-24T06:00:00Z"}, True),
        ({"conditions": [READY]}, False),
        ({"conditions": [{"type": "Stalled", "status": "True"}]}, False),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, False),
        ({"queuePosition": 1}, False),
    ],
)
def test_a_session_is_urgent_that_neither_opens_nor_is_queued(status: dict[str, Any], *, starting: bool) -> None:
    assert parse_session(body() | {"status": status}).is_starting is starting


def test_a_session_that_is_deleted_or_suspended_is_not_urgent() -> None:
    assert not parse_session(body(deleting=True)).is_starting
    assert not parse_session(body({"suspend": True})).is_starting


def test_the_enumerations_match_the_schema() -> None:
    [version] = yaml.safe_load((ROOT / "crds" / "blendersessions.yaml").read_text())["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    assert list(schema["phase"]["enum"]) == list(Phase)
    assert schema["startup"]["properties"]["path"]["enum"] == list(StartPath)
    assert schema["activity"]["properties"]["keptAliveBy"]["enum"] == list(KeepAliveReason)
    assert schema["activity"]["properties"]["expiryReason"]["enum"] == [Reason.IDLE, Reason.MAX_AGE]
    assert schema["suspension"]["properties"]["reason"]["enum"] == [Reason.REQUESTED, Reason.IDLE, Reason.MAX_AGE]
    assert schema.keys() == WRITTEN.keys()
