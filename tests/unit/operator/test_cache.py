"""The cache keeps the newest version of each object, and knows which session it belongs to."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.desktop import VIEW_SUFFIX
from blendersessions.model.labels import FINALIZER
from blendersessions.model.manifest import Ref
from blendersessions.model.names import name_for, user_secret_name
from blendersessions.model.session import parse_session
from blendersessions_operator.controller.cache import CHILD_KINDS, ObjectCache
from blendersessions_operator.controller.kept_fields import MAX_FINALIZERS
from blendersessions_operator.resources.secret import user_secret
from blendersessions_operator.resources.service import service
from unit.operator.factories import OTHER_UID, USER_PASSWORD, body, running_pod, session, stored

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

SESSION = Ref("BlenderSession", "art", "cart")
SERVICE = Ref("Service", "art", session().desktop.name)


def at(version: str) -> Manifest:
    made = stored(service(session().desktop, session()))
    made["metadata"]["resourceVersion"] = version
    return made


def test_an_older_version_never_replaces_a_newer_one() -> None:
    store = ObjectCache()
    store.put(body())
    assert store.put(at("10"))
    assert not store.put(at("9"))
    assert store.put(at("11"))
    found = store.get(SERVICE)
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "11"


def test_the_answer_to_a_write_does_not_restore_a_deleted_object() -> None:
    store = ObjectCache()
    store.replace(at("10"))
    assert store.get(SERVICE) is None


def test_the_deletion_of_a_predecessor_does_not_remove_the_successor() -> None:
    store = ObjectCache()
    store.put(body())
    store.put(at("10"))
    store.remove(SERVICE, "another-uid")
    assert store.get(SERVICE) is not None
    store.remove(SERVICE, "object-uid")
    assert store.get(SERVICE) is None


def test_a_child_leads_to_its_session_by_name_and_by_owner() -> None:
    store = ObjectCache()
    store.put(body())
    assert store.sessions_of(stored(service(session().desktop, session()))) == {SESSION}
    assert store.sessions_of(stored(user_secret(session(), session().username, USER_PASSWORD))) == {SESSION}
    bare = stored(service(session().desktop, session()))
    bare["metadata"]["ownerReferences"] = []
    assert store.sessions_of(bare) == {SESSION}
    foreign = stored(service(session().desktop, session()))
    foreign["metadata"] |= {"name": "other", "ownerReferences": [{"uid": OTHER_UID}]}
    assert store.sessions_of(foreign) == set()


def test_a_list_reveals_what_a_broken_watch_has_missed() -> None:
    store = ObjectCache()
    store.put(body())
    store.put(at("10"))
    services, secrets = store.uids("Service"), store.uids("Secret")
    assert store.uids("Service", "music") == {}
    store.put(stored(user_secret(session(), session().username, USER_PASSWORD)))
    assert [gone["metadata"]["name"] for gone in store.prune([], services)] == [session().desktop.name]
    assert store.prune([], secrets) == [], "it came after the list was begun"
    assert store.get(SESSION) is not None


def test_a_successor_made_since_a_list_stays() -> None:
    store = ObjectCache()
    store.put(at("10"))
    before = store.uids("Service")
    successor = at("20")
    successor["metadata"]["uid"] = "another-uid"
    store.put(successor)
    assert store.prune([], before) == []
    assert store.uid(SERVICE) == "another-uid"


def test_an_older_list_does_not_bring_a_deleted_object_back() -> None:
    store = ObjectCache()
    store.put(body())
    store.put(at("10"))
    store.remove(SERVICE, "object-uid", "20")
    assert not store.put(at("19"))
    store.put(stored(service(session().desktop, session()), "another-uid"))
    store.remove(SERVICE, "another-uid")
    late = stored(service(session().desktop, session()), "another-uid")
    late["metadata"]["resourceVersion"] = "900"
    assert not store.put(late), "nobody knows since when it is gone"


@pytest.mark.parametrize("version", ["20", "21"])
def test_an_object_that_lost_our_label_returns_in_a_later_version(version: str) -> None:
    """For a watch with a selector it was deleted."""
    store = ObjectCache()
    store.put(body())
    store.put(at("10"))
    store.remove(SERVICE, "object-uid", "20")
    assert store.put(at(version))
    assert not store.put(at("11"))


def test_fields_that_no_code_reads_are_not_kept() -> None:
    store = ObjectCache()
    store.put(body())
    made = at("10")
    made["metadata"]["managedFields"] = ["long"]
    store.put(made)
    found = store.get(SERVICE)
    assert found is not None
    assert "managedFields" not in found["metadata"]
    assert found["spec"] == made["spec"], "it is repaired by comparison"
    assert "managedFields" in made["metadata"], "the argument must not be changed"


def test_of_a_pod_only_changing_fields_are_kept() -> None:
    store = ObjectCache()
    store.put(body())
    made = running_pod(session())
    store.put({"kind": "Pod"} | made)
    found = store.get(Ref("Pod", "art", session().desktop.name))
    assert found is not None
    assert found["spec"]["volumes"] == [], "none of them is a claim"
    assert found["spec"]["containers"] == [
        {"name": "blender", "resources": made["spec"]["containers"][0]["resources"]},
    ]
    assert (found["status"], found["metadata"]["annotations"]) == (made["status"], made["metadata"]["annotations"])


def test_connections_and_children_of_a_desktop_lead_to_the_session_that_has_it() -> None:
    cache = ObjectCache()
    name = "blender-" + "2" * 26
    cache.put(body() | {"status": {"desktop": {"name": name}}})
    assert cache.session_of_connection(name) == SESSION
    assert cache.session_of_connection(name + VIEW_SUFFIX) == SESSION
    assert cache.sessions_of({"kind": "Pod", "metadata": {"name": name}}) == {SESSION}
    cache.remove(SESSION)
    assert cache.session_of_connection(name) is None
    assert cache.session_of_connection(session().desktop.name) is None


def stranger(kind: str = "Secret", name: str = "", **fields: object) -> Manifest:
    meta = {"name": name or name_for(OTHER_UID), "namespace": "art", "uid": f"uid-{name}", "resourceVersion": "7"}
    large = {"annotations": {"example.org/large": "x" * 1000}, "labels": {"app.kubernetes.io/managed-by": "x"}}
    return {"kind": kind, "metadata": meta | large, "data": {"large": "x" * 1000}} | fields


def of_the_session(kind: str) -> Manifest:
    return stranger(kind, session().desktop.name, metadata=stranger(name=session().desktop.name)["metadata"])


def size(cache: ObjectCache, kind: str) -> int:
    return sum(len(repr(cache._objects[ref])) for ref in cache.uids(kind))


@pytest.mark.parametrize("kind", CHILD_KINDS)
def test_nothing_is_kept_of_an_object_that_can_belong_to_no_session(kind: str) -> None:
    cache = ObjectCache()
    cache.put(body())
    assert not cache.put(stranger(kind, "anything"))
    assert cache.uids(kind) == {}


@pytest.mark.parametrize("kind", CHILD_KINDS)
def test_of_an_object_that_may_belong_to_a_session_only_a_stub_is_kept(kind: str) -> None:
    cache = ObjectCache()
    cache.put(body())
    assert not cache.put(stranger(kind))
    ref = Ref(kind, "art", name_for(OTHER_UID))
    assert (cache.get(ref), cache.knows(ref)) == (None, True)
    assert size(cache, kind) < 400
    cache.remove(ref)
    assert not cache.knows(ref)


@pytest.mark.parametrize("kind", CHILD_KINDS)
def test_an_object_that_comes_before_its_session_is_read_again(kind: str) -> None:
    cache = ObjectCache()
    ref = session().desktop.ref(kind)
    assert not cache.put(of_the_session(kind))
    assert cache.get(ref) is None
    cache.put(body())
    assert cache.unread(session()) == [ref]
    assert cache.put(of_the_session(kind)), "also in the version that was seen already"
    assert cache.unread(session()) == []
    assert cache.get(ref) is not None


def test_the_secret_of_a_user_who_is_let_in_later_is_read_again() -> None:
    cache = ObjectCache()
    cache.put(body())
    secret = stored(user_secret(session(), "alice", USER_PASSWORD))
    secret["metadata"]["ownerReferences"] = []
    assert not cache.put(secret)
    wanted = body({"viewers": ["alice"]})
    wanted["metadata"]["resourceVersion"] = "999999"
    cache.put(wanted)
    assert cache.unread(parse_session(wanted)) == [Ref("Secret", "art", user_secret_name("alice"))]


def test_a_pod_of_others_that_mounts_a_claim_is_known_by_its_claim() -> None:
    cache = ObjectCache()
    claim = {"name": "home", "persistentVolumeClaim": {"claimName": "shared"}}
    cache.put(stranger("Pod", "other", spec={"volumes": [claim], "containers": [{"name": "c", "env": ["x" * 1000]}]}))
    [pod] = cache.pods_of_claim("art", "shared")
    assert pod["metadata"]["name"] == "other"
    assert size(cache, "Pod") < 400


def test_a_pod_that_only_reads_a_claim_keeps_it_from_nobody() -> None:
    cache = ObjectCache()
    reads = {"name": "scene", "persistentVolumeClaim": {"claimName": "shared", "readOnly": True}}
    cache.put(stranger("Pod", "other", spec={"volumes": [reads], "containers": []}))
    assert cache.pods_of_claim("art", "shared") == []


def test_the_other_classes_are_those_of_the_namespace() -> None:
    cache = ObjectCache()
    for namespace, name in (("art", "default"), ("art", "newest"), ("music", "open")):
        metadata = {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}", "resourceVersion": "1"}
        cache.put({"kind": "BlenderSessionClass", "metadata": metadata, "spec": {}})
    assert [each.name for each in cache.other_classes("art", "default")] == ["newest"]
    assert [each.name for each in cache.other_classes("art", "gone")] == ["default", "newest"]
    assert [each.name for each in cache.other_classes("music", "open")] == ["default"], "the built-in one"
    assert cache.other_classes("elsewhere", "default") == ()


def test_of_a_secret_only_our_values_are_kept_and_only_short_ones() -> None:
    cache = ObjectCache()
    cache.put(body())
    made = of_the_session("Secret")
    made["data"] = {"vnc-password": "c2VjcmV0", "agent-token": "x" * 100_000, "theirs": "x" * 100_000}
    made["metadata"]["annotations"] |= {"blendersessions.io/granted": "alice", "blendersessions.io/x": "x" * 100_000}
    cache.put(made)
    kept = cache.get(session().desktop.ref("Secret"))
    assert kept is not None
    assert kept["data"] == {"vnc-password": "c2VjcmV0"}
    assert kept["metadata"]["annotations"] == {"blendersessions.io/granted": "alice"}


def test_of_a_session_nothing_of_others_is_kept() -> None:
    cache = ObjectCache()
    made = body()
    made["metadata"]["annotations"] = {"example.org/large": "x" * 250_000}
    made["metadata"]["labels"] = {f"example.org/{number}": "x" for number in range(10_000)}
    made["metadata"]["finalizers"] = [f"example.org/{number}" for number in range(5000)] + [FINALIZER]
    cache.put(made)
    found = cache.session(SESSION)
    assert found is not None
    assert found.has_finalizer
    assert len(found.finalizers) == MAX_FINALIZERS + 1
    assert size(cache, "BlenderSession") < 400


def test_a_service_with_ports_and_selectors_of_others_is_compared_all_the_same() -> None:
    cache = ObjectCache()
    cache.put(body())
    made = at("10")
    ours = copy.deepcopy(made["spec"])
    made["spec"]["ports"] += [{"name": f"p{number}", "port": 10_000 + number} for number in range(5000)]
    made["spec"]["selector"] |= {f"example.org/{number}": "x" for number in range(5000)}
    cache.put(made)
    found = cache.get(SERVICE)
    assert found is not None
    assert (found["spec"]["ports"], found["spec"]["selector"]) == (ours["ports"], ours["selector"])
