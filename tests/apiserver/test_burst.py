"""Hundreds of sessions are applied at once and deleted at once: all start, and nothing is left."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from apiserver.repetition import repeated
from blendersessions.model.names import name_for
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation

logger = logging.getLogger(__name__)

BURST_SESSIONS = int(os.environ.get("BURST_SESSIONS", "300"))
"""A thousand sessions take minutes on two cores, most of them in the API server. `make bench` measures it."""
PARALLEL_REQUESTS = 16
BURST_DEADLINE_SECONDS = 600.0
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture
def burst(own_installation: Installation) -> Iterator[tuple[Installation, ThreadPoolExecutor]]:
    """An installation with a running operator whose pods all become ready, and a pool for parallel requests."""
    # The intervals of production: neither a resync nor a poll of the tunnels each second.
    own_installation.settings |= {
        "BLENDERSESSIONS_RESYNC_SECONDS": "20",
        "BLENDERSESSIONS_ACTIVITY_SECONDS": "15",
        "BLENDERSESSIONS_LOG_LEVEL": "INFO",
    }
    own_installation.start()
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:

        def report() -> None:
            pending = own_installation.listed("pods", fieldSelector="status.phase=Pending", limit="200")
            names = [pod["metadata"]["name"] for pod in pending]
            list(pool.map(lambda name: own_installation.set_pod_status(name, READY), names))

        with repeated(report, "kubelets", 0.5):
            yield own_installation, pool


@pytest.mark.timeout(3 * BURST_DEADLINE_SECONDS)
def test_many_sessions_at_once_all_start_and_leave_nothing(burst: tuple[Installation, ThreadPoolExecutor]) -> None:
    installation, pool = burst
    begun = time.monotonic()
    created = list(pool.map(lambda number: installation.create(f"desk-{number}"), range(BURST_SESSIONS)))
    applied = time.monotonic() - begun
    until("all are ready", lambda: phases(installation) == {"Ready": BURST_SESSIONS}, BURST_DEADLINE_SECONDS, pause=1)
    started = time.monotonic() - begun

    wanted = Counter(name_for(session["metadata"]["uid"]) for session in created)
    pods = [each.split("/")[1] for each in installation.children() if each.startswith("pods/")]
    assert Counter(pods) == wanted
    assert installation.guacamole.connection_keys() == wanted
    assert installation.guacamole.users() == set(wanted)

    list(pool.map(lambda number: installation.delete(f"desk-{number}"), range(BURST_SESSIONS)))
    until("all are gone", lambda: not installation.sessions(), BURST_DEADLINE_SECONDS, pause=1)
    ended = time.monotonic() - begun
    assert installation.guacamole.connections() == {}
    assert installation.guacamole.users() == set()
    owners = {session["metadata"]["uid"] for session in created}
    for plural in ("pods", "services", "secrets"):
        objects = installation.listed(plural)
        owned = [{owner["uid"] for owner in each["metadata"].get("ownerReferences", [])} for each in objects]
        assert all(uids and uids <= owners for uids in owned), f"{plural} stay that no garbage collector takes"
    logger.info(
        "%d sessions: applied in %.1f s, ready after %.1f s, gone after %.1f s", BURST_SESSIONS, applied, started, ended
    )


def phases(installation: Installation) -> dict[str, int]:
    return dict(Counter(session.get("status", {}).get("phase", "") for session in installation.sessions()))
