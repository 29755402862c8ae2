"""The operator is killed at random moments while sessions come and go and Guacamole fails now and then.

At the end nothing may be missing, doubled or left over in Kubernetes or in Guacamole, and the log holds no secret.
"""

from __future__ import annotations

import base64
import os
import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.installation import DirectAddress, GuacamoleAdmin, Installation, ignoring_not_found
from blendersessions.model.desktop import VIEW_SUFFIX, connection_key
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
CONVERGENCE_SECONDS = 300.0
OWNERS = ("", "", "ann", "bo", "cy")
VIEWERS = ((), (), ("dee",), ("dee", "eve"))
PASSWORD_OF_ADMIN = "guacadmin"


class Kubelet(threading.Thread):
    """Reports every pod of a namespace as ready."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(name="kubelet", daemon=True)
        self._installation = installation
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            for pod in pods(self._installation):
                if pod["status"].get("phase") == "Pending" and not pod["metadata"].get("deletionTimestamp"):
                    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                    with ignoring_not_found():
                        self._installation.set_pod_status(pod["metadata"]["name"], ready)
            self._installation.collect_garbage()


Chaos = tuple[Installation, Faults, Kubelet]


def pods(installation: Installation) -> list[dict[str, Any]]:
    items: Any = installation.api.request("GET", f"api/v1/namespaces/{installation.namespace}/pods")["items"]
    return list(items)


@pytest.fixture
def chaos(api: Api, tmp_path: Path) -> Iterator[Chaos]:
    with running() as guacamole, before(guacamole.url, Faults(SEED, FAULT_RATE)) as faults:
        admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
        settings = {"BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "5"}
        installation = Installation(
            api, api.create_namespace(), DirectAddress(faults.url), admin, tmp_path, settings=settings
        )
        installation.write_password(guacamole.password)
        kubelet = Kubelet(installation)
        kubelet.start()
        try:
            yield installation, faults, kubelet
        finally:
            kubelet.ended.set()
            kubelet.join()
            installation.end()
            admin.close()
            installation.statuses.check()


@pytest.mark.timeout(1800)
def test_fifty_kills_leave_exactly_what_the_living_sessions_need(chaos: Chaos) -> None:
    installation, faults, kubelet = chaos
    dice = random.Random(SEED)  # noqa: S311 - a repeatable choice, not a secret
    alive: dict[str, dict[str, Any]] = {}
    made, moment = 0, threading.Event()
    secrets: set[str] = set()
    for kill in range(KILLS):
        installation.start()
        for _ in range(SESSIONS // KILLS):
            name = f"desk-{made}"
            made += 1
            owner, viewers = dice.choice(OWNERS), list(dice.choice(VIEWERS))
            spec: dict[str, Any] = ({"owner": owner} if owner else {}) | ({"viewers": viewers} if viewers else {})
            alive[name] = installation.create(name, **spec)
        while len(alive) > 40 or (alive and dice.random() < 0.5):
            name = dice.choice(sorted(alive))
            del alive[name]
            installation.delete(name)
        if alive and dice.random() < 0.3:
            installation.patch(dice.choice(sorted(alive)), {"spec": {"viewers": list(dice.choice(VIEWERS)) or None}})
        # A start takes about a second, so that some kills hit it, and most hit the work after it.
        moment.wait(dice.uniform(0.2, 2.8))
        secrets |= planted(installation)
        installation.stop(kill=kill < KILLS - 1)
    faults.rate = 0.0
    installation.start()
    assert made == SESSIONS
    assert alive, "no session is left to check: choose another CHAOS_SEED"
    for name in sorted(alive):
        until(
            f"{name} is ready",
            lambda name=name: installation.condition("Ready", name).get("status") == "True",
            CONVERGENCE_SECONDS,
        )
    uids = {name: installation.session(name)["metadata"]["uid"] for name in alive}  # type: ignore[index]
    specs = {name: installation.session(name)["spec"] for name in alive}  # type: ignore[index]
    until("only living sessions are left", lambda: remaining(installation) == set(alive), CONVERGENCE_SECONDS)

    wanted = Counter(name_for(uid) for uid in uids.values())
    wanted += Counter(name_for(uids[name]) + VIEW_SUFFIX for name in alive if specs[name].get("viewers"))
    until(
        "there is exactly one connection for each",
        lambda: installation.guacamole.connection_keys() == wanted,
        CONVERGENCE_SECONDS,
    )
    grants = {(user, connection) for name in alive for user, connection in allowed(uids[name], specs[name])}
    users = {user for user, _ in grants}
    until("there is no user too many", lambda: installation.guacamole.users() == users, CONVERGENCE_SECONDS)
    until("there is no grant too many", lambda: granted(installation, users) == grants, CONVERGENCE_SECONDS)
    until(
        "there is no Secret too many",
        lambda: len(secret_names(installation)) == len(alive) + len(users),
        CONVERGENCE_SECONDS,
    )
    names = {name_for(uid) for uid in uids.values()}
    until("one pod each", lambda: {pod["metadata"]["name"] for pod in pods(installation)} == names, CONVERGENCE_SECONDS)
    for user in sorted(users):
        password = password_of(installation, user)
        until(f"{user} gets in", lambda user=user, password=password: installation.guacamole.can_log_in(user, password))
    left = planted(installation)
    assert len(left) == 2 * len(alive) + len(users), "two of each desktop, and one of each user"
    secrets |= left
    assert not [secret for secret in secrets | {f'"{PASSWORD_OF_ADMIN}"'} if secret in installation.log]
    assert "Traceback" not in installation.log, installation.log[-6000:]
    kubelet.ended.set()
    kubelet.join()
    installation.delete_all_and_assert_nothing_left()


def allowed(uid: str, spec: dict[str, Any]) -> set[tuple[str, str]]:
    owner = spec.get("owner") or name_for(uid)
    return {(owner, name_for(uid))} | {(viewer, name_for(uid) + VIEW_SUFFIX) for viewer in spec.get("viewers", [])}


def granted(installation: Installation, users: set[str]) -> set[tuple[str, str]]:
    listed = installation.guacamole.connections().items()
    names = {identifier: connection_key(each["name"]) for identifier, each in listed}
    found = set()
    for user in users:
        held = installation.guacamole.get(f"users/{user}/permissions")["connectionPermissions"]
        found |= {(user, names[identifier]) for identifier in held}
    return found


def remaining(installation: Installation) -> set[str]:
    return {session["metadata"]["name"] for session in installation.sessions()}


def secret_names(installation: Installation) -> list[str]:
    return [each for each in installation.children() if each.startswith("secrets/")]


def planted(installation: Installation) -> set[str]:
    """Return every password and token that stands in a Secret now."""
    items: Any = installation.api.request("GET", f"api/v1/namespaces/{installation.namespace}/secrets")["items"]
    values = ({**item["data"]} for item in items)
    return {base64.b64decode(value).decode() for data in values for key, value in data.items() if key != "username"}


def password_of(installation: Installation, user: str) -> str:
    items: Any = installation.api.request("GET", f"api/v1/namespaces/{installation.namespace}/secrets")["items"]
    for item in items:
        data = {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
        if data.get("username") == user:
            return data["password"]
    raise AssertionError(f"no Secret for {user}")
