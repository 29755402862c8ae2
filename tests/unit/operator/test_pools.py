"""What the controller knows of pools: whose a desktop is, who was offered which, and who finds no room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model import labels
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND, Manifest, Ref
from blendersessions.model.names import name_for
from blendersessions.model.secret_data import DesktopCredentials
from blendersessions.model.warm_pool import WarmPool
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.pools import Pools, Refusal
from blendersessions_operator.planning.pool_size import schedule_faults, time_to_next_size, wanted_size
from blendersessions_operator.planning.room import HELD_TIME
from blendersessions_operator.resources.pool_desktop import pool_secret
from unit.operator.factories import NOW, OTHER_UID, UID, body, session
from unit.operator.pools import CLASS_UID, class_of, waiting_pod

if TYPE_CHECKING:
    from blendersessions.model.session import Session

POOL = {"size": 2, "scene": "shopping_cart.blend"}
KEY = Ref(CLASS_KIND, "art", "default")
NAME = name_for(OTHER_UID)
GONE = name_for("ffffffff-ffff-4fff-8fff-ffffffffff00")
POD = Ref("Pod", "art", NAME)


def the_class(**metadata: Any) -> Manifest:  # noqa: ANN401 - fields of metadata
    meta = {"namespace": "art", "name": "default", "uid": CLASS_UID, "resourceVersion": "1"} | metadata
    return {"kind": CLASS_KIND, "metadata": meta, "spec": {"warmPool": POOL}}


def waiting(name: str = NAME, version: str = "5") -> Manifest:
    pod = waiting_pod(class_of(POOL), name)
    pod["metadata"] |= {"resourceVersion": version}
    return pod


def taken(name: str = NAME, version: str = "6") -> Manifest:
    pod = waiting(name, version)
    pod["metadata"]["labels"][labels.SESSION_UID] = UID
    pod["metadata"]["ownerReferences"] = [{"kind": SESSION_KIND, "name": "cart", "uid": UID, "controller": True}]
    return pod


@pytest.fixture
def cache() -> ObjectCache:
    known = ObjectCache()
    known.put(the_class())
    known.put(body())
    return known


def test_a_desktop_that_waits_is_its_classs_and_kept_whole(cache: ObjectCache) -> None:
    assert cache.put(waiting())
    assert cache.pools.waiting(KEY) == [POD]
    assert cache.get(POD) is not None
    secret = pool_secret(waiting(), DesktopCredentials("pw", "token")) | {"kind": "Secret"}
    secret["metadata"] |= {"uid": "secret", "resourceVersion": "5"}
    assert cache.put(secret)
    assert cache.pool_of(secret) == KEY
    assert cache.needs_connection(NAME)


def test_a_pod_of_a_class_that_is_not_known_is_no_desktop_of_a_pool(cache: ObjectCache) -> None:
    stranger = waiting()
    stranger["metadata"]["ownerReferences"][0]["uid"] = "another class"
    assert not cache.put(stranger)


def test_a_session_has_the_desktop_whose_pod_it_controls(cache: ObjectCache) -> None:
    cache.put(waiting())
    cache.put(taken())
    known = cache.session(session().ref)
    assert known is not None
    assert known.desktop.name == NAME
    assert cache.pools.waiting(KEY) == []
    assert cache.session_of_connection(NAME) == known.ref
    # A newer version of the session does not lose it.
    again = body()
    again["metadata"]["resourceVersion"] = "200"
    cache.put(again)
    found = cache.session(known.ref)
    assert found is not None
    assert found.desktop.name == NAME


def test_a_pod_that_is_seen_before_its_session_is_found_by_it() -> None:
    cache = ObjectCache()
    cache.put(taken())
    cache.put(body())
    found = cache.session(session().ref)
    assert found is not None
    assert found.desktop.name == NAME
    assert cache.unread(found) == [POD], "nothing but whose it is was kept"


def test_of_two_desktops_a_session_keeps_the_one_that_it_was_known_with(cache: ObjectCache) -> None:
    other = name_for("ffffffff-ffff-4fff-8fff-ffffffffffff")
    for name in sorted((NAME, other), reverse=True):
        cache.put(taken(name))
    found = cache.session(session().ref)
    assert found is not None
    assert found.desktop.name == max(NAME, other)
    assert cache.pools.taken(UID) == sorted((NAME, other))


def test_nothing_is_kept_of_desktops_that_are_gone(cache: ObjectCache) -> None:
    cache.put(waiting())
    assert cache.needs_connection(NAME)
    cache.put(taken())
    cache.remove(POD)
    cache.put(waiting(GONE))
    cache.remove(Ref("Pod", "art", GONE))
    assert not cache.needs_connection(GONE), "the sweep removes what is left of it"
    assert list(cache.pools.keys()) == []
    assert not any(vars(cache.pools).values()), vars(cache.pools)


def test_an_object_that_is_seen_before_its_pod_or_its_class_is_kept(cache: ObjectCache) -> None:
    secret = pool_secret(waiting(), DesktopCredentials("pw", "token")) | {"kind": "Secret"}
    secret["metadata"] |= {"uid": "secret", "resourceVersion": "5"}
    assert cache.put(secret)
    assert cache.get(Ref("Secret", "art", NAME)) is not None
    early = ObjectCache()
    assert early.put(waiting()), "its class may become known"
    assert early.get(POD) is not None


def test_a_pod_that_lost_its_label_is_still_its_classs(cache: ObjectCache) -> None:
    stripped = waiting()
    del stripped["metadata"]["labels"][labels.POOL]
    cache.put(stripped)
    assert cache.pools.waiting(KEY) == [POD]


def test_what_the_operator_writes_of_a_class_concerns_no_session(cache: ObjectCache) -> None:
    changed = the_class(resourceVersion="2") | {"status": {"warmPool": {"ready": 1}}}
    noted: list[object] = []
    before = cache.session_class("art", "default")
    assert before is not None
    cache.on_capacity_change = noted.append
    assert not cache.put(changed)
    known = cache.session_class("art", "default")
    assert known is not None
    assert known.pool_status is not None
    assert (known.pool_status.ready, known.resource_version) == (1, "2")
    assert known.spec is before.spec, "what was computed from it stays"
    assert noted == []
    assert cache.put(the_class(resourceVersion="3") | {"spec": {"warmPool": POOL | {"size": 3}}})


def offering(cache: ObjectCache, *names: str) -> Pools:
    for name in names:
        cache.put(waiting(name))
    return Pools(cache)


def anything(ref: Ref) -> bool:
    del ref
    return True


def another() -> Session:
    return replace(session(), uid=OTHER_UID)


def test_a_desktop_is_offered_to_one_session_and_stays_offered(cache: ObjectCache) -> None:
    pools = offering(cache, NAME)
    assert pools.offer(session(), KEY, anything) == POD
    assert pools.offer(session(), KEY, anything) == POD
    assert pools.offer(another(), KEY, anything) is None, "it is another's"
    assert pools.release(UID) == KEY, "its pool decides about it again"
    assert pools.release(UID) is None
    assert pools.offer(another(), KEY, anything) == POD


def test_what_was_offered_to_a_session_that_is_gone_is_for_others(cache: ObjectCache) -> None:
    pools = offering(cache, NAME)
    pools.offer(session(), KEY, anything)
    assert pools.forget(UID) == (KEY, False)
    assert pools.offer(another(), KEY, anything) == POD


def test_a_desktop_that_does_not_suit_any_more_is_replaced_by_another(cache: ObjectCache) -> None:
    other = name_for("ffffffff-ffff-4fff-8fff-ffffffffffff")
    pools = offering(cache, NAME, other)
    first = pools.offer(session(), KEY, anything)
    assert first is not None
    second = pools.offer(session(), KEY, lambda ref: ref != first)
    assert second not in (None, first)
    assert pools.offer(another(), KEY, anything) == first, "another session may try it"


def test_a_desktop_that_becomes_ready_later_is_found(cache: ObjectCache) -> None:
    pools = offering(cache, NAME)
    assert pools.offer(session(), KEY, lambda ref: ref != POD) is None
    assert pools.offer(session(), KEY, anything) == POD


def test_claims_are_counted_for_a_minute(cache: ObjectCache) -> None:
    pools = Pools(cache)
    pools.claimed(KEY, NOW)
    pools.claimed(KEY, NOW + timedelta(seconds=40))
    assert pools.claims(KEY, NOW + timedelta(seconds=50)) == 2
    assert pools.last_claim(KEY, NOW + timedelta(seconds=50)) == NOW + timedelta(seconds=40)
    assert pools.claims(KEY, NOW + timedelta(seconds=60)) == 1
    assert pools.claims(KEY, NOW - timedelta(hours=1)) == 0, "the clock was set back"
    assert pools.last_claim(KEY, NOW) is None


def test_a_refusal_holds_for_its_time(cache: ObjectCache) -> None:
    pools = Pools(cache)
    pools.refusals[KEY] = Refusal(NOW, "exceeded quota")
    assert pools.refusal(KEY, NOW - timedelta(seconds=1)) is not None
    assert pools.refusal(KEY, NOW) is None
    assert pools.refusals == {}


@pytest.mark.parametrize(("message", "freed"), [('forbidden: exceeded quota: "few"', [KEY]), ("no such file", [])])
def test_a_pod_less_helps_where_a_quota_refused(cache: ObjectCache, message: str, freed: list[Ref]) -> None:
    pools = Pools(cache)
    pools.refusals[KEY] = Refusal(NOW, message)
    assert pools.pod_gone(POD, None) == freed


def full(message: str, since: datetime = NOW) -> Manifest:
    no_room = {"type": "PodScheduled", "status": "False", "message": message, "lastTransitionTime": since.isoformat()}
    return {"kind": "Pod", "metadata": {"name": "p", "namespace": "art"}, "status": {"conditions": [no_room]}}


def test_a_session_that_finds_no_room_has_one_desktop_go(cache: ObjectCache) -> None:
    pools = Pools(cache)
    assert pools.note_pod(session(), full("0/3 nodes are available: 3 Insufficient memory."))
    assert not pools.note_pod(session(), full("0/3 nodes are available: 3 Insufficient memory.")), "no news"
    (wanted,) = pools.wanting(KEY, NOW)
    assert (wanted.uid, wanted.served, wanted.by_quota) == (UID, False, False)
    pools.serve([UID])
    assert [each.served for each in pools.wanting(KEY, NOW)] == [True], "the pool does not grow meanwhile"
    pools.serve([UID], served=False)
    assert [each.served for each in pools.wanting(KEY, NOW)] == [False], "the desktop did not go"
    assert pools.wanting(KEY, NOW + HELD_TIME) == (), "it may be too large for any node"
    assert pools.note_pod(session(), {"kind": "Pod", "metadata": {}, "status": {}})
    assert pools.wanting(KEY, NOW) == ()


@pytest.mark.parametrize("message", ["", "0/3 nodes: 3 node(s) didn't match Pod's node affinity/selector."])
def test_what_a_desktop_less_does_not_help_has_none_go(cache: ObjectCache, message: str) -> None:
    pools = Pools(cache)
    assert not pools.note_pod(session(), full(message))
    assert pools.wanting(KEY, NOW) == ()


def test_a_quota_counts_in_its_namespace_alone(cache: ObjectCache) -> None:
    pools = Pools(cache)
    assert not pools.note_refusal(session(), "forbidden: no rights", NOW)
    assert pools.note_refusal(session(), 'forbidden: exceeded quota: "few"', NOW)
    assert [each.uid for each in pools.wanting(KEY, NOW)] == [UID]
    assert pools.wanting(Ref(CLASS_KIND, "other", "default"), NOW) == ()
    assert pools.pod_gone(POD, None) == [session().ref], "it is tried again when a pod has gone"
    assert pools.forget(UID) == (None, True), "pools need not wait for it any more"
    assert pools.pod_gone(POD, None) == []


WEEK = WarmPool.model_validate(
    {
        "size": 1,
        "schedule": [
            {"cron": "30 7 * * 1-5", "timeZone": "Europe/Berlin", "size": 20},
            {"cron": "0 19 * * *", "timeZone": "Europe/Berlin", "size": 2},
        ],
    }
)


@pytest.mark.parametrize(
    ("day", "hour", "minute", "size"),
    [(24, 6, 29, 2), (24, 6, 30, 20), (24, 17, 59, 20), (24, 18, 0, 2), (28, 12, 0, 2)],
)
def test_the_schedule_gives_the_size_of_the_entry_whose_time_came_last(
    day: int, hour: int, minute: int, size: int
) -> None:
    # Berlin is an hour ahead of UTC then, and the 28th is a Saturday.
    at = NOW.replace(day=day, hour=hour, minute=minute, second=0, microsecond=0)
    assert wanted_size(WEEK, at) == size


def test_the_next_look_is_when_the_schedule_changes_something() -> None:
    at = NOW.replace(hour=6, minute=0, second=0, microsecond=0)
    assert time_to_next_size(WEEK, at) == timedelta(minutes=30)
    assert time_to_next_size(WarmPool(size=1), at) is None


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/7 * * * *", "15 1-3 * * *"])
@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)])
def test_the_next_time_is_never_over_also_when_the_clocks_change(cron: str, day: datetime) -> None:
    entry = {"cron": cron, "timeZone": "Europe/Berlin", "size": 2}
    pool = WarmPool.model_validate({"size": 1, "schedule": [entry]})
    for minutes in range(0, 8 * 60, 5):
        after = time_to_next_size(pool, day + timedelta(minutes=minutes, seconds=31.5))
        assert after is not None
        assert after > timedelta(), minutes


def test_a_desktop_does_not_expire_before_it_has_started() -> None:
    with pytest.raises(ValueError, match="at least 10m"):
        WarmPool.model_validate({"size": 1, "expireAfter": "9m"})
    assert WarmPool.model_validate({"size": 1, "expireAfter": "10m"}).expire_after == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"cron": "99 * * * *", "size": 5}, "no time of cron"),
        ({"cron": "0 8 * * *", "timeZone": "Nowhere/Land", "size": 5}, "no time zone Nowhere/Land"),
    ],
)
def test_what_cannot_be_read_counts_as_left_out_and_is_told(entry: Manifest, fault: str) -> None:
    pool = WarmPool.model_validate({"size": 1, "schedule": [entry]})
    assert wanted_size(pool, NOW) == 1
    assert fault in schedule_faults(pool)[0]
