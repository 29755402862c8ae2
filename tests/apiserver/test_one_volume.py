"""One volume has one desktop: a second session on it waits for the first, also over a restart of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiserver.installation import desktop_name

if TYPE_CHECKING:
    from apiserver.fake_agent import FakeAgent
    from apiserver.installation import Installation

SHARED = {"claimName": "shared"}


def test_the_second_session_waits_and_starts_when_the_first_is_suspended(
    own_running_installation: Installation, agent: FakeAgent
) -> None:
    installation = own_running_installation
    installation.create_claim("shared", "*")
    installation.run_pod(installation.create("first", workspace=SHARED), agent.address)
    first = installation.until_ready("first")
    second = installation.create("second", workspace=SHARED)
    condition = installation.until_reason("Ready", "WorkspaceInUse", "second")
    assert "The volume shared of the workspace is in use by the session first," in condition["message"]
    assert installation.status("second")["phase"] == "Queued"
    installation.stop(kill=True)
    installation.patch("second", {"spec": {"connections": {"max": 3}}})
    third = installation.create_in_a_later_second(second, "third", workspace=SHARED)
    installation.start()
    installation.until_reason("Ready", "WorkspaceInUse", "third")
    assert installation.child("pods", desktop_name(second)) is None
    assert installation.child("pods", desktop_name(third)) is None

    installation.patch("first", {"spec": {"suspend": True}})
    installation.run_pod(second, agent.address)
    installation.until_ready("second")
    assert installation.child("pods", desktop_name(first)) is None
    assert installation.child("pods", desktop_name(third)) is None
    installation.patch("first", {"spec": {"suspend": False}})
    assert "the session second," in installation.until_reason("Ready", "WorkspaceInUse", "first")["message"]

    installation.delete("second")
    installation.until_gone("second")
    installation.collect_garbage()
    installation.run_pod(first, agent.address)
    installation.until_ready("first")
    assert installation.child("pods", desktop_name(third)) is None, "the oldest comes first"
    installation.delete("first")
    installation.until_gone("first")
    installation.collect_garbage()
    installation.run_pod(third, agent.address)
    installation.until_ready("third")
    installation.delete_child("persistentvolumeclaims", "shared")
    installation.delete_all_and_assert_nothing_left()
