"""A crowd: hundreds of sessions applied at once, and deleted at once."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.stage import idle
from blendersessions.model.names import name_for
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.lifecycle import Stage

__all__ = ["idle"]

logger = logging.getLogger(__name__)

CROWD = int(os.environ.get("CROWD", "300"))
"""A thousand take minutes on two cores, most of them in the API server; `make bench` measures that."""
HANDS = 16
PATIENCE_SECONDS = 600.0
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


class Kubelets(threading.Thread):
    """Report the pods of a namespace as ready, several at a time."""

    def __init__(self, stage: Stage, hands: ThreadPoolExecutor) -> None:
        super().__init__(name="kubelets", daemon=True)
        self._stage = stage
        self._hands = hands
        self.ended = threading.Event()

    def run(self) -> None:
        pods = f"api/v1/namespaces/{self._stage.namespace}/pods"
        while not self.ended.wait(0.5):
            items: Any = self._stage.api.request("GET", pods, fieldSelector="status.phase=Pending", limit="200")[
                "items"
            ]
            names = [item["metadata"]["name"] for item in items]
            list(self._hands.map(lambda name: self._stage.set_pod_status(name, READY), names))


@pytest.fixture
def crowded(idle: Stage) -> Iterator[tuple[Stage, ThreadPoolExecutor]]:
    """A world with a running operator whose pods come to run, and hands to make many requests at a time."""
    # As in production, but for the log: neither a resync nor a look at the tunnels each second.
    idle.settings |= {
        "BLENDERSESSIONS_RESYNC_SECONDS": "20",
        "BLENDERSESSIONS_ACTIVITY_SECONDS": "15",
        "BLENDERSESSIONS_LOG_LEVEL": "INFO",
    }
    idle.start()
    with ThreadPoolExecutor(HANDS) as hands:
        kubelets = Kubelets(idle, hands)
        kubelets.start()
        try:
            yield idle, hands
        finally:
            kubelets.ended.set()
            kubelets.join()


@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_many_sessions_at_once_all_start_and_leave_nothing(crowded: tuple[Stage, ThreadPoolExecutor]) -> None:
    stage, hands = crowded
    begun = time.monotonic()
    created = list(hands.map(lambda number: stage.create(f"desk-{number}"), range(CROWD)))
    applied = time.monotonic() - begun
    until("all are ready", lambda: phases(stage) == {"Ready": CROWD}, PATIENCE_SECONDS, pause=1)
    started = time.monotonic() - begun

    wanted = Counter(name_for(session["metadata"]["uid"]) for session in created)
    pods = [each.split("/")[1] for each in stage.children() if each.startswith("pods/")]
    assert Counter(pods) == wanted
    assert Counter(each["name"] for each in stage.guacamole.connections().values()) == wanted
    assert stage.guacamole.users() == set(wanted)

    list(hands.map(lambda number: stage.delete(f"desk-{number}"), range(CROWD)))
    until("all are gone", lambda: not stage.sessions(), PATIENCE_SECONDS, pause=1)
    ended = time.monotonic() - begun
    assert stage.guacamole.connections() == {}
    assert stage.guacamole.users() == set()
    owners = {session["metadata"]["uid"] for session in created}
    for plural in ("pods", "services", "secrets"):
        collection = f"api/v1/namespaces/{stage.namespace}/{plural}"
        items: Any = stage.api.request("GET", collection)["items"]
        owned = [{owner["uid"] for owner in item["metadata"].get("ownerReferences", [])} for item in items]
        assert all(uids and uids <= owners for uids in owned), f"{plural} stay that no garbage collector takes"
    logger.info("%d sessions: applied in %.1f s, ready after %.1f s, gone after %.1f s", CROWD, applied, started, ended)


def phases(stage: Stage) -> dict[str, int]:
    return dict(Counter(session.get("status", {}).get("phase", "") for session in stage.sessions()))
