"""The operator is killed at random moments while sessions come and go and Guacamole fails now and then.

At the end nothing may be missing, doubled or left over, on either side, and no secret may stand in the log.
"""

from __future__ import annotations

import base64
import os
import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.lifecycle import DirectDoor, GuacamoleAdmin, Stage, gone_is_fine
from blendersessions.model.desktop import VIEW_SUFFIX
from blendersessions.model.names import name_for
from contract.faults import Faults, before
from contract.standins import running
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api

SEED = int(os.environ.get("CHAOS_SEED", "20261124"))
SESSIONS = 100
KILLS = 50
FAULT_RATE = 0.1
PATIENCE_SECONDS = 300.0
OWNERS = ("", "", "ann", "bo", "cy")
VIEWERS = ((), (), ("dee",), ("dee", "eve"))
PASSWORD_OF_ADMIN = "guacadmin"


class Kubelet(threading.Thread):
    """Reports every pod of a namespace as ready."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(name="kubelet", daemon=True)
        self._stage = stage
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            for pod in pods(self._stage):
                if pod["status"].get("phase") == "Pending" and not pod["metadata"].get("deletionTimestamp"):
                    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                    with gone_is_fine():
                        self._stage.set_pod_status(pod["metadata"]["name"], ready)
            self._stage.collect_garbage()


Chaos = tuple[Stage, Faults, Kubelet]


def pods(stage: Stage) -> list[dict[str, Any]]:
    items: Any = stage.api.request("GET", f"api/v1/namespaces/{stage.namespace}/pods")["items"]
    return list(items)


@pytest.fixture
def chaos(api: Api, tmp_path: Path) -> Iterator[Chaos]:
    with running() as guacamole, before(guacamole.url, Faults(SEED, FAULT_RATE)) as faults:
        admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
        settings = {"BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "5"}
        stage = Stage(api, api.create_namespace(), DirectDoor(faults.url), admin, tmp_path, settings=settings)
        stage.write_password(guacamole.password)
        kubelet = Kubelet(stage)
        kubelet.start()
        try:
            yield stage, faults, kubelet
        finally:
            kubelet.ended.set()
            kubelet.join()
            stage.end()
            admin.close()
            stage.statuses.check()


@pytest.mark.timeout(1800)
def test_fifty_kills_leave_exactly_what_the_living_sessions_need(chaos: Chaos) -> None:
    stage, faults, kubelet = chaos
    die = random.Random(SEED)  # noqa: S311 - to play, and to play the same again
    alive: dict[str, dict[str, Any]] = {}
    made, moment = 0, threading.Event()
    secrets: set[str] = set()
    for kill in range(KILLS):
        stage.start()
        for _ in range(SESSIONS // KILLS):
            name = f"desk-{made}"
            made += 1
            owner, viewers = die.choice(OWNERS), list(die.choice(VIEWERS))
            spec: dict[str, Any] = ({"owner": owner} if owner else {}) | ({"viewers": viewers} if viewers else {})
            alive[name] = stage.create(name, **spec)
        while len(alive) > 40 or (alive and die.random() < 0.5):
            name = die.choice(sorted(alive))
            del alive[name]
            stage.delete(name)
        if alive and die.random() < 0.3:
            stage.patch(
                die.choice(sorted(alive)), {"spec": {"owner": die.choice(("ann", "bo", "cy")), "viewers": None}}
            )
        # A start takes about a second, so that some kills hit it, and most hit the work after it.
        moment.wait(die.uniform(0.2, 2.8))
        secrets |= planted(stage)
        stage.stop(kill=kill < KILLS - 1)
    faults.rate = 0.0
    stage.start()
    assert made == SESSIONS
    assert alive, "the die left no session to look at: choose another CHAOS_SEED"
    for name in sorted(alive):
        until(
            f"{name} is ready",
            lambda name=name: stage.condition("Ready", name).get("status") == "True",
            PATIENCE_SECONDS,
        )
    uids = {name: stage.session(name)["metadata"]["uid"] for name in alive}  # type: ignore[index]
    specs = {name: stage.session(name)["spec"] for name in alive}  # type: ignore[index]
    until("only living sessions are left", lambda: remaining(stage) == set(alive), PATIENCE_SECONDS)

    wanted = Counter(name_for(uid) for uid in uids.values())
    wanted += Counter(name_for(uids[name]) + VIEW_SUFFIX for name in alive if specs[name].get("viewers"))
    until(
        "there is exactly one connection for each",
        lambda: Counter(each["name"] for each in stage.guacamole.connections().values()) == wanted,
        PATIENCE_SECONDS,
    )
    grants = {(people, connection) for name in alive for people, connection in allowed(uids[name], specs[name])}
    users = {user for user, _ in grants}
    until("there is no user too many", lambda: stage.guacamole.users() == users, PATIENCE_SECONDS)
    until("there is no grant too many", lambda: granted(stage, users) == grants, PATIENCE_SECONDS)
    until("there is no Secret too many", lambda: len(secret_names(stage)) == len(alive) + len(users), PATIENCE_SECONDS)
    names = {name_for(uid) for uid in uids.values()}
    until("one pod each", lambda: {pod["metadata"]["name"] for pod in pods(stage)} == names, PATIENCE_SECONDS)
    for user in sorted(users):
        password = password_of(stage, user)
        until(f"{user} gets in", lambda user=user, password=password: stage.guacamole.can_log_in(user, password))
    left = planted(stage)
    assert len(left) == 2 * len(alive) + len(users), "two of each desktop, and one of each user"
    secrets |= left
    assert not [secret for secret in secrets | {f'"{PASSWORD_OF_ADMIN}"'} if secret in stage.log]
    assert "Traceback" not in stage.log, stage.log[-6000:]
    kubelet.ended.set()
    kubelet.join()
    stage.strike()


def allowed(uid: str, spec: dict[str, Any]) -> set[tuple[str, str]]:
    owner = spec.get("owner") or name_for(uid)
    return {(owner, name_for(uid))} | {(viewer, name_for(uid) + VIEW_SUFFIX) for viewer in spec.get("viewers", [])}


def granted(stage: Stage, users: set[str]) -> set[tuple[str, str]]:
    names = {identifier: each["name"] for identifier, each in stage.guacamole.connections().items()}
    found = set()
    for user in users:
        held = stage.guacamole.get(f"users/{user}/permissions")["connectionPermissions"]
        found |= {(user, names[identifier]) for identifier in held}
    return found


def remaining(stage: Stage) -> set[str]:
    return {session["metadata"]["name"] for session in stage.sessions()}


def secret_names(stage: Stage) -> list[str]:
    return [each for each in stage.children() if each.startswith("secrets/")]


def planted(stage: Stage) -> set[str]:
    """Return every password and token that stands in a Secret now."""
    items: Any = stage.api.request("GET", f"api/v1/namespaces/{stage.namespace}/secrets")["items"]
    values = ({**item["data"]} for item in items)
    return {base64.b64decode(value).decode() for data in values for key, value in data.items() if key != "username"}


def password_of(stage: Stage, user: str) -> str:
    items: Any = stage.api.request("GET", f"api/v1/namespaces/{stage.namespace}/secrets")["items"]
    for item in items:
        data = {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
        if data.get("username") == user:
            return data["password"]
    raise AssertionError(f"no Secret for {user}")
