"""The pool's planner: what is made, what is removed, and when it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from blendersessions.model.access import AccessView, ConnectionRecord
from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions_operator.planning import pool_steps, steps
from blendersessions_operator.planning.pool import CLAIM_PAUSE, REFILL_PAUSE, plan_pool, requeue_pool_after
from blendersessions_operator.planning.pool_observed import MemberState, PoolMember, PoolObserved, state_of
from blendersessions_operator.planning.pool_removals import FAILED_BACKOFF, max_surge
from blendersessions_operator.planning.pool_status import PoolReason, pool_status
from blendersessions_operator.planning.room import HELD_TIME, RoomWanted
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import CONFINING, NOW
from unit.operator.pools import PoolWorld, class_of, complete, reported, waiting_pod

POOL = {"size": 3, "scene": "shopping_cart.blend"}
ENDED = {"name": "blender", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}


def world(pool: dict[str, object] | None = None, **spec: object) -> PoolWorld:
    return PoolWorld(class_of(POOL if pool is None else pool, **spec))


def full(pool: dict[str, object] | None = None) -> PoolWorld:
    made = world(pool)
    made.settle()
    return made


def wants(uid: str = "large", *, by_quota: bool = False) -> RoomWanted:
    return RoomWanted(uid, "art", "default", NOW, by_quota)


def of_kind(observed: PoolObserved, kind: type) -> list[pool_steps.PoolStep]:
    return [step for step in plan_pool(observed).steps if isinstance(step, kind)]


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


def test_another_image_removes_all_at_once_and_makes_new_ones_at_the_usual_pace() -> None:
    made = full({"size": 10})
    made.session_class = class_of({"size": 10}, image="blender:next")
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 10
    made.settle()
    assert len(made.members) == 10
    assert made.made == 20


def test_another_limit_of_sessions_removes_nothing() -> None:
    made = full()
    made.session_class = class_of(POOL, limits={"sessions": 2})
    assert plan_pool(made.observe()).steps == ()


def test_old_desktops_are_replaced_a_few_at_a_time_and_can_be_taken_until_then() -> None:
    made = full({"size": 20})
    made.now += timedelta(hours=25)
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == max_surge(20)
    states = {state_of(member, made.observe()) for member in made.members.values()}
    assert states == {MemberState.EXPIRED}
    made.settle()
    assert len(made.members) == 20
    assert made.made == 40


def test_a_smaller_pool_loses_first_what_no_session_could_take() -> None:
    made = full()
    made.session_class = class_of(POOL | {"size": 4})
    made.work()
    made.session_class = class_of(POOL)
    (removed,) = of_kind(made.observe(), pool_steps.RemoveDesktop)
    assert isinstance(removed, pool_steps.RemoveDesktop)
    assert state_of(made.members[removed.ref.name], made.observe()) is MemberState.STARTING


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


def test_desktops_make_room_for_sessions_that_start_cold() -> None:
    made = full()
    made.wanting = [wants("one"), wants("other")]
    removed = [step for step in plan_pool(made.observe()).steps if isinstance(step, pool_steps.RemoveDesktop)]
    assert {step.makes_room_for for step in removed} == {"one", "other"}
    assert of_kind(made.observe(), pool_steps.MakeDesktop) == []
    made.settle()
    assert len(made.members) == 1, "one for each session, once"


@pytest.mark.parametrize(("by_quota", "left"), [(False, 2), (True, 4)])
def test_a_desktop_that_is_on_no_node_makes_no_room_there(by_quota: bool, left: int) -> None:
    made = full({"size": 3})
    made.session_class = class_of({"size": 5})
    made.work()
    assert len(made.members) == 5
    made.wanting = [wants(by_quota=by_quota)]
    removed = [step for step in plan_pool(made.observe()).steps if isinstance(step, pool_steps.RemoveDesktop)]
    (served,) = [step.ref.name for step in removed if step.makes_room_for]
    ready = state_of(made.members[served], made.observe()) is MemberState.READY
    assert ready is not by_quota, "any pod counts for a quota"
    made.work()
    leaving = {name for name, each in made.members.items() if "deletionTimestamp" in each.pod["metadata"]}
    assert len(made.members) - len(leaving) == left, "no pod waits for the place that comes free"


def test_a_desktop_that_has_waited_for_a_node_for_too_long_gives_way_too() -> None:
    made = full({"size": 3})
    made.session_class = class_of({"size": 5})
    made.work()
    made.now += timedelta(minutes=11)
    made.wanting = [replace(wants(), since=made.now)]
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 3, "two that are on no node, and one that is"


def test_a_pool_grows_again_when_a_session_has_found_no_room_for_long() -> None:
    made = full()
    made.wanting = [wants()]
    made.settle()
    assert len(made.members) == 2
    assert requeue_pool_after(made.observe()) == HELD_TIME
    made.now += HELD_TIME
    made.settle()
    assert len(made.members) == 3


def test_a_desktop_that_goes_for_another_reason_serves_no_session() -> None:
    made = full({"size": 1})
    (name,) = made.members
    pod = made.members[name].pod
    drained = pod["status"]["conditions"] + [{"type": "DisruptionTarget", "status": "True"}]
    made.touch(name, pod | {"status": pod["status"] | {"conditions": drained}})
    made.wanting = [wants()]
    (removed,) = of_kind(made.observe(), pool_steps.RemoveDesktop)
    assert isinstance(removed, pool_steps.RemoveDesktop)
    assert removed.makes_room_for == ""


def test_an_image_that_never_starts_does_not_spin() -> None:
    made = world({"size": 5})
    for _ in range(12 * 60):
        made.work()
        made.kubelet(ready=False)
        made.now += timedelta(minutes=1)
    # Each place is tried again once in the start deadline of ten minutes and the five that follow it.
    assert made.made <= 5 * 12 * 4
    assert len(made.members) <= 5


def test_a_desktop_that_is_late_is_told_and_keeps_its_place_for_a_while() -> None:
    made = world({"size": 1})
    for _ in range(4):
        made.work()
        made.kubelet(ready=False)
    made.now += timedelta(minutes=10)
    assert pool_status(made.observe()).reason == PoolReason.FAILING  # type: ignore[union-attr]
    assert of_kind(made.observe(), pool_steps.RemoveDesktop) == []
    assert requeue_pool_after(made.observe()) == FAILED_BACKOFF
    made.now += FAILED_BACKOFF
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_blender_that_ends_after_a_while_is_not_replaced_at_once() -> None:
    made = full({"size": 1})
    made.now += timedelta(hours=1)
    (name,) = made.members
    ended = {"terminated": {"exitCode": 1, "finishedAt": made.now.isoformat()}}
    blender = {"name": "blender", "state": {"running": {}}, "lastState": ended}
    made.touch(name, reported(made.members[name].pod, containerStatuses=[blender]))
    assert of_kind(made.observe(), pool_steps.RemoveDesktop) == []
    assert requeue_pool_after(made.observe()) == FAILED_BACKOFF
    made.now += FAILED_BACKOFF
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_container_that_fails_again_and_again_has_failed_since_it_was_ready() -> None:
    made = full({"size": 1})
    (name,) = made.members
    made.now += timedelta(hours=2)
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": (made.now - FAILED_BACKOFF).isoformat()}
    ended = {"exitCode": 1, "startedAt": made.now.isoformat(), "finishedAt": made.now.isoformat()}
    loop = {"name": "blender", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    made.touch(name, reported(made.members[name].pod, containerStatuses=[loop], conditions=[unready]))
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_desktop_that_waits_for_its_image_is_told() -> None:
    made = world({"size": 1})
    made.work()
    (name,) = made.members
    waits = {"name": "blender", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Pending", containerStatuses=[waits]))
    told = pool_status(made.observe())
    assert told is not None
    assert told.reason == PoolReason.FILLING
    assert "ErrImagePull" in told.message
    assert "no such image" in told.message


def test_a_failed_desktop_does_not_outlive_the_mend_of_its_class() -> None:
    made = full({"size": 4})
    for name in sorted(made.members)[:2]:
        made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed"))
    made.session_class = class_of({"size": 4}, image="blender:mended")
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 4
    made.settle()
    assert len(made.members) == 4


def test_one_end_in_a_large_pool_does_not_slow_it() -> None:
    made = full({"size": 20})
    name = min(made.members)
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed"))
    made.session_class = class_of({"size": 30})
    assert len(of_kind(made.observe(), pool_steps.MakeDesktop)) == max_surge(30)


def test_policies_are_repaired_also_when_a_pool_is_full() -> None:
    observed = replace(full().observe(), installation=CONFINING)
    assert {type(step) for step in plan_pool(observed).steps} == {steps.ApplyPolicy}
    refused = Unauthorised("no rights", System.KUBERNETES)
    assert plan_pool(replace(observed, failures={Area.NETWORK: refused})).steps == ()


@pytest.mark.parametrize("by_quota", [False, True])
def test_a_desktop_that_was_evicted_makes_no_room(by_quota: bool) -> None:
    made = full({"size": 5})
    name = min(made.members)
    evicted = {"type": "Ready", "status": "False", "lastTransitionTime": NOW.isoformat()}
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed", conditions=[evicted]))
    made.wanting = [wants(by_quota=by_quota)]
    served = [step.ref.name for step in of_kind(made.observe(), pool_steps.RemoveDesktop) if step.makes_room_for]  # type: ignore[union-attr]
    assert len(served) == 1
    assert name not in served


QUOTA, OTHER = 'forbidden: exceeded quota: "few"', "the ConfigMap studio is missing"


@pytest.mark.parametrize(("refusal", "left"), [(QUOTA, 1), (OTHER, 0)])
@pytest.mark.parametrize("size", [1, 5])
def test_an_old_desktop_goes_only_if_a_successor_may_come(size: int, refusal: str, left: int) -> None:
    made = full({"size": size})
    made.now += timedelta(hours=25)
    refused = replace(made.observe(), refused_until=made.now + FAILED_BACKOFF, refusal=refusal)
    assert len(of_kind(refused, pool_steps.RemoveDesktop)) == left, "a quota that is full has room then"
    fewer = replace(refused, members=refused.members[1:])
    assert of_kind(fewer, pool_steps.RemoveDesktop) == [], "the last one was not replaced yet"


def test_old_desktops_do_not_all_go_while_none_can_be_made() -> None:
    made = full({"size": 5})
    made.now += timedelta(hours=25)
    observed = made.observe()
    for _ in range(10):
        gone = {step.ref.name for step in of_kind(observed, pool_steps.RemoveDesktop)}  # type: ignore[union-attr]
        observed = replace(observed, members=tuple(each for each in observed.members if each.name not in gone))
    assert len(observed.members) == 3, "as few are missing as are renewed at a time"


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


@pytest.mark.parametrize("size", [1, 2, 10])
def test_an_old_pool_is_never_empty_while_it_is_renewed(size: int) -> None:
    made = full({"size": size})
    made.now += timedelta(hours=25)
    former = set(made.members)
    fewest = size
    for _ in range(30):
        made.work()
        made.kubelet()
        states = [state_of(each, made.observe()) for each in made.members.values()]
        fewest = min(fewest, len([each for each in states if each in (MemberState.READY, MemberState.EXPIRED)]))
    assert fewest >= 1
    assert len(made.members) == size
    assert not former & made.members.keys()


def test_a_pool_at_its_largest_size_is_renewed_too() -> None:
    made = full({"size": 1, "maxSize": 1})
    former = set(made.members)
    made.now += timedelta(hours=25)
    made.settle()
    assert len(made.members) == 1
    assert not former & made.members.keys()


def test_a_desktop_that_hangs_on_a_dead_node_does_not_stop_renewals() -> None:
    made = full({"size": 3})
    made.now += timedelta(hours=25)
    for name in sorted(made.members)[:2]:
        metadata = made.members[name].pod["metadata"] | {"deletionTimestamp": made.now.isoformat()}
        made.touch(name, made.members[name].pod | {"metadata": metadata})
    made.work()
    made.kubelet()
    for name in made.ending:
        made.members.pop(name, None)
    made.settle()
    assert all(state_of(each, made.observe()) is MemberState.READY for each in made.members.values())


def test_a_failed_desktop_keeps_its_place_for_a_while() -> None:
    made = full()
    name = next(iter(made.members))
    failed_at = {"type": "Ready", "status": "False", "lastTransitionTime": NOW.isoformat()}
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed", conditions=[failed_at]))
    assert of_kind(made.observe(), pool_steps.RemoveDesktop) == []
    assert requeue_pool_after(made.observe()) == FAILED_BACKOFF
    made.now += FAILED_BACKOFF
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


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


def test_a_desktop_on_a_node_that_is_drained_is_removed_at_once() -> None:
    of = class_of(POOL)
    pod = reported(waiting_pod(of, "blender-a"))
    pod["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    observed = replace(PoolWorld(of).observe(), members=(complete(pod),))
    assert state_of(observed.members[0], observed) is MemberState.UNFIT
    assert len(of_kind(observed, pool_steps.RemoveDesktop)) == 1


def test_a_clock_that_was_set_back_makes_no_desktop_old() -> None:
    made = full()
    made.now -= timedelta(days=400)
    assert plan_pool(made.observe()).steps == ()


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


class Pool(RuleBasedStateMachine):
    """A pool, its sessions, its administrator, its kubelet, and a controller that may see all of it too late."""

    @initialize(size=st.integers(0, 8))
    def begin(self, size: int) -> None:
        self.world = PoolWorld(class_of({"size": size, "maxSize": 8}))
        self.image = 0
        self.seen = self.world.observe()
        self.sessions = 0
        self.most = 0

    @rule()
    def the_controller_sees(self) -> None:
        self.seen = self.world.observe()

    @rule()
    def the_controller_works_by_what_it_has_seen(self) -> None:
        if (self.seen.session_class is None) == (self.world.session_class is None):
            # Until it has seen what it made, it makes nothing twice: it puts the server's answers into its cache.
            self.world.work(replace(self.seen, claims_waiting=True))

    @rule()
    def the_controller_works(self) -> None:
        self.seen = self.world.observe()
        self.world.work(self.seen)

    @rule(size=st.integers(0, 8), roll=st.booleans())
    def an_administrator_changes_the_class(self, size: int, roll: bool) -> None:
        self.image += roll
        self.world.session_class = class_of({"size": size, "maxSize": 8}, image=f"blender:{self.image}")

    @rule()
    def the_class_is_deleted(self) -> None:
        self.world.session_class = None

    @rule(ready=st.booleans())
    def the_kubelet_reports(self, ready: bool) -> None:
        self.world.kubelet(ready=ready)

    @rule(number=st.integers(0, 7), stale=st.booleans())
    def a_session_takes_one(self, number: int, stale: bool) -> None:
        members = self.seen.members if stale else tuple(self.world.members.values())
        offered = [each for each in members if state_of(each, self.seen) is MemberState.READY]
        if offered:
            chosen = offered[number % len(offered)]
            self.sessions += self.world.take(
                chosen.name, f"session-{self.sessions}", chosen.pod["metadata"]["resourceVersion"]
            )

    @rule(number=st.integers(0, 7))
    def a_pod_fails(self, number: int) -> None:
        names = sorted(self.world.members)
        if names:
            name = names[number % len(names)]
            self.world.touch(name, reported(self.world.members[name].pod, ready=False, phase="Failed"))

    @rule(number=st.integers(0, 7))
    def somebody_deletes_a_pod(self, number: int) -> None:
        names = sorted(self.world.members)
        if names:
            self.world.vanish(names[number % len(names)])

    @rule(minutes=st.integers(-60, 3000))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @invariant()
    def never_above_the_largest_size(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.members) <= 2 * 8, "those that leave beside those that come"
            live = [each for each in self.world.members.values() if "deletionTimestamp" not in each.pod["metadata"]]
            assert len(live) <= 8

    @invariant()
    def no_taken_desktop_is_touched(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.taken) == len(set(self.world.taken.values())) == self.sessions
            assert self.world.taken.keys() <= self.world.connections

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.now += timedelta(days=2)
        for _ in range(8):
            self.world.settle()
            self.world.now += FAILED_BACKOFF
        observed = self.world.observe()
        assert len(self.world.members) == observed.wanted
        assert all(state_of(each, observed) is MemberState.READY for each in observed.members)
        assert self.world.connections == self.world.members.keys() | self.world.taken.keys(), "nothing is left over"


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
