"""Two operators are killed and lose the lead at random moments, sessions come and go, and Guacamole fails now and then.

At the end nothing may be missing, doubled or left over in Kubernetes or in Guacamole, and the log holds no secret.
"""

from __future__ import annotations

import base64
import os
import random
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.chaos import CONVERGENCE_SECONDS, chaotic
from apiserver.installation import ignoring_not_found
from apiserver.repetition import repeated
from blendersessions.model.desktop import VIEW_SUFFIX, connection_key
from blendersessions.model.names import name_for
from contract.faults import Faults
from waiting import until

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api
    from apiserver.chaos import Chaos
    from apiserver.installation import Installation
    from apiserver.replicas import Replicas

SEED = int(os.environ.get("CHAOS_SEED", "20261124"))
SESSIONS = 200
KILLS = 50
FAULT_RATE = 0.1
OWNERS = ("", "", "ann", "bo", "cy")
VIEWERS = ((), (), ("dee",), ("dee", "eve"))
PASSWORD_OF_ADMIN = "guacadmin"


def kubelet(installation: Installation) -> contextlib.AbstractContextManager[None]:
    """Report every pod as ready, and delete what nobody owns."""

    def report() -> None:
        for pod in installation.pods():
            if pod["status"].get("phase") == "Pending" and not pod["metadata"].get("deletionTimestamp"):
                ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                with ignoring_not_found():
                    installation.set_pod_status(pod["metadata"]["name"], ready)
        installation.collect_garbage()

    return repeated(report, "kubelet")


@pytest.fixture
def chaos(api: Api, tmp_path: Path) -> Iterator[Chaos]:
    with chaotic(api, tmp_path, Faults(SEED, FAULT_RATE), kubelet) as chaos:
        yield chaos


def disturb(replicas: Replicas, dice: random.Random) -> None:
    """Kill one operator at random. Now and then the leader also ends in order, or stands still for a while."""
    leader = replicas.holder
    what = dice.choice(("end", "stop", "", "", "", ""))
    victim = dice.choice(replicas.members)
    if leader is not None and leader is not victim and what:
        leader.send(signal.SIGTERM if what == "end" else signal.SIGSTOP)
    if not victim.has_ended:
        victim.send(signal.SIGKILL)


def kill_the_leader(replicas: Replicas) -> None:
    """Wait until somebody leads, and kill that one: however slow the machine is, the lead changes."""
    leader, _ = replicas.until_led(CONVERGENCE_SECONDS)
    process = leader.process
    leader.send(signal.SIGKILL)
    assert process is not None
    process.wait()


def come_and_go(
    installation: Installation, alive: dict[str, dict[str, Any]], numbers: range, dice: random.Random
) -> None:
    """Create sessions of these numbers, and delete and change others; `alive` is what is not deleted."""
    for number in numbers:
        name = f"desk-{number}"
        owner, viewers = dice.choice(OWNERS), list(dice.choice(VIEWERS))
        spec: dict[str, Any] = ({"owner": owner} if owner else {}) | ({"viewers": viewers} if viewers else {})
        alive[name] = installation.create(name, **spec)
    while len(alive) > 40 or (alive and dice.random() < 0.75):
        name = dice.choice(sorted(alive))
        del alive[name]
        installation.delete(name)
    if alive and dice.random() < 0.3:
        installation.patch(dice.choice(sorted(alive)), {"spec": {"viewers": list(dice.choice(VIEWERS)) or None}})


def resume_all(replicas: Replicas) -> None:
    """Let the operators that stand still go on."""
    for each in replicas.members:
        each.send(signal.SIGCONT)


@pytest.mark.timeout(1800)
def test_fifty_kills_leave_exactly_what_the_living_sessions_need(chaos: Chaos) -> None:
    installation, faults, replicas = chaos
    dice = random.Random(SEED)  # noqa: S311 - a repeatable choice, not a secret
    alive: dict[str, dict[str, Any]] = {}
    made, moment = 0, threading.Event()
    secrets: set[str] = set()
    for kill in range(KILLS):
        faults.rate = 1.0 if dice.random() < 0.1 else FAULT_RATE
        come_and_go(installation, alive, range(made, made + SESSIONS // KILLS), dice)
        made += SESSIONS // KILLS
        moment.wait(dice.uniform(0.0, 1.6))
        secrets |= planted(installation)
        if kill % 5 == 4:
            kill_the_leader(replicas)
        else:
            disturb(replicas, dice)
        if kill % 3 == 2:
            resume_all(replicas)
    faults.rate = 0.0
    resume_all(replicas)
    replicas.until_led(CONVERGENCE_SECONDS)
    assert replicas.lease["leaseTransitions"] >= KILLS // 5, "with each leader that was killed the lead changed"
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
    until(
        "one pod each", lambda: {pod["metadata"]["name"] for pod in installation.pods()} == names, CONVERGENCE_SECONDS
    )
    for user in sorted(users):
        password = password_of(installation, user)
        until(f"{user} gets in", lambda user=user, password=password: installation.guacamole.can_log_in(user, password))
    left = planted(installation)
    assert len(left) == 2 * len(alive) + len(users), "two of each desktop, and one of each user"
    secrets |= left
    assert not [secret for secret in secrets | {f'"{PASSWORD_OF_ADMIN}"'} if secret in installation.log]
    assert "Traceback" not in installation.log, installation.log[-6000:]
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
    return {value for data in secret_data(installation) for key, value in data.items() if key != "username"}


def password_of(installation: Installation, user: str) -> str:
    for data in secret_data(installation):
        if data.get("username") == user:
            return data["password"]
    raise AssertionError(f"no Secret for {user}")


def secret_data(installation: Installation) -> Iterator[dict[str, str]]:
    for secret in installation.listed("secrets"):
        yield {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
