"""What is done next, told by what was observed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.access import AccessView, UserRecord
from blendersessions.model.errors import NameTaken, Unavailable
from blendersessions.planning import steps
from blendersessions.planning.plan import plan
from blendersessions.planning.steps import Part
from blendersessions.resources.connection import connection
from blendersessions.resources.secret import encode
from unit.operator.worlds import (
    CREDENTIALS,
    OTHER_UID,
    empty_world,
    finished_world,
    running_pod,
    session,
    stored,
)

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions.planning.observed import Observed
    from blendersessions.planning.steps import Step

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
    assert kinds(session(finalizer=False), empty_world()) == ["AddFinalizer"]


def test_then_the_secret_and_the_service() -> None:
    assert kinds(session(), empty_world()) == ["CreateObject Secret", "CreateObject Service"]


def test_then_pod_and_guacamole_side_by_side() -> None:
    world = replace(finished_world(session()), pod=None, access=AccessView(), user_secret=None)
    assert kinds(session(), world) == ["CreateObject Pod", "InspectAccess"]


def test_the_users_secret_is_made_before_the_user() -> None:
    of = session(ALICE)
    nobody = AccessView(inspected=True, user=UserRecord("alice", exists=False))
    world = replace(finished_world(of), access=nobody, user_secret=None)
    assert kinds(of, world) == ["CreateObject Secret", "CreateConnection"]
    found = kinds(of, replace(finished_world(of), access=nobody))
    assert found == ["CreateUser", "CreateConnection"]


def test_a_user_is_made_with_the_password_that_the_secret_holds() -> None:
    of = session(ALICE)
    world = replace(finished_world(of), access=AccessView(inspected=True, user=UserRecord("alice", exists=False)))
    [made] = [step for step in next_steps(of, world) if isinstance(step, steps.CreateUser)]
    assert (made.username, made.password) == ("alice", CREDENTIALS.user_password)
    assert CREDENTIALS.user_password not in repr(made)


def test_an_administrators_user_gets_no_secret_and_is_only_granted_to() -> None:
    of = session(ALICE)
    access = replace(finished_world(of).access, user=UserRecord("alice", exists=True), granted=False)
    world = replace(finished_world(of), user_secret=None, access=access)
    assert next_steps(of, world) == [steps.Grant("alice", "17")]


def test_a_user_of_ours_whose_secret_is_lost_is_made_again() -> None:
    of = session(ALICE)
    world = replace(finished_world(of), user_secret=None)
    assert next_steps(of, world) == [steps.RemoveUser("alice")]


@pytest.mark.parametrize("made_for", ["music", "/Made by blender-sessions (another/art)"])
@pytest.mark.parametrize("with_secret", [False, True])
def test_an_owner_made_for_others_is_refused_whatever_secret_there_is(made_for: str, *, with_secret: bool) -> None:
    of = session(ALICE)
    world = finished_world(of)
    access = replace(world.access, user=UserRecord("alice", exists=True, made_for=made_for))
    world = replace(world, access=access, user_secret=world.user_secret if with_secret else None)
    assert next_steps(of, world) == [steps.Revoke("alice", "17")]
    world = replace(world, access=replace(access, granted=False))
    assert next_steps(of, world) == [steps.RefuseOwner("alice")]
    world = replace(world, access=replace(access, connection=None, granted=False))
    assert next_steps(of, world) == [steps.RefuseOwner("alice")]


def test_a_secret_for_an_administrators_user_is_left_alone() -> None:
    of = session(ALICE)
    world = finished_world(of)
    assert world.user_secret is not None
    world.user_secret["metadata"]["ownerReferences"] = []
    access = replace(world.access, user=UserRecord("alice", exists=True), granted=False)
    assert next_steps(of, replace(world, access=access)) == [steps.Grant("alice", "17")]


def test_a_second_session_of_an_owner_becomes_an_owner_of_the_secret() -> None:
    of = session(ALICE)
    world = finished_world(of)
    assert world.user_secret is not None
    world.user_secret["metadata"]["ownerReferences"][0]["uid"] = OTHER_UID
    assert [type(step) for step in next_steps(of, world)] == [steps.AddOwner]


def test_when_all_is_done_nothing_is() -> None:
    assert plan(session(), finished_world(session())).empty
    assert plan(session(ALICE), finished_world(session(ALICE))).empty


@pytest.mark.parametrize("child", ["pod", "service", "secret"])
def test_a_deleted_child_is_made_again(child: str) -> None:
    gone: dict[str, Any] = {child: None}
    made = kinds(session(), replace(finished_world(session()), **gone))
    assert made[0] == f"CreateObject {child.capitalize()}"


@pytest.mark.parametrize("child", ["pod", "service", "secret"])
def test_labels_changed_by_hand_are_put_right_on_that_very_object(child: str) -> None:
    world = finished_world(session())
    found = getattr(world, child)
    found["metadata"]["labels"]["blendersessions.io/session-uid"] = "other"
    [step] = next_steps(session(), world)
    assert isinstance(step, steps.ApplyObject)
    assert step.manifest["metadata"]["uid"] == found["metadata"]["uid"]


def test_what_others_added_is_left_alone() -> None:
    world = finished_world(session())
    assert world.pod is not None
    assert world.service is not None
    world.pod["metadata"]["labels"]["team"] = "props"
    world.service["metadata"]["ownerReferences"].append({"uid": OTHER_UID})
    world.service["spec"] |= {"clusterIP": "10.0.0.7", "ports": [{**world.service["spec"]["ports"][0], "nodePort": 1}]}
    assert plan(session(), world).empty


def test_a_missing_value_of_the_secret_is_filled_in_and_the_other_kept() -> None:
    world = finished_world(session())
    assert world.secret is not None
    del world.secret["data"]["agent-token"]
    world.secret["data"]["vnc-password"] = encode("original")
    wanted = connection(session(), "original")
    record = replace(world.access.connection, parameters=wanted.parameters)  # type: ignore[type-var]
    [step] = next_steps(session(), replace(world, access=replace(world.access, connection=record)))
    assert isinstance(step, steps.ApplyObject)
    assert step.manifest["data"] == {
        "vnc-password": encode("original"),
        "agent-token": encode(CREDENTIALS.agent_token),
    }


@pytest.mark.parametrize("child", ["pod", "service", "secret"])
def test_a_foreign_object_of_the_name_is_neither_changed_nor_deleted(child: str) -> None:
    world = finished_world(session())
    found = getattr(world, child)
    found["metadata"]["ownerReferences"] = []
    found["metadata"]["labels"] = {}
    assert plan(session(), world).empty


def test_an_evicted_pod_is_deleted_so_that_another_can_be_made() -> None:
    pod = running_pod(session())
    pod["status"]["phase"] = "Failed"
    [step] = next_steps(session(), replace(finished_world(session()), pod=pod))
    assert isinstance(step, steps.DeleteObject)
    assert (step.ref.kind, step.uid) == ("Pod", "pod-uid")


def test_a_pod_that_is_ending_is_waited_for() -> None:
    pod = running_pod(session())
    pod["metadata"]["deletionTimestamp"] = "2026-11-24T06:00:00Z"
    assert plan(session(), replace(finished_world(session()), pod=pod)).empty


def test_a_corrected_scene_name_restarts_only_a_desktop_that_has_no_scene() -> None:
    wrong, right = session({"scene": {"sample": "nope.blend"}}), session({"scene": {"sample": "cart.blend"}})
    pod = running_pod(wrong, ready=False)
    assert plan(right, replace(finished_world(right), pod=pod)).empty
    message = '{"reason": "SceneNotFound", "message": "There are: cart.blend"}'
    ended = {"terminated": {"exitCode": 64, "message": message}}
    pod["status"]["containerStatuses"][0] = {"name": "blender", "state": {}, "lastState": ended}
    assert plan(wrong, replace(finished_world(wrong), pod=pod)).empty
    [step] = next_steps(right, replace(finished_world(right), pod=pod))
    assert isinstance(step, steps.DeleteObject)


def test_changed_limits_update_the_connection() -> None:
    of = session({"connections": {"max": 3}})
    world = replace(finished_world(of), access=finished_world(session()).access)
    user = replace(world.access, user=UserRecord(of.username, exists=True, made_for="art"))
    [step] = next_steps(of, replace(world, access=user))
    assert isinstance(step, steps.UpdateConnection)
    assert step.spec.attributes["max-connections"] == "3"


def test_a_connection_deleted_in_guacamole_is_made_again() -> None:
    world = finished_world(session())
    gone = replace(world.access, connection=None, granted=False)
    assert kinds(session(), replace(world, access=gone)) == ["CreateConnection"]


def test_guacamole_away_does_not_keep_the_desktop_from_starting() -> None:
    world = replace(
        finished_world(session()), pod=None, access=AccessView(), failures={Part.ACCESS: Unavailable("away")}
    )
    assert kinds(session(), world) == ["CreateObject Pod"]


def test_a_part_that_failed_is_not_tried_again_in_the_same_run() -> None:
    failures = {Part.ACCESS: Unavailable("away"), Part.DESKTOP: NameTaken("taken")}
    assert plan(session(), replace(empty_world(), failures=failures)).empty
    assert plan(session(finalizer=False), replace(empty_world(), failures={Part.SESSION: Unavailable("x")})).empty


def test_a_malformed_session_is_not_acted_upon() -> None:
    assert plan(session({"display": {"width": 0}}), empty_world()).empty
    assert plan(session({"display": {"width": 0}}, finalizer=False), empty_world()).empty


def test_deletion_clears_guacamole_before_the_session_goes() -> None:
    of = session(ALICE, deleting=True)
    of = replace(of, status={"connection": {"identifier": "17"}})
    assert plan(of, finished_world(of)).stages == (
        (steps.RemoveConnection(of.desktop_name, "17"),),
        (steps.ReleaseUser("alice"),),
        (steps.RemoveFinalizer(),),
    )


def test_deletion_before_anything_was_made_clears_all_the_same() -> None:
    of = session(deleting=True)
    stages = plan(of, empty_world()).stages
    assert stages[0] == (steps.RemoveConnection(of.desktop_name, ""),)
    assert stages[-1] == (steps.RemoveFinalizer(),)


def test_a_deletion_that_failed_keeps_the_finalizer() -> None:
    of = session(deleting=True)
    assert plan(of, replace(empty_world(), failures={Part.ACCESS: Unavailable("away")})).empty


def test_a_session_in_deletion_without_our_finalizer_is_left_alone() -> None:
    assert plan(session(deleting=True, finalizer=False), empty_world()).empty


def test_a_malformed_session_can_be_deleted() -> None:
    of = session({"display": {"width": 0}}, deleting=True)
    assert not plan(of, empty_world()).empty


def test_a_former_owner_is_shut_out_and_the_note_of_it_goes_last() -> None:
    former, of = session(ALICE), session({"owner": "bob"})
    world = replace(finished_world(of), secret=finished_world(former).secret)
    revoke, release, note = plan(of, world).stages
    assert revoke == (steps.Revoke("alice", "17"),)
    assert release == (steps.ReleaseUser("alice"),)
    [step] = note
    assert isinstance(step, steps.AnnotateObject)
    assert step.manifest["metadata"]["annotations"] == {"blendersessions.io/username": "bob"}


def test_a_stored_object_equals_what_was_built() -> None:
    world = finished_world(session())
    assert world.service is not None
    assert stored(world.service)["spec"] == world.service["spec"]
