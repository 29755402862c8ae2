"""`blendersessions suspend` says what is lost before it is lost, and asks a person at a real terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from contract.command import failure, run
from contract.kube import NAMESPACE, SESSIONS, UID
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from contract.kube import Cluster

QUESTION = f"Session {NAMESPACE}/cart has no workspace. What was made in it is lost. Suspend it? [y/N]"


def at_a_terminal(answer: str) -> tuple[int, str]:
    """Type an answer to the command's question; return its exit code, and what it wrote for people."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keyboard, os.fdopen(theirs, "rb", buffering=0) as stdin:
        keyboard.write(answer.encode())
        done = subprocess.run(
            [sys.executable, "-m", "blendersessions_cli", "suspend", "cart"],
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    assert done.stdout == ""
    return done.returncode, done.stderr


def suspended(cluster: Cluster) -> bool:
    return bool(cluster.objects[f"{SESSIONS}/cart"]["spec"].get("replicas") == 0)


@pytest.mark.parametrize(
    ("answer", "code", "words", "stopped"),
    [
        ("y\n", 0, "is being suspended", True),
        ("n\n", 1, "was not suspended", False),
        ("\n", 1, "was not suspended", False),
    ],
)
def test_a_person_is_asked_before_work_is_lost(
    cluster: Cluster, answer: str, code: int, words: str, stopped: bool
) -> None:
    cluster.add_session(owner="alice")
    found, written = at_a_terminal(answer)
    assert QUESTION in written
    assert (found, suspended(cluster)) == (code, stopped)
    assert words in written


def test_the_end_of_the_input_is_a_no(cluster: Cluster) -> None:
    cluster.add_session(owner="alice")
    code, written = at_a_terminal("\x04")
    assert (code, suspended(cluster)) == (1, False)
    assert "Traceback" not in written


def test_a_script_is_refused_with_the_way_out(cluster: Cluster) -> None:
    cluster.add_session(owner="alice")
    result = run("suspend", "cart")
    assert (result.exit_code, result.stdout, cluster.scales) == (1, "", [])
    said = " ".join(result.stderr.split())
    for words in (
        "has no workspace. What was made in it is lost.",
        "It was not suspended",
        "the command download",
        "--yes",
    ):
        assert words in said


def test_a_script_that_says_yes_is_not_asked(cluster: Cluster) -> None:
    cluster.add_session(owner="alice")
    assert run("suspend", "cart", "--yes").exit_code == 0
    assert suspended(cluster)


@pytest.mark.parametrize(
    "workspace", [{"size": "5Gi"}, {"size": "5Gi", "reclaimPolicy": "Retain"}, {"claimName": "mine"}]
)
def test_a_session_with_a_workspace_is_suspended_without_a_question(
    cluster: Cluster, workspace: dict[str, str]
) -> None:
    cluster.add_session(owner="alice", workspace=workspace)
    assert run("suspend", "cart").exit_code == 0
    assert suspended(cluster)


def test_a_malformed_spec_does_not_hide_its_workspace(cluster: Cluster) -> None:
    cluster.add_session(owner="a/b", workspace={"size": "5Gi"})
    assert run("suspend", "cart").exit_code == 0


def test_a_session_that_is_suspended_has_nothing_more_to_lose(cluster: Cluster) -> None:
    cluster.add_session(owner="alice", replicas=0)
    assert run("suspend", "cart").exit_code == 0


def test_a_session_that_its_spec_suspends_is_not_resumed(cluster: Cluster) -> None:
    cluster.add_session(owner="alice", suspend=True)
    result = run("resume", "cart")
    said = " ".join(result.stderr.split())
    assert (result.exit_code, cluster.scales) == (1, [])
    assert "was not resumed. Its spec suspends it (spec.suspend is true)." in said
    assert """kubectl patch bs cart --type=merge -p '{"spec":{"suspend":false}}'""" in said
    waiting = run("wait", "cart")
    assert (waiting.exit_code, "Only somebody who may change the session" in waiting.stderr) == (1, True)
    assert "Only somebody who may change the session" in run("suspend", "cart").stderr


def test_a_yes_for_one_session_does_not_end_another_one_of_its_name(cluster: Cluster) -> None:
    cluster.add_session(owner="alice")
    cluster.made_again.add(f"{SESSIONS}/cart")
    result = run("suspend", "cart", "--yes")
    assert (result.exit_code, suspended(cluster)) == (1, False)
    assert "deleted and made again" in " ".join(result.stderr.split())


def test_suspend_and_resume_write_what_the_operator_reads(cluster: Cluster) -> None:
    cluster.add_session(owner="alice", workspace={"size": "5Gi"})
    assert run("suspend", "cart").exit_code == 0
    assert run("resume", "cart").exit_code == 0
    assert [path for path, _ in cluster.scales] == [f"{SESSIONS}/cart/scale"] * 2
    assert [scale["spec"] for _, scale in cluster.scales] == [{"replicas": 0}, {"replicas": 1}]
    assert [scale["metadata"]["uid"] for _, scale in cluster.scales] == [UID] * 2, "that session, and no later one"


@pytest.mark.parametrize("command", ["suspend", "resume"])
def test_sessions_that_an_old_crd_does_not_scale_are_explained(cluster: Cluster, command: str) -> None:
    cluster.add_session(owner="alice", workspace={"size": "5Gi"})
    cluster.has_scale = False
    assert "CRD is older" in failure(command, "cart")


@pytest.mark.parametrize("command", ["suspend", "resume"])
def test_the_right_to_scale_is_asked_for_and_no_right_to_change_the_session(cluster: Cluster, command: str) -> None:
    cluster.add_session(owner="alice", workspace={"size": "5Gi"})
    cluster.forbidden.add(f"{SESSIONS}/cart/scale")
    assert "You may not update blendersessions/scale in the namespace" in failure(command, "cart")


@pytest.mark.parametrize("command", ["suspend", "resume", "wait"])
def test_a_session_that_may_not_be_changed_is_reported_with_the_right_to_ask_for(
    cluster: Cluster, command: str
) -> None:
    cluster.add_session(owner="alice")
    cluster.forbidden.add(f"{SESSIONS}/cart")
    message = failure(command, "cart")
    assert "You may not" in message
    assert f"in the namespace {NAMESPACE}" in message
    assert "ask your administrator" in message
