"""A volume claim that a session names must allow the session's owner, and belong to nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from blendersessions.model.conditions import Condition
from blendersessions.model.manifest import SESSION_KIND, Ref
from blendersessions.model.status import SessionStatus
from blendersessions_operator.planning.named_claim import claim_refusal, named_claim, time_to_read_again
from unit.operator.factories import NOW, OTHER_UID, session

OTHERS = Ref(SESSION_KIND, "art", "others")


def of(owner: str = "alice") -> Any:  # noqa: ANN401 - a session
    return session({"workspace": {"claimName": "home"}} | ({"owner": owner} if owner else {}))


def claim(allowed: str | None = None, **metadata: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a manifest
    annotations = {} if allowed is None else {"blendersessions.io/workspace-for": allowed}
    return {"metadata": {"name": "home", "annotations": annotations} | metadata}


def refusal(owner: str, found: dict[str, Any] | None, alive: str = "") -> tuple[str, str]:
    refused = claim_refusal(of(owner), found, lambda uid: OTHERS if uid and uid == alive else None)
    return (refused.reason, refused.message) if refused is not None else ("", "")


@pytest.mark.parametrize(
    ("owner", "allowed"), [("alice", "alice"), ("alice", " bob , alice,"), ("alice", "*"), ("", "*"), ("", "bob, *")]
)
def test_a_claim_that_names_the_owner_or_everybody_is_used(owner: str, allowed: str) -> None:
    assert refusal(owner, claim(allowed)) == ("", "")


@pytest.mark.parametrize(
    ("owner", "allowed"),
    [
        ("alice", None),
        ("alice", ""),
        ("alice", "bob"),
        ("alice", "Alice"),
        ("alice", "alice@x"),
        ("", "alice"),
        ("", ","),
    ],
)
def test_a_claim_that_does_not_is_refused_with_the_way_out(owner: str, allowed: str | None) -> None:
    reason, message = refusal(owner, claim(allowed))
    assert reason == "WorkspaceNotAllowed"
    assert f"The volume claim home of the workspace does not allow {owner or 'sessions without an owner'}: " in message
    assert f"kubectl annotate pvc home -n art blendersessions.io/workspace-for={owner or '*'}." in message
    assert "bob" not in message, "who else may use it is nobody's business"


def test_a_claim_that_is_missing_is_waited_for() -> None:
    reason, message = refusal("alice", None)
    assert reason == "WorkspaceNotFound"
    assert "The namespace art has no PersistentVolumeClaim home." in message


def test_a_claim_of_a_session_that_lives_is_refused_and_a_retained_one_needs_the_annotation_alone() -> None:
    made = claim("alice", labels={"blendersessions.io/session-uid": OTHER_UID})
    reason, message = refusal("alice", made, alive=OTHER_UID)
    assert reason == "WorkspaceNotAllowed"
    assert "was made for the session others: name another claim, or delete that session and have somebody" in message
    assert refusal("alice", made) == ("", "")
    assert refusal("bob", made)[0] == "WorkspaceNotAllowed"


def test_a_claim_that_something_controls_is_refused_whatever_it_allows() -> None:
    database = {"kind": "StatefulSet", "name": "database", "uid": "1", "controller": True}
    reason, message = refusal("alice", claim("*", ownerReferences=[database]))
    assert (reason, "belongs to StatefulSet database" in message) == ("WorkspaceNotAllowed", True)
    assert refusal("alice", claim("*", ownerReferences=[database | {"controller": False}])) == ("", "")


def test_only_the_spec_names_a_claim() -> None:
    assert named_claim(of()) == "home"
    assert named_claim(session({"workspace": {"size": "1Gi"}})) == named_claim(session()) == ""


@pytest.mark.parametrize(("refused_for", "seconds"), [(0, 2), (7, 7), (59, 59), (3600, 60)])
def test_a_claim_is_read_again_the_later_the_longer_it_has_refused(refused_for: int, seconds: int) -> None:
    since = NOW - timedelta(seconds=refused_for)
    stalled = Condition("Stalled", "True", "WorkspaceNotAllowed", "no", 1, since)
    desktop = Condition("DesktopReady", "False", "WorkspaceNotAllowed", "no", 1, NOW - timedelta(days=1))
    waiting = replace(of(), status=SessionStatus(conditions=(desktop, stalled)))
    assert time_to_read_again(waiting, NOW) == timedelta(seconds=seconds)
    assert time_to_read_again(of(), NOW) == timedelta(seconds=2)
