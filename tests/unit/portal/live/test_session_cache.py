"""What the cache has after lists, watches and answers, in whatever order they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.session_cache import EVERYBODY, SessionCache
from blendersessions_portal.session_view import OWNER_HASH_LABEL, owner_hash
from blendersessions_portal.transfer_rules import TransferRules

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


def session(name: str = "a", owner: str = "alice", version: int = 10, **more: object) -> Manifest:
    metadata = {"name": name, "namespace": "b", "uid": f"uid-{name}", "creationTimestamp": "2026-11-24T11:00:00Z"}
    metadata |= {"resourceVersion": str(version), "labels": {OWNER_HASH_LABEL: owner_hash(owner)}}
    return {"metadata": metadata | more, "spec": {"owner": owner}}


def phase(body: Manifest, version: int, phase: str) -> Manifest:
    changed: Manifest = {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}
    return changed | {"status": {"phase": phase, "clientURL": f"http://{phase}/"}}


@pytest.fixture
def told(cache: SessionCache) -> list[str]:
    """The owners who were told of changes."""
    seen: list[str] = []
    cache.listen(seen.append)
    return seen


def url(cache: SessionCache, name: str = "a") -> str:
    view = cache.get(name)
    return view.status.client_url if view else "gone"


def test_a_watch_tells_the_owner_of_what_is_another_than_before(cache: SessionCache, told: list[str]) -> None:
    cache.put(session())
    cache.put(session(version=11, finalizers=["x/y"]))
    cache.put(session("b", "bob"))
    cache.put(phase(session(), 12, "Ready"))
    assert told == ["alice", "bob", "alice"]
    assert [each.name for each in cache.of("alice")] == ["a"]
    cache.remove(session())
    assert told[3:] == ["alice"]
    assert cache.of("alice") == []
    cache.remove(session())
    assert len(told) == 4


def test_an_answer_is_there_before_the_watch_shows_it_and_its_echo_is_silent(
    cache: SessionCache, told: list[str]
) -> None:
    cache.note(session(version=20))
    cache.put(session(version=20))
    assert told == ["alice"]
    cache.note(phase(session(), 25, "Suspended"))
    cache.put(phase(session(), 24, "Ready"))
    assert url(cache) == "http://Suspended/"


def test_an_answer_that_comes_late_brings_nothing_back(cache: SessionCache) -> None:
    cache.put(session())
    cache.remove(session())
    cache.note(session(version=30))
    assert cache.get("a") is None
    cache.note(session(version=30, uid="another"))
    assert cache.get("a") is not None, "a new session of that name"


def test_the_end_of_a_former_session_does_not_hide_the_new_one(cache: SessionCache) -> None:
    cache.put(session(version=30, uid="another"))
    cache.remove(session())
    assert cache.get("a") is not None


def test_a_list_is_what_is_there(cache: SessionCache, told: list[str]) -> None:
    cache.put(session())
    cache.put(session("b", "bob"))
    cache.replace([session("b", "bob"), session("c", "carol")], "50", cache.answers)
    assert (cache.get("a"), len(cache.of("bob")), len(cache.of("carol"))) == (None, 1, 1)
    assert told[2:] in (["alice", "carol"], ["carol", "alice"])
    cache.note(session(version=60))
    assert cache.get("a") is None, "the list has shown that it is gone"


def test_a_list_of_an_earlier_state_counts(cache: SessionCache) -> None:
    """As after a restore of etcd."""
    cache.put(phase(session(), 900, "Ready"))
    cache.note(session("b", version=901))
    cache.replace([phase(session(), 5, "Starting")], "40", cache.answers)
    assert url(cache) == "http://Starting/"
    assert cache.get("b") is None
    cache.put(phase(session(), 41, "Ready"))
    assert url(cache) == "http://Ready/"


def test_a_list_that_was_asked_for_before_an_answer_came_does_not_hide_it(cache: SessionCache) -> None:
    answers = cache.answers
    cache.note(session(version=60))
    cache.replace([], "50", answers)
    assert cache.get("a") is not None


def test_a_session_that_was_deleted_here_ends_at_once(cache: SessionCache, told: list[str]) -> None:
    cache.put(session())
    cache.note_deletion("a", "uid-of-another")
    assert told == ["alice"]
    cache.note_deletion("a", "uid-a")
    [view] = cache.of("alice")
    assert view.ending
    assert told == ["alice", "alice"]
    assert cache.count() == 0


def test_the_portals_own_sessions_are_listed_and_counted(cache: SessionCache) -> None:
    cache.put(session())
    cache.put(session("b", labels={}))
    cache.put(session("c", deletionTimestamp="2026-11-24T12:00:00Z"))
    cache.put(session("d", labels={OWNER_HASH_LABEL: owner_hash("bob")}))
    assert [each.name for each in cache.of("alice")] == ["c", "a"]
    assert cache.get("b") is not None, "its page can be opened"
    assert cache.count() == 2


def test_what_cannot_be_read_is_left_out_and_logged(cache: SessionCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.replace([{"metadata": {"name": "a"}}, session("b")], "1", 0)
    assert cache.get("a") is None
    assert cache.get("b") is not None
    assert "cannot read" in caplog.text


def test_rules_are_known_of_classes_that_were_seen_while_they_are_watched(cache: SessionCache, told: list[str]) -> None:
    body = {"metadata": {"name": "c", "namespace": "b"}, "spec": {"transfer": {"upload": False}}}
    assert cache.rules("c") is None
    cache.put_class(body, gone=False)
    assert cache.rules("c") == TransferRules(upload=False)
    assert told == [EVERYBODY]
    cache.put_class(body | {"status": {"warmPool": {"ready": 3}}}, gone=False)
    assert told == [EVERYBODY]
    cache.classes._become_old()
    assert cache.rules("c") is None, "it may say something else by now"
    cache.classes.heard()
    cache.put_class(body, gone=True)
    assert cache.rules("c") is None
    cache.replace_classes([body])
    assert cache.rules("c") == TransferRules(upload=False)


def test_without_a_list_nothing_is_kept() -> None:
    """A portal that may not watch reads for each page. It must not gather what it reads."""
    cache = SessionCache()
    cache.note(session())
    assert cache.get("a") is None
