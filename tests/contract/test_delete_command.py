"""`blendersessions delete` says what is lost before it is lost, and waits until the session is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contract.command import done, failure
from contract.kube import SESSIONS, Cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

LOST: Sequence[dict[str, Any]] = [{}, {"workspace": {"size": "5Gi"}}]
KEPT: Sequence[dict[str, Any]] = [
    {"workspace": {"claimName": "mine"}},
    {"workspace": {"size": "5Gi", "reclaimPolicy": "Retain"}},
    {"replicas": 0},
]


def deleted(cluster: Cluster, name: str = "cart") -> bool:
    return "deletionTimestamp" in cluster.objects[f"{SESSIONS}/{name}"]["metadata"]


@pytest.mark.parametrize("spec", LOST)
def test_work_that_would_be_lost_is_asked_for(cluster: Cluster, spec: dict[str, Any]) -> None:
    cluster.add_session(**spec)
    said = failure("delete", "cart")
    for words in ("What was made in it is lost.", "It was not deleted", "the command download", "--yes"):
        assert words in said
    assert not deleted(cluster)
    assert "is gone" in done("delete", "cart", "--yes").stderr
    assert deleted(cluster)


@pytest.mark.parametrize("spec", KEPT)
def test_a_session_whose_files_stay_is_deleted_without_a_question(cluster: Cluster, spec: dict[str, Any]) -> None:
    cluster.add_session(**spec)
    done("delete", "cart")
    assert deleted(cluster)


def test_several_are_deleted_or_none(cluster: Cluster) -> None:
    cluster.add_session("a", replicas=0)
    cluster.add_session("b")
    assert "art/b has no workspace" in failure("delete", "a", "b")
    assert not deleted(cluster, "a")
    done("delete", "a", "b", "a", "--yes")
    assert deleted(cluster, "a")
    assert deleted(cluster, "b")
    assert "There is no session “c”" in failure("delete", "c", "--yes")


def test_it_waits_until_the_session_is_gone(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blendersessions_cli.waiting._POLL_SECONDS", 0.01)
    cluster.add_session(replicas=0)
    cluster.ends_slowly = 3
    assert "is gone" in done("delete", "cart").stderr
    assert cluster.reads > 3
    cluster.add_session(replicas=0)
    cluster.ends_slowly = 3
    assert "is not gone after 0 s." in failure("delete", "cart", "--timeout", "0")
    cluster.add_session(replicas=0)
    assert "gone" not in done("delete", "cart", "--no-wait").stderr


def test_a_yes_for_one_session_does_not_end_another_one_of_its_name(cluster: Cluster) -> None:
    cluster.add_session(replicas=0)
    cluster.made_again.add(f"{SESSIONS}/cart")
    done("delete", "cart", "--no-wait")
    assert not deleted(cluster)


def test_the_right_to_delete_is_asked_for(cluster: Cluster) -> None:
    cluster.add_session(replicas=0)
    cluster.forbidden.add(f"DELETE {SESSIONS}/cart")
    assert "You may not delete blendersessions in the namespace" in failure("delete", "cart")
