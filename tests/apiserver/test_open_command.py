"""`blendersessions open` with the rights of a person, at a real API server."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from apiserver.api import SESSIONS, Api
from apiserver.command import blendersessions
from apiserver.rights import allow, person_in
from blendersessions.model.names import user_secret_name
from contract.standins import PASSWORD, running
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract.standins import Guacamole

USER = "guacadmin"
CART = {"metadata": {"name": "cart"}, "spec": {"owner": USER}}


@pytest.fixture(scope="module")
def guacamole() -> Iterator[Guacamole]:
    with running() as guacamole:
        yield guacamole


@pytest.fixture
def session(api: Api, namespace: str, guacamole: Guacamole) -> str:
    """A ready session and its owner's Secret; gives the session's path."""
    api.create_session(namespace, CART)
    path = f"{SESSIONS}/namespaces/{namespace}/blendersessions/cart"
    now = "2026-11-24T08:00:00Z"
    condition = {"type": "Ready", "status": "True", "reason": "SessionReady", "message": "", "lastTransitionTime": now}
    status = {"clientURL": f"{guacamole.url}#/client/MQBjAHBvc3RncmVzcWw", "conditions": [condition]}
    api.request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")
    data = {"username": USER, "password": PASSWORD}
    secret = {
        "metadata": {"name": user_secret_name(USER)},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
    api.request("POST", f"api/v1/namespaces/{namespace}/secrets", secret)
    return path


@pytest.fixture
def person(api: Api, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of somebody who may read and scale sessions, and nothing else."""
    allow(api, namespace, "sessions", ["get", "list"], "blendersessions.io", "blendersessions")
    allow(api, namespace, "scale", ["update"], "blendersessions.io", "blendersessions/scale")
    return person_in(api, namespace, tmp_path)


@pytest.mark.usefixtures("session")
def test_the_one_secret_is_the_right_that_opens(api: Api, namespace: str, person: Path, guacamole: Guacamole) -> None:
    refused = blendersessions(person, "open", "--print", "cart")
    assert (refused.returncode, refused.stdout) == (1, "")
    asked_for = f"--verb=get --resource=secrets --resource-name={user_secret_name(USER)}"
    assert asked_for in refused.stderr
    assert "Traceback" not in refused.stderr
    allow(api, namespace, "open", ["get"], "", "secrets", user_secret_name(USER))
    opened = blendersessions(person, "open", "--print", "cart")
    assert opened.returncode == 0, opened.stderr
    address, _, token = opened.stdout.strip().partition("?token=")
    assert address == f"{guacamole.url}#/client/MQBjAHBvc3RncmVzcWw"
    answer = requests.head(f"{guacamole.url}api/session", headers={"Guacamole-Token": token}, timeout=DEADLINE_SECONDS)
    assert answer.status_code == 204


def test_suspend_and_resume_are_kept_by_the_api_server(api: Api, session: str, person: Path) -> None:
    asked = blendersessions(person, "suspend", "cart")
    assert asked.returncode == 1
    assert "has no workspace" in asked.stderr
    assert blendersessions(person, "suspend", "cart", "--yes").returncode == 0
    suspended: Any = api.request("GET", session)
    assert suspended["spec"]["replicas"] == 0
    assert blendersessions(person, "resume", "cart").returncode == 0
    resumed: Any = api.request("GET", session)
    assert resumed["spec"]["replicas"] == 1


def test_the_end_of_a_desktop_is_told_for_a_day(api: Api, session: str, person: Path) -> None:
    for hours, told in ((25, False), (1, True)):
        at = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        end = {"reason": "OutOfMemory", "message": "Raise spec.resources.limits.memory.", "at": at}
        path = f"{session}/status"
        api.request("PATCH", path, {"status": {"lastTermination": end}}, "application/merge-patch+json")
        for command in (("list",), ("wait", "cart")):
            answer = blendersessions(person, *command)
            assert answer.returncode == 0, answer.stderr
            assert ("(OutOfMemory): Raise spec.resources.limits.memory." in answer.stderr) is told
            assert "OutOfMemory" not in answer.stdout, "programs read that"
