"""The planner: the next steps that follow from an observation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.access import AccessView, UserRecord
from blendersessions.model.errors import NameTaken, OwnerTaken, System, Unauthorised, Unavailable
from blendersessions.model.secret_data import encode
from blendersessions.model.status import parse_status
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.access import session_access
from blendersessions_operator.planning.ownership import doubtful_connections, doubtful_users
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.questions import Question, next_question
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.suspend import UNSEEN_GRACE_SECONDS
from blendersessions_operator.resources.connection import connection
from blendersessions_operator.resources.secret import user_secret
from unit.operator.factories import (
    NOW,
    OTHER_UID,
    USER_PASSWORD,
    everything_observed,
    granted_access,
    nothing_observed,
    running_pod,
    session,
    stored,
    with_user,
    without_connections,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Step

ALICE = {"owner": "alice"}


def next_steps(of: Session, observed: Observed) -> list[Step]:
    stages = plan(of, observed).stages
    assert len(stages) <= 1, "this plan is expected to be one stage"
    return list(stages[0]) if stages else []


def kinds(of: Session, observed: Observed) -> list[str]:
    named = []
    for step in next_steps(of, observed):
        kind = f" {step.manifest['kind']}" if isinstance(step, steps.CreateObject | steps.ApplyObject) else ""
        named.append(type(step).__name__ + kind)
    return named


def test_the_finalizer_comes_before_anything_else() -> None:
    assert kinds(session(finalizer=False), nothing_observed()) == ["AddFinalizer"]


def test_after_the_finalizer_come_the_secret_and_the_service() -> None:
    assert kinds(session(), nothing_observed()) == ["CreateDesktopSecret", "CreateObject Service"]


def test_after_the_secret_comes_the_pod_and_then_guacamole_while_it_starts() -> None:
    of, observed = session(), replace(everything_observed(session()), access=AccessView(), user_secrets={})
    assert kinds(of, replace(observed, pod=None)) == ["CreateObject Pod"]
    assert next_question(of, replace(observed, pod=None)) is None, "Guacamole holds up no desktop"
    assert next_question(of, observed) is Question.ACCESS
    nobody = AccessView(inspected=True, users={of.username: UserRecord(of.username, exists=False)})
    assert kinds(of, replace(observed, pod=None, access=nobody)) == ["CreateObject Pod"]
    starting = running_pod(of, ready=False) | {"status": {}}
    assert kinds(of, replace(observed, pod=starting, access=nobody)) == ["CreateConnection", "CreateUserSecret"]


def test_a_session_whose_pod_is_refused_leaves_nothing_in_guacamole() -> None:
    of = session({"owner": "alice", "viewers": ["vera"]})
    refused = {Area.DESKTOP: Unavailable("exceeded quota", System.KUBERNETES)}
    observed = replace(everything_observed(of), pod=None, access=AccessView(), user_secrets={}, failures=refused)
    assert next_question(of, observed) is None
    nobody = {name: UserRecord(name, exists=False) for name in ("alice", "vera")}
    assert plan(of, replace(observed, access=AccessView(inspected=True, users=nobody))).empty


def test_a_registered_session_is_repaired_while_its_pod_is_replaced() -> None:
    of = session(ALICE)
    without_pod = replace(everything_observed(of), pod=None)
    lost = replace(without_pod, access=replace(without_pod.access, grants=frozenset()))
    assert "Grant" in kinds(of, lost)


def test_the_users_secret_is_made_before_the_user() -> None:
    of = session(ALICE)
    nobody = AccessView(inspected=True, users={"alice": UserRecord("alice", exists=False)})
    observed = replace(everything_observed(of), access=nobody, user_secrets={})
    assert kinds(of, observed) == ["CreateConnection", "CreateUserSecret"]
    found = kinds(of, replace(everything_observed(of), access=nobody))
    assert found == ["CreateConnection", "CreateUser"]


def test_a_user_is_made_with_the_password_that_the_secret_holds() -> None:
    of = session(ALICE)
    observed = replace(
        everything_observed(of), access=AccessView(inspected=True, users={"alice": UserRecord("alice", exists=False)})
    )
    [made] = [step for step in next_steps(of, observed) if isinstance(step, steps.CreateUser)]
    assert (made.user.username, made.user.password) == ("alice", USER_PASSWORD)
    assert USER_PASSWORD not in repr(made)


def test_an_administrators_user_gets_a_grant_and_no_secret() -> None:
    of = session(ALICE)
    access = with_user(granted_access(of), UserRecord("alice", exists=True, admitted=("*",)), granted=False)
    observed = replace(everything_observed(of), user_secrets={}, access=access)
    assert next_steps(of, observed) == [steps.Grant("alice", of.desktop.name)]


def test_a_user_of_ours_whose_secret_is_lost_is_made_again() -> None:
    of = session(ALICE)
    observed = replace(everything_observed(of), user_secrets={})
    assert next_steps(of, observed) == [steps.RemoveUser("alice")]


@pytest.mark.parametrize("made_for", ["music", "/Made by blender-sessions (another/art)"])
@pytest.mark.parametrize("with_secret", [False, True])
def test_an_owner_made_for_others_is_refused_whatever_secret_there_is(made_for: str, *, with_secret: bool) -> None:
    of = session(ALICE)
    observed = everything_observed(of)
    access = with_user(observed.access, UserRecord("alice", exists=True, made_for=made_for))
    observed = replace(observed, access=access, user_secrets=observed.user_secrets if with_secret else {})
    assert next_steps(of, observed) == [steps.Revoke("alice", of.desktop.name)]
    assert next_question(of, observed) is None, "first the owner is shut out"
    for left in (replace(access, grants=frozenset()), without_connections(access)):
        observed = replace(observed, access=left)
        assert plan(of, observed).empty
        assert next_question(of, observed) is Question.OWNERSHIP
        assert doubtful_users(of, observed) == {"alice": Area.ACCESS}


def test_a_secret_for_an_administrators_user_is_left_alone() -> None:
    of = session(ALICE)
    observed = everything_observed(of)
    observed.user_secrets["alice"]["metadata"]["ownerReferences"] = []
    access = with_user(observed.access, UserRecord("alice", exists=True, admitted=("art",)), granted=False)
    assert next_steps(of, replace(observed, access=access)) == [steps.Grant("alice", of.desktop.name)]


def test_a_second_session_of_an_owner_becomes_an_owner_of_the_secret() -> None:
    of = session(ALICE)
    observed = everything_observed(of)
    observed.user_secrets["alice"]["metadata"]["ownerReferences"][0]["uid"] = OTHER_UID
    assert [type(step) for step in next_steps(of, observed)] == [steps.AddOwner]


def test_a_complete_session_has_an_empty_plan() -> None:
    assert plan(session(), everything_observed(session())).empty
    assert plan(session(ALICE), everything_observed(session(ALICE))).empty


@pytest.mark.parametrize("child", ["pod", "service", "secret"])
def test_a_deleted_child_is_made_again(child: str) -> None:
    gone: dict[str, Any] = {child: None}
    made = kinds(session(), replace(everything_observed(session()), **gone))
    assert made[0] == ("CreateDesktopSecret" if child == "secret" else f"CreateObject {child.capitalize()}")


@pytest.mark.parametrize("child", ["pod", "service", "secret"])
def test_labels_changed_by_hand_are_restored_on_the_same_object(child: str) -> None:
    observed = everything_observed(session())
    found = getattr(observed, child)
    found["metadata"]["labels"]["blendersessions.io/session-uid"] = "other"
    [step] = next_steps(session(), observed)
    assert isinstance(step, steps.ApplyObject)
    assert step.manifest["metadata"]["uid"] == found["metadata"]["uid"]


def test_fields_that_others_added_are_kept() -> None:
    observed = everything_observed(session())
    assert observed.pod is not None
    assert observed.service is not None
    observed.pod["metadata"]["labels"]["team"] = "props"
    observed.service["metadata"]["ownerReferences"].append({"uid": OTHER_UID})
    observed.service["spec"] |= {
        "clusterIP": "10.0.0.7",
        "ports": [{**observed.service["spec"]["ports"][0], "nodePort": 1}],
    }
    assert plan(session(), observed).empty


def test_a_missing_value_of_the_secret_is_filled_in_and_the_other_kept() -> None:
    observed = everything_observed(session())
    assert observed.secret is not None
    del observed.secret["data"]["agent-token"]
    observed.secret["data"]["vnc-password"] = encode("original")
    wanted = connection(session().desktop, session(), "original")
    record = replace(observed.access.connections[wanted.key], parameters=wanted.parameters)
    step, other = next_steps(
        session(), replace(observed, access=replace(observed.access, connections={wanted.key: record}))
    )
    assert isinstance(other, steps.DeleteObject), "the desktop was started with other values"
    assert isinstance(step, steps.CompleteDesktopSecret)
    assert step.manifest["metadata"]["uid"] == observed.secret["metadata"]["uid"]
    assert step.manifest["data"] == {"vnc-password": encode("original")}, "what is left out is drawn"


@pytest.mark.parametrize("child", ["pod", "service", "secret"])
def test_an_object_of_the_name_that_is_not_owned_is_neither_changed_nor_deleted(child: str) -> None:
    observed = everything_observed(session())
    found = getattr(observed, child)
    found["metadata"]["ownerReferences"] = []
    found["metadata"]["labels"] = {}
    assert plan(session(), observed).empty


def test_an_evicted_pod_is_deleted_so_that_another_can_be_made() -> None:
    pod = running_pod(session())
    pod["status"]["phase"] = "Failed"
    observed = replace(everything_observed(session()), pod=pod)
    assert plan(session(), observed).empty, "what ends at once is not made anew in a loop"
    assert requeue_after(session(), observed) == timedelta(seconds=7, milliseconds=750)
    [step] = next_steps(session(), replace(observed, now=NOW + timedelta(seconds=8)))
    assert isinstance(step, steps.DeleteObject)
    assert (step.ref.kind, step.uid) == ("Pod", "pod-uid")


def test_an_evicted_pod_that_ran_for_long_is_replaced_though_the_clock_was_set_back() -> None:
    pod = running_pod(session())
    pod["status"] |= {
        "phase": "Failed",
        "conditions": [{"type": "Ready", "lastTransitionTime": "2026-11-24T06:30:00Z"}],
    }
    pod["metadata"]["creationTimestamp"] = "2026-11-24T06:00:00Z"
    observed = replace(everything_observed(session()), pod=pod, now=datetime(2026, 11, 24, 5, 31, tzinfo=UTC))
    [step] = next_steps(session(), observed)
    assert isinstance(step, steps.DeleteObject)
    assert requeue_after(session(), observed) == timedelta(seconds=1)


def test_a_finished_pod_that_cannot_be_replaced_is_not_retried_without_pause() -> None:
    pod = running_pod(session())
    pod["status"]["phase"] = "Failed"
    over = replace(everything_observed(session()), pod=pod, now=datetime(2026, 11, 24, 7, tzinfo=UTC))
    assert requeue_after(session(), replace(over, settings=None)) == timedelta(seconds=1), "its class is gone"
    refused = replace(over, failures={Area.DESKTOP: Unauthorised("may not delete pods", System.KUBERNETES)})
    assert requeue_after(session(), refused) is None, "the queue tries again, later each time"
    pod["metadata"]["deletionTimestamp"] = "2026-11-24T06:59:00Z"
    assert requeue_after(session(), over) is None, "its end is an event"


def test_a_pod_that_is_ending_is_waited_for() -> None:
    pod = running_pod(session())
    pod["metadata"]["deletionTimestamp"] = "2026-11-24T06:00:00Z"
    assert plan(session(), replace(everything_observed(session()), pod=pod)).empty


def test_a_corrected_scene_name_restarts_only_a_desktop_that_has_no_scene() -> None:
    wrong, right = session({"scene": {"sample": "nope.blend"}}), session({"scene": {"sample": "cart.blend"}})
    pod = running_pod(wrong, ready=False)
    assert plan(right, replace(everything_observed(right), pod=pod)).empty
    message = '{"reason": "SceneNotFound", "message": "There are: cart.blend"}'
    ended = {"terminated": {"exitCode": 64, "message": message}}
    pod["status"]["containerStatuses"][0] = {"name": "blender", "state": {}, "lastState": ended}
    assert plan(wrong, replace(everything_observed(wrong), pod=pod)).empty
    [step] = next_steps(right, replace(everything_observed(right), pod=pod))
    assert isinstance(step, steps.DeleteObject)


def test_changed_limits_update_the_connection() -> None:
    of = session({"connections": {"max": 3}})
    [step] = next_steps(of, replace(everything_observed(of), access=granted_access(session())))
    assert isinstance(step, steps.UpdateConnection)
    assert step.spec.attributes["max-connections"] == "3"


def test_a_connection_deleted_in_guacamole_is_made_again() -> None:
    observed = everything_observed(session())
    gone = without_connections(observed.access)
    assert kinds(session(), replace(observed, access=gone)) == ["CreateConnection"]


def test_a_desktop_starts_while_guacamole_is_unavailable() -> None:
    observed = replace(
        everything_observed(session()),
        pod=None,
        access=AccessView(),
        failures={Area.ACCESS: Unavailable("away", System.GUACAMOLE)},
    )
    assert kinds(session(), observed) == ["CreateObject Pod"]


def test_an_area_that_failed_is_not_retried_in_the_same_run() -> None:
    failures = {Area.ACCESS: Unavailable("away", System.GUACAMOLE), Area.DESKTOP: NameTaken("taken", System.GUACAMOLE)}
    assert plan(session(), replace(nothing_observed(), failures=failures)).empty
    assert plan(
        session(finalizer=False),
        replace(nothing_observed(), failures={Area.SESSION: Unavailable("x", System.GUACAMOLE)}),
    ).empty


def test_a_malformed_session_is_not_acted_upon() -> None:
    assert plan(session({"display": {"width": 0}}), nothing_observed()).empty
    assert plan(session({"display": {"width": 0}}, finalizer=False), nothing_observed()).empty


def test_deletion_stops_the_pod_then_clears_guacamole_before_the_session_goes() -> None:
    of = session(ALICE | {"viewers": ["vera"]}, deleting=True)
    of = replace(of, status=parse_status({"connection": {"identifier": "17"}}))
    seen = everything_observed(of)
    assert seen.pod is not None
    assert plan(of, seen).stages == (
        (steps.DeleteObject(of.desktop.ref("Pod"), seen.pod["metadata"]["uid"], UNSEEN_GRACE_SECONDS),),
        removal(of),
        (steps.ReleaseUser("vera"), steps.ReleaseUser("alice")),
        (steps.RemoveFinalizer(),),
    )
    assert removed(of, removal(of)) == [(of.desktop.name, "17"), (f"{of.desktop.name}-view", "")]


def test_a_desktop_in_which_somebody_may_have_worked_ends_in_its_own_time() -> None:
    of = session(ALICE, deleting=True)
    of = replace(of, status=parse_status({"readyAt": "2026-03-02T09:00:05Z"}))
    (stop,), *_ = plan(of, everything_observed(of)).stages
    assert isinstance(stop, steps.DeleteObject)
    assert stop.grace_seconds is None


def removal(of: Session) -> tuple[Step, ...]:
    access = session_access(of)
    return (
        steps.RemoveConnection(of.desktop.name, access),
        steps.RemoveConnection(f"{of.desktop.name}-view", access),
    )


def removed(of: Session, removals: Sequence[Step]) -> list[tuple[str, str]]:
    """The names that are removed, each with the identifier that it was reported by."""
    found = []
    for step in removals:
        assert isinstance(step, steps.RemoveConnection)
        assert step.access.hostname == f"{of.desktop.name}.art.svc"
        found.append((step.name, step.access.identifier_of(step.name)))
    return found


def test_deletion_before_anything_was_made_clears_guacamole_too() -> None:
    of = session(deleting=True)
    stages = plan(of, nothing_observed()).stages
    assert stages[0] == removal(of)
    assert removed(of, stages[0]) == [(of.desktop.name, ""), (f"{of.desktop.name}-view", "")]
    assert stages[-1] == (steps.RemoveFinalizer(),)


def test_a_deletion_that_failed_keeps_the_finalizer() -> None:
    of = session(deleting=True)
    assert plan(of, replace(nothing_observed(), failures={Area.ACCESS: Unavailable("away", System.GUACAMOLE)})).empty


def test_a_session_in_deletion_without_our_finalizer_is_left_alone() -> None:
    assert plan(session(deleting=True, finalizer=False), nothing_observed()).empty


def test_a_malformed_session_can_be_deleted() -> None:
    of = session({"display": {"width": 0}}, deleting=True)
    assert not plan(of, nothing_observed()).empty


def recorded_access(step: Step) -> str:
    assert isinstance(step, steps.AnnotateObject)
    return str(step.manifest["metadata"]["annotations"]["blendersessions.io/granted"])


def test_access_is_recorded_before_it_is_granted_and_until_it_is_revoked() -> None:
    former, of = session(ALICE), session({"owner": "bob"})
    observed = replace(everything_observed(of), secret=everything_observed(former).secret)
    [[first]] = plan(of, observed).stages
    assert recorded_access(first) == "alice,bob"
    assert observed.secret is not None
    observed.secret["metadata"]["annotations"]["blendersessions.io/granted"] = "alice,bob"
    revoke, release, record = plan(of, observed).stages
    assert revoke == (steps.Revoke("alice", of.desktop.name),)
    assert release == (steps.ReleaseUser("alice"),)
    assert recorded_access(record[0]) == "bob"


def test_a_viewer_gets_a_read_only_connection() -> None:
    of = session(ALICE | {"viewers": ["vera"]})
    assert plan(of, everything_observed(of)).empty
    observed = replace(everything_observed(of), access=without_connections(granted_access(of)))
    made = [step.spec for step in next_steps(of, observed) if isinstance(step, steps.CreateConnection)]
    assert [(spec.key, spec.parameters.get("read-only")) for spec in made] == [
        (of.desktop.name, None),
        (of.desktop.name + "-view", "true"),
    ]
    observed = replace(observed, access=replace(granted_access(of), grants=frozenset()))
    assert next_steps(of, observed) == [
        steps.Grant("vera", of.desktop.name + "-view", Area.VIEWERS),
        steps.Grant("alice", of.desktop.name),
    ]


def test_a_removed_viewer_is_revoked_and_the_last_one_removes_the_view_connection() -> None:
    before, of = session(ALICE | {"viewers": ["vera"]}), session(ALICE)
    observed = replace(everything_observed(before))
    revoke, release, record = plan(of, observed).stages
    view = of.desktop.name + "-view"
    assert revoke == (steps.Revoke("vera", of.desktop.name), steps.Revoke("vera", view))
    assert release == (steps.ReleaseUser("vera"),)
    assert recorded_access(record[0]) == "alice"
    shut_out = replace(observed.access, grants=granted_access(of).grants)
    observed = replace(observed, secret=everything_observed(of).secret, access=shut_out)
    assert removed(of, next_steps(of, observed)) == [(view, "")]


def test_an_owner_who_becomes_a_viewer_loses_the_owners_connection() -> None:
    before, of = session(ALICE), session({"owner": "bob", "viewers": ["alice"]})
    observed = replace(everything_observed(of))
    assert observed.secret is not None
    observed = replace(
        observed, access=replace(observed.access, grants=observed.access.grants | {("alice", of.desktop.name)})
    )
    revoke, release, record = plan(of, observed).stages
    assert revoke == (steps.Revoke("alice", of.desktop.name),)
    assert release == record == ()
    assert before.desktop.name == of.desktop.name


def test_a_viewer_who_is_taken_is_refused_and_the_owner_still_gets_access() -> None:
    of = session(ALICE | {"viewers": ["vera"]})
    access = with_user(granted_access(of), UserRecord("vera", exists=True, made_for="music"), granted=False)
    observed = replace(everything_observed(of), access=access)
    assert plan(of, observed).empty
    assert next_question(of, observed) is Question.OWNERSHIP
    assert doubtful_users(of, observed) == {"vera": Area.VIEWERS}
    taken = OwnerTaken("vera is taken", System.GUACAMOLE)
    failed = replace(everything_observed(of), access=access, failures={Area.VIEWERS: taken})
    assert plan(of, failed).empty
    assert next_question(of, failed) is None, "she is looked up once in a run"
    stated = {entry["type"]: entry for entry in status(of, failed).to_manifest()["conditions"]}
    assert (stated["Ready"]["status"], stated["Stalled"]["status"]) == ("True", "False")
    assert stated["ConnectionReady"]["reason"] == "ViewerRefused"
    assert "vera is taken" in stated["ConnectionReady"]["message"]


def test_a_connection_renamed_or_moved_by_hand_is_restored() -> None:
    of, observed = session(), everything_observed(session())
    for change in ({"name": "mine"}, {"in_group": False}):
        record = replace(observed.access.connections[of.desktop.name], **change)  # type: ignore[arg-type]
        access = replace(observed.access, connections={of.desktop.name: record})
        [step] = next_steps(of, replace(observed, access=access))
        assert isinstance(step, steps.UpdateConnection)
        assert (step.identifier, step.spec.key) == ("17", of.desktop.name)


def test_a_connection_that_leads_elsewhere_is_refused_unless_it_was_reported() -> None:
    of, observed = session(), everything_observed(session())
    record = observed.access.connections[of.desktop.name]
    record = replace(record, parameters={"hostname": "elsewhere"})
    observed = replace(observed, access=replace(observed.access, connections={of.desktop.name: record}))
    assert plan(of, observed).empty
    assert next_question(of, observed) is Question.OWNERSHIP
    assert doubtful_connections(of, observed) == [of.desktop.name]
    nobody = replace(observed, access=replace(observed.access, grants=frozenset()))
    assert plan(of, nobody).empty, "what may be somebody else's is not granted"
    edited = replace(of, status=parse_status({"connection": {"identifier": "17"}}))
    [step] = next_steps(edited, observed)
    assert isinstance(step, steps.UpdateConnection)
    assert doubtful_connections(edited, observed) == []


@pytest.mark.parametrize("fingerprint", ["", "0123456789abcdef"])
def test_a_user_from_a_backup_or_an_older_version_gets_the_password_of_the_secret(fingerprint: str) -> None:
    of = session(ALICE)
    user = UserRecord("alice", exists=True, made_for="art", fingerprint=fingerprint)
    access = with_user(granted_access(of), user)
    [step] = next_steps(of, replace(everything_observed(of), access=access))
    assert isinstance(step, steps.SetPassword)
    assert (step.user.username, step.user.password, step.user.namespace) == ("alice", USER_PASSWORD, "art")
    assert USER_PASSWORD not in repr(step)
    known = with_user(access, replace(user, fingerprint=step.user.fingerprint))
    assert plan(of, replace(everything_observed(of), access=known)).empty


def test_a_secret_from_a_backup_has_its_password_set_in_guacamole() -> None:
    of = session(ALICE)
    observed = everything_observed(of)
    again = stored(user_secret(of, "alice", USER_PASSWORD), "the UID of the restored object")
    [step] = next_steps(of, replace(observed, user_secrets={"alice": again}))
    assert isinstance(step, steps.SetPassword)


def test_a_stored_object_equals_what_was_built() -> None:
    observed = everything_observed(session())
    assert observed.service is not None
    assert stored(observed.service)["spec"] == observed.service["spec"]
