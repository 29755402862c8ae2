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
HOME = {"size": "1Gi"}
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


def test_a_session_starts_while_fifty_desktops_that_answer_nothing_are_suspended(
    installation: Installation, pool: ThreadPoolExecutor, silent: SilentAgent
) -> None:
    sessions = list(pool.map(lambda name: installation.create(name, workspace=HOME), NAMES))
    list(pool.map(lambda session: installation.run_pod(session, silent.address), sessions))
    list(pool.map(installation.until_ready, NAMES))
    list(pool.map(lambda name: installation.patch(name, {"spec": {"suspend": True}}), NAMES))
    until("desktops are asked", lambda: silent.asked > 0)
    installation.run_pod(installation.create("new"))
    installation.until_ready("new")
    assert [installation.condition("Suspended", name)["reason"] for name in NAMES] == ["Suspending"] * SILENT_SESSIONS
    # No save has timed out: an attempt that had would have left its session with the reason SaveFailed.
