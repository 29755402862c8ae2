"""A volume claim that a session names must allow the session's owner, and belong to nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from blendersessions.model.conditions import Condition
from blendersessions.model.manifest import SESSION_KIND, Ref
from blendersessions.model.status import SessionStatus
from blendersessions_operator.planning.named_claim import (
    SCENE,
    WORKSPACE,
    ClaimUse,
    claim_refusal,
    named_claims,
    time_to_read_again,
)
from unit.operator.factories import NOW, OTHER_UID, session

OTHERS = Ref(SESSION_KIND, "art", "others")


def of(owner: str = "alice") -> Any:  # noqa: ANN401 - a session
    named: dict[str, Any] = {
        "workspace": {"claimName": "home"},
        "scene": {"volume": {"claimName": "scenes", "path": "a.blend"}},
    }
    return session(named | ({"owner": owner} if owner else {}))


def claim(
    allowed: str | None = None,
    use: ClaimUse = WORKSPACE,
    **metadata: Any,  # noqa: ANN401 - any field of a manifest
) -> dict[str, Any]:
    annotations = {} if allowed is None else {use.annotation: allowed}
    return {"metadata": {"name": "home", "annotations": annotations} | metadata}


def refusal(owner: str, found: dict[str, Any] | None, alive: str = "", use: ClaimUse = WORKSPACE) -> tuple[str, str]:
    refused = claim_refusal(of(owner), use, found, lambda uid: OTHERS if uid and uid == alive else None)
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
    assert named_claims(of()) == {WORKSPACE: "home", SCENE: "scenes"}
    assert named_claims(session({"workspace": {"size": "1Gi"}})) == named_claims(session()) == {}
    assert named_claims(session({"scene": {"sample": "a.blend"}})) == {}


@pytest.mark.parametrize("allowed", ["alice", "bob, alice", "*"])
def test_scenes_are_read_from_a_claim_that_says_so(allowed: str) -> None:
    assert refusal("alice", claim(allowed, SCENE), use=SCENE) == ("", "")
    assert refusal("alice", claim(allowed, WORKSPACE), use=SCENE)[0] == "SceneNotAllowed", "a workspace is no library"
    assert refusal("alice", claim(allowed, SCENE), use=WORKSPACE)[0] == "WorkspaceNotAllowed", "nor the other way round"


def test_another_sessions_workspace_is_read_only_if_its_annotation_says_so() -> None:
    made = {"labels": {"blendersessions.io/session-uid": OTHER_UID}, "ownerReferences": [{"controller": True}]}
    reason, message = refusal("alice", claim(None, SCENE, **made), alive=OTHER_UID, use=SCENE)
    assert reason == "SceneNotAllowed"
    assert message == (
        "The volume claim scenes of the scene does not allow alice: have somebody who may change claims allow it by "
        "kubectl annotate pvc scenes -n art blendersessions.io/scenes-for=alice. The session then starts within a "
        "minute."
    )
    assert refusal("alice", claim("alice", SCENE, **made), alive=OTHER_UID, use=SCENE) == ("", "")


def test_a_claim_of_scenes_that_is_missing_is_waited_for() -> None:
    reason, message = refusal("", None, use=SCENE)
    assert reason == "SceneNotFound"
    assert message == (
        "The namespace art has no PersistentVolumeClaim scenes. The session starts when the claim exists and its "
        "annotation blendersessions.io/scenes-for allows sessions without an owner."
    )


@pytest.mark.parametrize(("refused_for", "seconds"), [(0, 2), (7, 7), (59, 59), (3600, 60)])
def test_a_claim_is_read_again_the_later_the_longer_it_has_refused(refused_for: int, seconds: int) -> None:
    since = NOW - timedelta(seconds=refused_for)
    stalled = Condition("Stalled", "True", "WorkspaceNotAllowed", "no", 1, since)
    desktop = Condition("DesktopReady", "False", "WorkspaceNotAllowed", "no", 1, NOW - timedelta(days=1))
    waiting = replace(of(), status=SessionStatus(conditions=(desktop, stalled)))
    assert time_to_read_again(waiting, NOW) == timedelta(seconds=seconds)
    assert time_to_read_again(of(), NOW) == timedelta(seconds=2)
