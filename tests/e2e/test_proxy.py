"""The proxy's log and health, and that no credential appears in them."""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
import requests

from localcluster import chart
from waiting import DEADLINE_SECONDS, until

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
    answer = requests.get(f"{public_url}-/healthz", timeout=DEADLINE_SECONDS)
    assert (answer.status_code, answer.text) == (HTTPStatus.OK, "ok\n")
    assert not [line for line in logged(kubectl) if "healthz" in line]


def test_its_log_has_the_path_and_no_token(public_url: str, kubectl: Kubectl, visit: str) -> None:
    requests.get(
        f"{public_url}guacamole/{visit}/websocket-tunnel?token={SECRET}&x={TOO_LONG}", timeout=DEADLINE_SECONDS
    )
    requests.get(
        f"{public_url}guacamole/{visit}/websocket-tunnel?token={SECRET}",
        headers={"Guacamole-Token": SECRET, "Referer": f"{public_url}?token={SECRET}", "Cookie": f"a={SECRET}"},
        timeout=DEADLINE_SECONDS,
    )
    requests.delete(f"{public_url}guacamole/api/tokens/{SECRET}?visit={visit}", timeout=DEADLINE_SECONDS)
    requests.get(f"{public_url}{visit}?blender_file={SECRET}", timeout=DEADLINE_SECONDS)

    def logged_requests() -> set[tuple[str, str, int]]:
        records = [json.loads(line) for line in logged(kubectl) if line.startswith("{")]
        return {(record["method"], record["path"], record["status"]) for record in records}

    # Each of the proxy's processes writes its lines when it comes to that, so they are in no order.
    for path in (f"/guacamole/{visit}/websocket-tunnel", f"/{visit}"):
        until(f"{path} is logged", lambda path=path: ("GET", path, HTTPStatus.NOT_FOUND) in logged_requests())
    until(
        "the deletion is logged",
        lambda: [each for each in logged_requests() if each[:2] == ("DELETE", "/guacamole/api/tokens/-")],
    )
    assert SECRET not in "\n".join(logged(kubectl))


def test_an_address_too_long_is_refused(public_url: str) -> None:
    answer = requests.get(f"{public_url}?x={TOO_LONG}", timeout=DEADLINE_SECONDS)
    assert answer.status_code == HTTPStatus.REQUEST_URI_TOO_LONG


def test_a_service_that_is_made_anew_is_found_again(public_url: str, kubectl: Kubectl) -> None:
    """The new Service has another address, and no pod of the proxy is restarted."""
    name, namespace = f"{chart.RELEASE}-guacamole", f"--namespace={chart.NAMESPACE}"
    service = json.loads(kubectl.run("get", "service", name, namespace, "-o", "json"))
    old_address = service["spec"].pop("clusterIP")
    service["spec"].pop("clusterIPs")
    service["metadata"] = {each: service["metadata"][each] for each in ("name", "labels", "annotations")}
    assert requests.get(f"{public_url}guacamole/", timeout=DEADLINE_SECONDS).status_code == HTTPStatus.OK
    pods = kubectl.run("get", "pods", namespace, "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}")

    kubectl.run("delete", "service", name, namespace)
    # Another Service takes the old address, or the new one might get it again.
    taken = {"metadata": {"name": "old-address"}, "spec": {"clusterIP": old_address, "ports": [{"port": 8080}]}}
    kubectl.run("apply", namespace, "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Service"} | taken))
    try:
        kubectl.run("apply", namespace, "-f", "-", stdin=json.dumps(service))
        until(
            "Guacamole's page is found behind the new address",
            lambda: requests.get(f"{public_url}guacamole/", timeout=DEADLINE_SECONDS).status_code == HTTPStatus.OK,
        )
    finally:
        kubectl.run("delete", "service", "old-address", namespace)
    now = kubectl.run("get", "pods", namespace, "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}")
    assert now == pods, "nothing was restarted"
