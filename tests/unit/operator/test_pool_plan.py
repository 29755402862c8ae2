"""The pool's planner: what is made, what is removed, and when it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendersessions.model.access import AccessView, ConnectionRecord
from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.pool import CLAIM_PAUSE, REFILL_PAUSE, plan_pool, requeue_pool_after
from blendersessions_operator.planning.pool_observed import MemberState, PoolMember, state_of
from blendersessions_operator.planning.pool_removals import FAILED_BACKOFF, max_surge
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import CONFINING, NOW
from unit.operator.pools import (
    ENDED,
    POOL,
    PoolWorld,
    class_of,
    complete,
    full,
    of_kind,
    reported,
    waiting_pod,
    wants,
    world,
)


def test_an_empty_pool_grows_a_few_at_a_time_to_its_size() -> None:
    made = world({"size": 30})
    assert len(of_kind(made.observe(), pool_steps.MakeDesktop)) == max_surge(30) == 6
    made.work()
    assert of_kind(made.observe(), pool_steps.MakeDesktop) == [], "these are still being started"
    made.settle()
    assert len(made.members) == 30
    assert all(state_of(member, made.observe()) is MemberState.READY for member in made.members.values())


def test_a_full_pool_has_nothing_to_do_until_it_is_old() -> None:
    made = full()
    assert plan_pool(made.observe()).steps == ()
    assert requeue_pool_after(made.observe()) == timedelta(hours=24)


@pytest.mark.parametrize("why", ["claims_waiting", "wanting", "refused_until"])
def test_nothing_is_made_while_sessions_wait_or_the_server_refuses(why: str) -> None:
    made = world()
    setattr(made, why, {"claims_waiting": True, "wanting": [wants()], "refused_until": NOW + FAILED_BACKOFF}[why])
    assert plan_pool(made.observe()).steps == ()


def test_a_desktop_is_tried_again_when_the_time_of_a_refusal_is_over() -> None:
    made = world()
    made.quota = 0
    made.work()
    assert plan_pool(made.observe()).steps == ()
    after = requeue_pool_after(made.observe())
    assert after is not None
    made.now += after
    made.quota = 9
    made.settle()
    assert len(made.members) == 3


def test_nothing_is_made_after_a_failure_of_this_run() -> None:
    refused = Unauthorised("exceeded quota", System.KUBERNETES)
    assert plan_pool(replace(world().observe(), failures={Area.DESKTOP: refused})).steps == ()


def test_no_desktop_is_made_before_the_policies_that_confine_it() -> None:
    observed = replace(world().observe(), installation=CONFINING)
    assert {type(step) for step in plan_pool(observed).steps} == {steps.ApplyPolicy}
    refused = Unauthorised("no rights", System.KUBERNETES)
    assert plan_pool(replace(observed, failures={Area.NETWORK: refused})).steps == ()


def test_a_desktop_gets_its_secret_and_service_then_its_connection() -> None:
    of = class_of(POOL)
    bare = PoolMember(waiting_pod(of, "blender-a"), access=AccessView(True))
    observed = replace(PoolWorld(of).observe(), members=(bare,))
    assert {type(step) for step in plan_pool(observed).steps} >= {pool_steps.MakeSecret, pool_steps.MakeService}
    whole = complete(bare.pod)
    observed = replace(observed, members=(replace(whole, access=AccessView(True)),))
    (created,) = of_kind(observed, steps.CreateConnection)
    assert isinstance(created, steps.CreateConnection)
    assert created.spec.key == "blender-a" or created.spec.name.startswith("art/pool default")
    unknown = replace(observed, members=(replace(whole, access=AccessView()),))
    assert of_kind(unknown, steps.CreateConnection) == [], "Guacamole was not asked"


def test_a_secret_of_another_pod_of_that_name_gives_no_password() -> None:
    of = class_of(POOL)
    whole = complete(waiting_pod(of, "blender-a"))
    former = replace(whole, pod=whole.pod | {"metadata": whole.pod["metadata"] | {"uid": "younger"}})
    assert not former.has_secret
    assert not former.is_complete


def test_whoever_was_let_in_before_a_claim_is_turned_out() -> None:
    of = class_of(POOL)
    whole = complete(reported(waiting_pod(of, "blender-a")))
    opened = replace(whole, access=replace(whole.access, grants=frozenset({("eve", "blender-a")})))
    observed = replace(PoolWorld(of).observe(), members=(opened,))
    assert of_kind(observed, steps.Revoke) == [steps.Revoke("eve", "blender-a")]
    assert state_of(opened, observed) is MemberState.UNFIT, "and what was done in it goes to nobody"
    assert len(of_kind(observed, pool_steps.RemoveDesktop)) == 1


def test_a_desktop_that_somebody_has_opened_is_removed() -> None:
    of = class_of(POOL)
    opened = replace(complete(reported(waiting_pod(of, "blender-a"))), opened=True)
    observed = replace(PoolWorld(of).observe(), members=(opened,))
    assert len(of_kind(observed, pool_steps.RemoveDesktop)) == 1


@pytest.mark.parametrize("of", [None, class_of(None), class_of({"size": 0})])
def test_without_a_pool_all_desktops_go_and_leave_nothing_in_guacamole(of: object) -> None:
    made = full()
    made.session_class = of  # type: ignore[assignment]
    made.settle()
    assert made.members == {}
    assert made.connections == set(), "nothing is left over"


def test_a_class_that_cannot_be_read_keeps_its_pool() -> None:
    made = full()
    made.session_class = class_of({"size": 3, "maxSize": 2})
    assert made.session_class.spec_error
    assert plan_pool(made.observe()).steps == ()


def test_policies_are_repaired_also_when_a_pool_is_full() -> None:
    observed = replace(full().observe(), installation=CONFINING)
    assert {type(step) for step in plan_pool(observed).steps} == {steps.ApplyPolicy}
    refused = Unauthorised("no rights", System.KUBERNETES)
    assert plan_pool(replace(observed, failures={Area.NETWORK: refused})).steps == ()


ELSEWHERE = ConnectionRecord("7", "blender-a", "vnc", {}, {"hostname": "elsewhere"})


def test_a_desktop_whose_connection_somebody_led_elsewhere_is_removed_and_the_connection_left_alone() -> None:
    of = class_of(POOL)
    view = AccessView(inspected=True, connections={"blender-a": ELSEWHERE})
    member = replace(complete(reported(waiting_pod(of, "blender-a"))), access=view)
    observed = replace(PoolWorld(of).observe(), members=(member,), departed={"blender-a": view})
    assert state_of(member, observed) is MemberState.UNFIT
    assert of_kind(observed, steps.RemoveConnection) == []
    going = member.pod | {"metadata": member.pod["metadata"] | {"deletionTimestamp": NOW.isoformat()}}
    leaving = replace(observed, members=(replace(member, pod=going),), departed={})
    assert of_kind(leaving, steps.RemoveConnection) == []


def test_a_pool_that_has_others_left_waits_a_moment_after_a_claim() -> None:
    made = full({"size": 4})
    observed = replace(made.observe(), members=made.observe().members[1:], claims=1, last_claim=NOW)
    assert of_kind(observed, pool_steps.MakeDesktop) == []
    assert requeue_pool_after(observed) == REFILL_PAUSE
    assert of_kind(replace(observed, now=NOW + REFILL_PAUSE), pool_steps.MakeDesktop) != []
    assert of_kind(replace(observed, now=NOW - REFILL_PAUSE), pool_steps.MakeDesktop) != [], "the clock was set back"
    assert of_kind(replace(observed, members=()), pool_steps.MakeDesktop) != [], "the next person would wait"
    few = replace(observed, members=observed.members[2:])
    assert of_kind(few, pool_steps.MakeDesktop) != [], "it would soon be empty"


def test_a_pool_is_never_looked_at_again_at_once() -> None:
    made = full()
    made.now += timedelta(hours=24) - timedelta(milliseconds=1)
    assert requeue_pool_after(made.observe()) == CLAIM_PAUSE


def test_a_removal_that_fails_is_tried_again_by_the_queue() -> None:
    made = full({"size": 1})
    name = min(made.members)
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed"))
    away = Unavailable("no answer", System.KUBERNETES)
    assert requeue_pool_after(replace(made.observe(), failures={Area.DESKTOP: away})) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({}, MemberState.READY),
        ({"ready": False}, MemberState.STARTING),
        ({"containerStatuses": [ENDED]}, MemberState.FAILED),
        ({"ready": False, "phase": "Failed"}, MemberState.FAILED),
    ],
)
def test_only_a_whole_desktop_whose_blender_never_ended_can_be_taken(
    status: dict[str, object], state: MemberState
) -> None:
    of = class_of(POOL)
    member = complete(reported(waiting_pod(of, "blender-a"), **status))  # type: ignore[arg-type]
    assert state_of(member, PoolWorld(of).observe()) is state


def test_what_a_desktop_that_is_being_deleted_has_in_guacamole_goes() -> None:
    made = full({"size": 1})
    (name,) = made.members
    record = ConnectionRecord("7", name, "vnc", {}, {"hostname": f"{name}.art.svc"})
    pod = made.members[name].pod
    going = pod | {"metadata": pod["metadata"] | {"deletionTimestamp": NOW.isoformat()}}
    member = replace(made.members[name], pod=going, access=AccessView(True, connections={name: record}))
    observed = replace(made.observe(), members=(member,))
    (removed,) = of_kind(observed, steps.RemoveConnection)
    assert isinstance(removed, steps.RemoveConnection)
    assert (removed.name, removed.access.usernames) == (name, ())


def test_a_guacamole_that_is_away_stops_no_desktop_from_being_made() -> None:
    away = Unavailable("no answer", System.GUACAMOLE)
    observed = replace(world().observe(), failures={Area.ACCESS: away})
    assert len(of_kind(observed, pool_steps.MakeDesktop)) == 2


@given(size=st.integers(0, 40), most=st.integers(0, 1000), count=st.integers(0, 60), wait=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_plan_never_makes_more_than_the_class_allows(size: int, most: int, count: int, wait: bool) -> None:
    pool = {"size": min(size, most), "maxSize": most}
    of = class_of(pool)
    members = tuple(complete(reported(waiting_pod(of, f"blender-{number}"))) for number in range(count))
    observed = replace(PoolWorld(of, claims_waiting=wait).observe(), members=members)
    planned = plan_pool(observed)
    assert planned == plan_pool(observed), "the same input gives the same plan"
    made = len([step for step in planned.steps if isinstance(step, pool_steps.MakeDesktop)])
    removed = len([step for step in planned.steps if isinstance(step, pool_steps.RemoveDesktop)])
    assert count + made - removed <= max(most, 0)
    assert made == 0 or count + made <= pool["size"]
