"""What others wrote into a status, an annotation or a termination log never keeps the operator from writing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from blendersessions.model.conditions import LONGEST_MESSAGE, MOST_CONDITIONS, Condition, set_condition
from blendersessions.model.fields import moment
from blendersessions.model.quantities import LARGEST, quantity
from blendersessions.model.session import parse_session
from blendersessions.model.status import parse_status
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.endings import start_error
from blendersessions_operator.planning.saving import latest_stop
from blendersessions_operator.planning.status import status
from unit.operator.factories import NOW, body, everything_observed, running_pod, session

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("year", ["0001", "1969", "9000", "9999"])
def test_a_time_that_cannot_be_reckoned_with_is_none(year: str) -> None:
    assert moment(f"{year}-12-31T23:59:59Z") is None
    manifest = body() | {"status": {"suspension": {"reason": "Idle", "at": f"{year}-12-31T23:59:59Z"}}}
    of = parse_session(manifest)
    assert latest_stop(of, everything_observed(of)) is None
    assert compute_conditions(of, everything_observed(of))


def test_conditions_of_others_leave_room_for_ours() -> None:
    foreign = [
        {"type": f"Other{number}", "status": "True", "reason": "R", "message": "", "lastTransitionTime": LONG_AGO}
        for number in range(MOST_CONDITIONS)
    ]
    timeless = foreign[0] | {"type": "Timeless", "lastTransitionTime": "0001-01-01T00:00:00Z"}
    of = replace(session(), status=parse_status({"conditions": [timeless, *foreign[1:]]}))
    written = status(of, everything_observed(of)).to_manifest()["conditions"]
    assert len(written) == MOST_CONDITIONS
    assert all("lastTransitionTime" in entry for entry in written)
    assert [entry["type"] for entry in written[:2]] == ["Other1", "Other2"], "those that fit are kept"


def test_a_message_without_end_is_cut() -> None:
    condition = Condition("Ready", "False", "DesktopRefused", "x" * (LONGEST_MESSAGE + 1))
    [written] = set_condition((), condition, generation=1, now=NOW)
    assert len(written.message) == LONGEST_MESSAGE


@pytest.mark.parametrize(
    "log",
    [
        "[" * 4000,
        '{"reason": "SceneNotFound\\n", "message": "\\ud800"}',
        '{"reason": ["a"], "message": {"a": 1}}',
        '{"reason": "A", "message": "' + "x" * 4000,
        "\ud800",
        "9" * 4000,
        "",
    ],
)
def test_whatever_a_container_says_at_its_end_can_be_written(log: str) -> None:
    of = session()
    pod = running_pod(of, ready=False)
    ended = {"exitCode": 64, "message": log, "finishedAt": (NOW - timedelta(minutes=1)).isoformat()}
    pod["status"]["containerStatuses"] = [{"name": "blender", "state": {"terminated": ended}}]
    found = start_error(pod)
    assert found is not None
    assert found.reason == "ContainerFailed"
    assert found.message.encode()


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e300", LARGEST), ("1E999999999", LARGEST), ("-1e300", -LARGEST), ("0.0000001", quantity("100n"))],
)
def test_quantities_are_cut_as_kubernetes_does(text: str, value: object) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize(
    "text", ["", "NaN", "Infinity", "1_0", "\u0661", "1e3Ki", "1K", " 1", "1\n", "0x10", "1e9999999999"]
)
def test_what_kubernetes_does_not_read_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(text)


@pytest.mark.parametrize("size", [1073741824, "1073741824", "1Gi"])
def test_a_volumes_size_may_be_a_number(size: object) -> None:
    of = parse_session(body({"workspace": {"size": size}}))
    assert (of.spec_error, of.spec.workspace.size if of.spec.workspace else "") == ("", str(size))


@pytest.mark.parametrize("size", ["lots", 1.5, True, -0.1, "NaN"])
def test_a_volumes_size_that_is_none_is_explained(size: object) -> None:
    assert "spec.workspace.size" in parse_session(body({"workspace": {"size": size}})).spec_error
