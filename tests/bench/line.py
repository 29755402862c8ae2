"""What a departure from a long line costs the operator's one thread: the decisions, without requests."""

from __future__ import annotations

import argparse
import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from blendersessions.model.installation import InstallationDefaults
from blendersessions.model.manifest import SESSION_KIND, Ref
from blendersessions.model.session_class import Limits
from blendersessions_operator.controller.admission_queue import AdmissionQueue
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.claim_queue import ClaimQueue

if TYPE_CHECKING:
    from blendersessions.model.session import Session

T0 = datetime(2026, 11, 26, tzinfo=UTC)
OWNERS = 100
LIMITS = Limits(sessions=50, sessions_per_owner=3)


def main(arguments: list[str]) -> None:
    """Fill a line, let sessions depart, and print the milliseconds of the departures."""
    parser = argparse.ArgumentParser(prog="make bench OPTIONS=line", description=__doc__)
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--departures", type=int, default=200)
    given = parser.parse_args(arguments)
    cache = ObjectCache()
    queue = AdmissionQueue(cache, ClaimQueue(cache, InstallationDefaults(image="i", public_url="https://x.example/")))

    def gone(session: Session) -> None:
        queue.release(session.uid)
        queue.left(session)

    cache.on_session_gone = gone
    begun = time.process_time()
    for number in range(given.waiting):
        add(cache, number)
        ask(cache, queue, number)
        queue.outdated(T0)
    arrivals = (time.process_time() - begun) / given.waiting
    milliseconds, told = [], []
    running = [session.name for session in cache.sessions() if queue.position(session, LIMITS, T0) is None]
    for _ in range(given.departures):
        begun = time.process_time()
        cache.remove(Ref(SESSION_KIND, "bench", running.pop(0)))
        outdated = queue.outdated(T0)
        for ref in outdated:
            session = cache.session(ref)
            if session is not None and queue.position(session, LIMITS, T0) is None:
                running.append(ref.name)
        milliseconds.append(1000 * (time.process_time() - begun))
        told.append(len(outdated))
    print(f"{given.waiting} sessions in the line: an arrival takes {1000 * arrivals:.2f} ms")
    print(f"a departure takes {statistics.median(milliseconds):.2f} ms, at most {max(milliseconds):.2f} ms")
    print(f"and has {statistics.median(told):.0f} sessions reconciled, at most {max(told)}")


def add(cache: ObjectCache, number: int) -> None:
    """Make one session."""
    uid = str(uuid.UUID(int=number + 1))
    created = (T0 + timedelta(seconds=number)).isoformat()
    meta = {"name": f"s{number}", "namespace": "bench", "uid": uid, "resourceVersion": str(number + 1)}
    spec = {"owner": f"owner-{number % OWNERS}"}
    cache.put({"kind": SESSION_KIND, "metadata": meta | {"creationTimestamp": created}, "spec": spec})


def ask(cache: ObjectCache, queue: AdmissionQueue, number: int) -> None:
    """Reconcile one session, as far as its place in the line goes."""
    session = cache.session(Ref(SESSION_KIND, "bench", f"s{number}"))
    assert session is not None
    queue.position(session, LIMITS, T0)
