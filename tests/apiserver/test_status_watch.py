"""The watch that the other tests rely on sees every version of a status, and reports the one that is wrong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.api import SESSIONS
from status_watch import StatusWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.api import Api

EARLIER, LATER = "2026-11-24T06:00:00Z", "2026-11-24T06:00:05Z"


@pytest.fixture
def watch(api: Api, namespace: str) -> Iterator[StatusWatch]:
    watch = StatusWatch(api, namespace)
    yield watch
    watch.end()


def status(truth: str, since: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": truth, "reason": "Waiting", "message": "For people.", "observedGeneration": 1}
    return {"observedGeneration": 1, "phase": "Pending", "conditions": [ready | {"lastTransitionTime": since}]}


def write(api: Api, namespace: str, *statuses: dict[str, Any]) -> None:
    api.create_session(namespace, {"metadata": {"name": "cart"}})
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/cart"
    for each in statuses:
        api.request("PATCH", f"{address}/status", {"status": each}, "application/merge-patch+json")
    api.request("DELETE", address)


def test_a_good_session_passes_and_is_forgotten(api: Api, namespace: str, watch: StatusWatch) -> None:
    write(api, namespace, status("False", EARLIER), status("Unknown", LATER))
    watch.check()


def test_a_wrong_status_is_reported_though_a_right_one_followed_at_once(
    api: Api, namespace: str, watch: StatusWatch
) -> None:
    write(api, namespace, status("False", EARLIER), status("False", LATER), status("Unknown", LATER))
    with pytest.raises(AssertionError, match=r"cart \(version \d+\): Ready: lastTransitionTime moved"):
        watch.check()
    watch.check()


def test_what_was_written_last_is_seen_before_the_watch_ends(api: Api, namespace: str) -> None:
    before = set(threading.enumerate())
    watch = StatusWatch(api)
    write(api, namespace, {"phase": "Pending"})
    watch.end()
    with pytest.raises(AssertionError, match="there is no condition Ready"):
        watch.check()
    since = set(threading.enumerate()) - before
    assert not [thread for thread in since if thread.name.startswith("status watch of all")]
