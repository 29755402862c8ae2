"""The status of a session: conditions, phase, links and times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.access import AccessView
from blendersessions.model.conditions import Reason
from blendersessions.model.errors import DomainError, Invalid, NameTaken, OwnerTaken, System, Unauthorised, Unavailable
from blendersessions.model.status import parse_status
from blendersessions_operator.planning.status import status, with_suspension
from blendersessions_operator.planning.steps import Area
from status_rules import faults_of
from unit.operator.factories import NOW, everything_observed, nothing_observed, running_pod, session

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed

TYPES = {"Ready", "DesktopReady", "SceneReady", "ConnectionReady", "Stalled", "Suspended"}


OUT_OF_MEMORY = (
    "The desktop needed more memory than its limit of 4Gi, and was ended. Raise spec.resources.limits.memory, or have "
    "an administrator raise what the class allows."
)


def status_of(of: Session, observed: Observed) -> tuple[Manifest, dict[str, Manifest]]:
    stated = status(of, observed)
    result = stated.to_manifest()
    assert parse_status(result) == stated
    conditions = {entry["type"]: entry for entry in result["conditions"]}
    assert list(faults_of({"metadata": {"generation": of.generation}, "status": result})) == []
    assert {entry["observedGeneration"] for entry in conditions.values()} == {of.generation}
    return result, conditions


def with_container(of: Session, container: Manifest, *, phase: str = "Pending") -> Observed:
    pod = running_pod(of, ready=False)
    pod["status"] = {"phase": phase, "containerStatuses": [{"name": "blender"} | container]}
    return replace(everything_observed(of), pod=pod)


def test_a_ready_session_has_a_url_and_the_duration_of_its_start() -> None:
    result, conditions = status_of(session(), everything_observed(session()))
    assert result["phase"] == "Ready"
    assert result["clientURL"] == "https://desk.example/guacamole/#/client/MTcAYwBwb3N0Z3Jlc3Fs"
    assert result["connection"] == {
        "name": f"art/cart ({session().desktop.name})",
        "identifier": "17",
        "dataSource": "postgresql",
    }
    told = conditions["ConnectionReady"]["message"]
    assert told == f"Guacamole's user {session().username} may open the connection {result['connection']['name']}."
    assert result["desktop"] == {"name": session().desktop.name}
    assert (result["startedAt"], result["readyAt"]) == ("2026-11-24T05:59:57.000Z", "2026-11-24T06:00:00.250Z")
    assert result["startup"] == {"path": "Cold", "seconds": 3.25}
    assert set(conditions) == TYPES
    assert [conditions[kind]["status"] for kind in sorted(TYPES)] == ["True", "True", "True", "True", "False", "False"]


def test_the_same_observation_gives_the_same_status_later() -> None:
    first = status(session(), everything_observed(session()))
    later = replace(session(), status=first)
    assert status(later, replace(everything_observed(session()), now=NOW + timedelta(hours=1))) == first


def test_the_url_goes_when_opening_it_would_not_work_and_the_start_time_stays() -> None:
    first = status(session(), everything_observed(session()))
    later = replace(session(), status=first)
    broken = replace(everything_observed(session()), pod=None)
    result = status(later, replace(broken, now=NOW + timedelta(hours=1))).to_manifest()
    assert "clientURL" not in result
    assert result["readyAt"] == first.to_manifest()["readyAt"]
    assert result["phase"] == "Pending"


def test_a_new_session_is_pending() -> None:
    result, conditions = status_of(session(), nothing_observed())
    assert result["phase"] == "Pending"
    assert conditions["Ready"]["reason"] == Reason.DESKTOP_PENDING
    assert "desktop" not in result
    assert "connection" not in result


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        (
            {"state": {"waiting": {"reason": "ContainerCreating"}}},
            "ContainerCreating",
            "The container is being started.",
        ),
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}},
            "ImagePullBackOff",
            "Back-off pulling image",
        ),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}},
            "CrashLoopBackOff",
            "back-off 10s",
        ),
        (
            {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}},
            "OutOfMemory",
            OUT_OF_MEMORY,
        ),
        (
            {"lastState": {"terminated": {"exitCode": 64, "message": "not json"}}, "state": {}},
            "ContainerFailed",
            "The container cannot start: not json",
        ),
        (
            {"state": {"terminated": {"exitCode": 64, "message": '{"reason": "DisplayFailed", "message": "no X"}'}}},
            "DisplayFailed",
            "no X",
        ),
    ],
)
def test_a_waiting_desktop_is_explained_in_the_words_of_kubernetes(
    container: Manifest, reason: str, message: str
) -> None:
    result, conditions = status_of(session(), with_container(session(), container))
    for kind in ("DesktopReady", "Ready"):
        entry = conditions[kind]
        assert (entry["status"], entry["reason"], entry["message"]) == ("False", reason, message)
    assert conditions["Stalled"]["status"] == "False"
    assert result["phase"] == "Starting"


def test_an_unschedulable_pod_is_reported() -> None:
    pod = running_pod(session())
    entry = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes: no cpu"}
    pod["status"] = {"phase": "Pending", "conditions": [entry]}
    _, conditions = status_of(session(), replace(everything_observed(session()), pod=pod))
    assert (conditions["Ready"]["reason"], conditions["Ready"]["message"]) == ("Unschedulable", "0/1 nodes: no cpu")


def test_an_unknown_sample_stalls_and_lists_the_samples() -> None:
    of = session({"scene": {"sample": "nope.blend"}})
    message = '{"reason": "SceneNotFound", "message": "nope.blend is no sample. There are: shopping_cart.blend"}'
    observed = with_container(
        of,
        {
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": {"exitCode": 64, "message": message}},
        },
        phase="Running",
    )
    result, conditions = status_of(of, observed)
    assert result["phase"] == "Failed"
    for kind in ("SceneReady", "Ready"):
        assert (conditions[kind]["status"], conditions[kind]["reason"]) == ("False", "SceneNotFound")
    assert (conditions["Stalled"]["status"], conditions["Stalled"]["reason"]) == ("True", "SceneNotFound")
    assert "shopping_cart.blend" in conditions["Ready"]["message"]


def test_an_invalid_image_name_stalls() -> None:
    waiting = {"state": {"waiting": {"reason": "InvalidImageName", "message": "couldn't parse"}}}
    result, conditions = status_of(session(), with_container(session(), waiting))
    assert result["phase"] == "Failed"
    assert conditions["Stalled"]["reason"] == "InvalidImageName"


def test_a_running_desktop_without_its_scene_is_loading() -> None:
    of = session({"scene": {"sample": "shopping_cart.blend"}})
    observed = replace(everything_observed(of), pod=running_pod(of, ready=False))
    _, conditions = status_of(of, observed)
    assert conditions["DesktopReady"]["status"] == "True"
    assert (conditions["SceneReady"]["reason"], conditions["Ready"]["reason"]) == ("SceneLoading", "SceneLoading")
    assert "shopping_cart.blend" in conditions["Ready"]["message"]


def test_a_changed_scene_on_a_running_desktop_needs_a_restart() -> None:
    of = session({"scene": {"sample": "other.blend"}})
    observed = replace(everything_observed(of), pod=running_pod(session()))
    _, conditions = status_of(of, observed)
    assert (conditions["DesktopReady"]["status"], conditions["DesktopReady"]["reason"]) == ("True", "RestartNeeded")


@pytest.mark.parametrize(
    ("part", "error", "condition", "reason", "stalled"),
    [
        (Area.ACCESS, Unavailable("away", System.GUACAMOLE), "ConnectionReady", "GuacamoleUnavailable", False),
        (
            Area.ACCESS,
            Unauthorised("refused", System.GUACAMOLE),
            "ConnectionReady",
            "GuacamoleCredentialsRefused",
            False,
        ),
        (Area.ACCESS, Invalid("bad", System.GUACAMOLE), "ConnectionReady", "GuacamoleRefused", False),
        (Area.ACCESS, OwnerTaken("taken", System.GUACAMOLE), "ConnectionReady", "OwnerTaken", True),
        (Area.ACCESS, NameTaken("taken", System.KUBERNETES), "ConnectionReady", "NameTaken", True),
        (Area.ACCESS, Unavailable("down", System.KUBERNETES), "ConnectionReady", "KubernetesUnavailable", False),
        (Area.DESKTOP, Unavailable("down", System.KUBERNETES), "DesktopReady", "KubernetesUnavailable", False),
        (Area.DESKTOP, Unauthorised("quota", System.KUBERNETES), "DesktopReady", "DesktopRefused", False),
        (Area.DESKTOP, Invalid("bad limits", System.KUBERNETES), "DesktopReady", "DesktopRefused", True),
        (Area.DESKTOP, NameTaken("taken", System.KUBERNETES), "DesktopReady", "NameTaken", True),
    ],
)
def test_each_failure_is_reported_in_the_condition_of_its_area(
    part: Area, error: DomainError, condition: str, reason: str, *, stalled: bool
) -> None:
    observed = replace(nothing_observed(), failures={part: error})
    _, conditions = status_of(session(), observed)
    entry = conditions[condition]
    assert (entry["status"], entry["reason"], entry["message"]) == ("False", reason, str(error))
    assert (conditions["Stalled"]["status"] == "True") is stalled


def test_an_unavailable_guacamole_makes_a_running_session_not_ready() -> None:
    observed = replace(
        everything_observed(session()),
        access=AccessView(),
        failures={Area.ACCESS: Unavailable("away", System.GUACAMOLE)},
    )
    result, conditions = status_of(session(), observed)
    assert conditions["DesktopReady"]["status"] == conditions["SceneReady"]["status"] == "True"
    assert conditions["Ready"]["reason"] == "GuacamoleUnavailable"
    assert "clientURL" not in result


def test_while_guacd_is_down_no_session_is_ready_and_none_has_a_url() -> None:
    observed = replace(everything_observed(session()), guacd_error="guacd is down")
    result, conditions = status_of(session(), observed)
    for kind in ("Ready", "ConnectionReady"):
        entry = conditions[kind]
        assert (entry["status"], entry["reason"], entry["message"]) == ("False", "GuacdUnavailable", "guacd is down")
    assert conditions["SceneReady"]["status"] == "True"
    assert conditions["Stalled"]["status"] == "False"
    assert "clientURL" not in result


def test_a_fault_of_the_session_itself_is_told_before_guacds() -> None:
    observed = replace(nothing_observed(), guacd_error="guacd is down")
    _, conditions = status_of(session(), observed)
    assert conditions["ConnectionReady"]["reason"] == "ConnectionPending"


def test_an_object_not_owned_stalls_the_session_and_is_named() -> None:
    observed = everything_observed(session())
    assert observed.pod is not None
    observed.pod["metadata"]["ownerReferences"] = []
    result, conditions = status_of(session(), observed)
    assert conditions["Ready"]["reason"] == conditions["Stalled"]["reason"] == "NameTaken"
    assert f"Pod art/{session().desktop.name}" in conditions["Ready"]["message"]
    assert result["phase"] == "Failed"
    assert "desktop" not in result


def test_a_malformed_session_is_explained_in_its_status() -> None:
    _, conditions = status_of(session({"display": {"width": 0}}), nothing_observed())
    assert conditions["Ready"]["reason"] == "Invalid"
    assert "spec.display.width" in conditions["Ready"]["message"]


def test_a_deletion_that_waits_for_guacamole_is_reported_and_keeps_the_connection() -> None:
    first = status(session(), everything_observed(session()))
    of = replace(session(deleting=True), status=first)
    failures = {Area.ACCESS: Unavailable("Guacamole at URL does not answer", System.GUACAMOLE)}
    result, conditions = status_of(of, replace(nothing_observed(), failures=failures))
    assert result["phase"] == "Terminating"
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", "Terminating")
    assert "GuacamoleUnavailable" in conditions["Ready"]["message"]
    assert conditions["ConnectionReady"]["reason"] == "GuacamoleUnavailable"
    assert "clientURL" not in result
    assert result["connection"]["identifier"] == "17"


def test_recording_a_suspension_keeps_the_rest_of_the_status() -> None:
    of = session({"suspend": True})
    there = status(of, everything_observed(of))
    suspended = with_suspension(replace(of, status=there), Reason.REQUESTED, NOW)
    assert suspended == replace(there, suspension=suspended.suspension)


def test_a_session_created_suspended_reports_it_in_its_first_status() -> None:
    first = with_suspension(session({"suspend": True}), Reason.REQUESTED, NOW).to_manifest()
    assert first["suspension"] == {"reason": "Requested", "at": "2026-11-24T06:00:00.250Z", "generation": 3}
    assert (first["observedGeneration"], first["phase"]) == (3, "Suspending")
    assert list(faults_of({"metadata": {"generation": 3}, "status": first})) == []
    [ready] = first["conditions"]
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "Suspending")


def test_a_deadline_passed_before_the_first_status_is_reported_in_it() -> None:
    of = session()
    hasty = replace(nothing_observed(), now=of.created_at + timedelta(seconds=2))
    assert hasty.settings is not None
    hasty = replace(hasty, settings=replace(hasty.settings, start_deadline=timedelta(seconds=1)))
    conditions = {entry["type"]: entry for entry in status(of, hasty).to_manifest()["conditions"]}
    assert (conditions["Stalled"]["status"], conditions["Stalled"]["reason"]) == ("True", "StartDeadlineExceeded")
