"""What the proxy says of itself, and what it never says of others."""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
import requests

from localcluster import chart
from waiting import until

if TYPE_CHECKING:
    from e2e.kubectl import Kubectl

SECRET = "planted-secret"
TOO_LONG = "x" * 20_000


@pytest.fixture
def visit() -> str:
    """A path that nobody else asks for, to find one's own lines."""
    return secrets.token_hex(8)


def logged(kubectl: Kubectl) -> list[str]:
    """What the proxy wrote so far; its health checks are not among that."""
    deployment = f"deployment/{chart.RELEASE}-proxy"
    return kubectl.run("logs", deployment, f"--namespace={chart.NAMESPACE}").splitlines()


def test_it_answers_for_itself_without_asking_others(public_url: str, kubectl: Kubectl) -> None:
    answer = requests.get(f"{public_url}-/healthz", timeout=10)
    assert (answer.status_code, answer.text) == (HTTPStatus.OK, "ok\n")
    assert not [line for line in logged(kubectl) if "healthz" in line]


def test_its_log_has_the_path_and_no_token(public_url: str, kubectl: Kubectl, visit: str) -> None:
    requests.get(f"{public_url}guacamole/{visit}/websocket-tunnel?token={SECRET}&x={TOO_LONG}", timeout=10)
    requests.get(
        f"{public_url}guacamole/{visit}/websocket-tunnel?token={SECRET}",
        headers={"Guacamole-Token": SECRET, "Referer": f"{public_url}?token={SECRET}", "Cookie": f"a={SECRET}"},
        timeout=10,
    )
    requests.delete(f"{public_url}guacamole/api/tokens/{SECRET}?visit={visit}", timeout=10)
    requests.get(f"{public_url}{visit}?blender_file={SECRET}", timeout=10)

    # The last request is the last of ours in the log.
    until("the visit is logged", lambda: [line for line in logged(kubectl) if f'"/{visit}"' in line])
    lines = logged(kubectl)
    assert SECRET not in "\n".join(lines)
    records = [json.loads(line) for line in lines if line.startswith("{")]
    told = {(record["method"], record["path"]): record["status"] for record in records}
    assert told["GET", f"/guacamole/{visit}/websocket-tunnel"] == HTTPStatus.NOT_FOUND
    assert told["GET", f"/{visit}"] == HTTPStatus.NOT_FOUND
    assert ("DELETE", "/guacamole/api/tokens/-") in told


def test_an_address_too_long_is_refused(public_url: str) -> None:
    answer = requests.get(f"{public_url}?x={TOO_LONG}", timeout=10)
    assert answer.status_code == HTTPStatus.REQUEST_URI_TOO_LONG
