"""A hundred sessions take sixty desktops at the same time, while operators are killed and the lead changes.

No desktop ever has two sessions, none is lost, every session becomes ready, and nothing is left over.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.chaos import CONVERGENCE_SECONDS, chaotic
from apiserver.pool_kubelet import POOL, pool_kubelet, until_full
from contract.faults import Faults
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api
    from apiserver.chaos import Chaos
    from apiserver.fake_agent import FakeAgent

SEED = int(os.environ.get("CHAOS_SEED", "20261127"))
SESSIONS = 100
DESKTOPS = 60
KILLS = 6
CLAIMS_PER_KILL = 8
SCENES = ({"sample": "shopping_cart.blend"}, {"sample": "watering_can.blend"})
"""What the sessions ask for. The pool shows the first one; the agent opens the other one."""


class PodHistory(threading.Thread):
    """Sees every version of every pod of a namespace, and notes which sessions it has belonged to."""

    def __init__(self, api: Api, namespace: str) -> None:
        super().__init__(name="pod history", daemon=True)
        self._api = api
        self._path = f"api/v1/namespaces/{namespace}/pods"
        self._position = str(api.request("GET", self._path)["metadata"]["resourceVersion"])  # type: ignore[index]
        self._ending = threading.Event()
        self.sessions: defaultdict[str, set[str]] = defaultdict(set)
        """By the pod's UID: the UIDs of the sessions that have controlled it."""
        self.of_pool: set[str] = set()
        """The UIDs of the pods that were made for a pool."""
        self.gaps = 0

    @property
    def taken(self) -> set[str]:
        """The UIDs of the pool's pods that a session has, or had."""
        return self.of_pool & self.sessions.keys()

    def run(self) -> None:
        while not self._ending.is_set():
            query = f"watch=1&resourceVersion={self._position}&timeoutSeconds=2"
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self._api.connect()) as to:
                to.request("GET", f"/{self._path}?{query}")
                with to.getresponse() as answer:
                    for line in answer:
                        self._see(json.loads(line))

    def end(self) -> None:
        """End the thread when its stream is at its end."""
        self._ending.set()
        self.join(DEADLINE_SECONDS)
        assert not self.is_alive()

    def _see(self, event: dict[str, Any]) -> None:
        if event["type"] == "ERROR":
            self.gaps += 1
            self._position = str(self._api.request("GET", self._path)["metadata"]["resourceVersion"])  # type: ignore[index]
            return
        meta = event["object"]["metadata"]
        self._position = meta["resourceVersion"]
        for owner in meta.get("ownerReferences", ()):
            if owner["kind"] == "BlenderSession":
                self.sessions[meta["uid"]].add(owner["uid"])
        if POOL in meta.get("labels", {}):
            self.of_pool.add(meta["uid"])


@pytest.fixture
def chaos(api: Api, agent: FakeAgent, tmp_path: Path) -> Iterator[Chaos]:
    with chaotic(api, tmp_path, Faults(SEED, 0.0), partial(pool_kubelet, address=agent.address)) as chaos:
        yield chaos


@pytest.mark.timeout(1200)
def test_a_hundred_sessions_take_sixty_desktops_while_operators_are_killed(chaos: Chaos) -> None:
    installation, faults, replicas = chaos
    dice = random.Random(SEED)  # noqa: S311 - a repeatable choice, not a secret
    replicas.until_led(CONVERGENCE_SECONDS)
    installation.create_class("warm", warmPool={"size": DESKTOPS, "maxSize": DESKTOPS, "scene": SCENES[0]["sample"]})
    until_full(installation, "warm", DESKTOPS, CONVERGENCE_SECONDS)
    first = {pod["metadata"]["uid"] for pod in installation.pods()}
    history = PodHistory(installation.api, installation.namespace)
    history.start()
    faults.rate = 0.05
    names = [f"desk-{number}" for number in range(SESSIONS)]
    with ThreadPoolExecutor(10) as people:
        made = [
            people.submit(installation.create, name, className="warm", scene=SCENES[number % 2])
            for number, name in enumerate(names)
        ]
        for kill in range(KILLS):
            # In the middle of claims, whatever time they take.
            until(
                lambda: f"a session takes another desktop; {len(history.taken)} are taken",
                lambda kill=kill: len(history.taken) >= CLAIMS_PER_KILL * (kill + 1),
                CONVERGENCE_SECONDS,
            )
            victim = replicas.holder if kill % 2 else dice.choice(replicas.members)
            if victim is not None and not victim.has_ended:
                victim.send(signal.SIGKILL)
        for each in made:
            each.result()
    faults.rate = 0.0
    replicas.until_led(CONVERGENCE_SECONDS)
    for name in names:
        until(
            lambda name=name: f"{name} is ready; it is {installation.condition('Ready', name)}",
            lambda name=name: installation.condition("Ready", name).get("status") == "True",
            CONVERGENCE_SECONDS,
        )
    until_full(installation, "warm", DESKTOPS, CONVERGENCE_SECONDS)
    sessions = installation.sessions()
    desktops = Counter(each["status"]["desktop"]["name"] for each in sessions)
    assert len(sessions) == SESSIONS
    assert set(desktops.values()) == {1}, "each session has a desktop of its own"
    until("no session has a second one", lambda: len(installation.pods()) == SESSIONS + DESKTOPS, CONVERGENCE_SECONDS)
    owned = {
        pod["metadata"]["name"]
        for pod in installation.pods()
        if pod["metadata"]["ownerReferences"][0]["kind"] == "BlenderSession"
    }
    assert owned == set(desktops)
    paths = Counter(each["status"]["startup"]["path"] for each in sessions)
    assert paths["Warm"] >= DESKTOPS, f"a pool is for being taken: {paths}"
    until(
        "Guacamole has a connection for each desktop and no other",
        lambda: (
            installation.guacamole.connection_keys() == Counter(pod["metadata"]["name"] for pod in installation.pods())
        ),
        CONVERGENCE_SECONDS,
    )
    history.end()
    assert history.gaps == 0
    assert first <= history.taken, "each desktop that was there has got a session"
    assert {len(of) for of in history.sessions.values()} == {1}, "no desktop has two sessions, ever"
    assert "Traceback" not in installation.log, installation.log[-6000:]
    installation.delete_class("warm")
    for name in names:
        installation.delete(name)
    for name in names:
        until(f"{name} is gone", lambda name=name: installation.session(name) is None, CONVERGENCE_SECONDS)
    until(
        lambda: f"nothing is left; there is {installation.children()}, {installation.guacamole.connection_keys()}",
        lambda: not installation.children() and not installation.guacamole.connections(),
        CONVERGENCE_SECONDS,
    )
    assert installation.guacamole.users() == set()
