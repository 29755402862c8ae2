"""Desktops that accept connections and answer nothing hold up no other session."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from apiserver.fake_agent import SilentAgent
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation

SILENT_SESSIONS = 50
HOME = {"claimName": "homes"}
NAMES = [f"silent-{number}" for number in range(SILENT_SESSIONS)]


@pytest.fixture
def silent() -> Iterator[SilentAgent]:
    agent = SilentAgent()
    try:
        yield agent
    finally:
        agent.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def started(installation: Installation, pool: ThreadPoolExecutor, agent: SilentAgent, **spec: object) -> None:
    """Bring all sessions to readiness, with one agent that never answers."""
    sessions = list(pool.map(lambda name: installation.create(name, **spec), NAMES))
    list(pool.map(lambda session: installation.run_pod(session, agent.address), sessions))
    list(pool.map(installation.until_ready, NAMES))


def test_a_session_starts_while_fifty_desktops_that_answer_nothing_are_suspended(
    installation: Installation, pool: ThreadPoolExecutor, silent: SilentAgent
) -> None:
    started(installation, pool, silent, workspace=HOME)
    list(pool.map(lambda name: installation.patch(name, {"spec": {"suspend": True}}), NAMES))
    until("desktops are asked", lambda: silent.asked > 0)
    installation.run_pod(installation.create("new"))
    installation.until_ready("new")
    assert [installation.condition("Suspended", name)["reason"] for name in NAMES] == ["Suspending"] * SILENT_SESSIONS
    # No save has timed out: an attempt that had would have left its session with the reason SaveFailed.


def test_a_session_starts_while_fifty_idle_desktops_answer_nothing(
    installation: Installation, pool: ThreadPoolExecutor, silent: SilentAgent
) -> None:
    started(installation, pool, silent, lifetime={"idleAfter": "1h"})
    left = {"lifetime": {"idleAfter": "1s"}}
    list(pool.map(lambda name: installation.patch(name, {"spec": left}), NAMES))
    until("desktops are asked", lambda: silent.asked > 0)
    installation.run_pod(installation.create("new"))
    installation.until_ready("new")
