"""The CRD or the namespace is deleted while sessions live: all is removed from Guacamole, and service resumes."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import requests

from apiserver.api import SESSIONS, Api, ApiError
from apiserver.crds import serve_all
from apiserver.installation import installed
from localcluster import controlplane
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.installation import Installation, Object

CRD = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/blendersessions.blendersessions.io"
PUT_OFF = re.compile(r"BlenderSession [^/]+/(?P<name>\S+) is not done; it is tried again in (?P<seconds>[0-9.]+) s\.")
LONG_DELAY_SECONDS = 3.0
"""Only the fourth failure in a row puts a session off for longer."""
ALL_NAMESPACES = {"BLENDERSESSIONS_NAMESPACES": ""}


@pytest.fixture(scope="module")
def own_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API server of this file's own, because CRDs are shared by all who use one."""
    plane = controlplane.start(tmp_path_factory.mktemp("own-plane"), 0)
    try:
        yield Api(plane.kubeconfig, plane.kubeconfig.parent)
    finally:
        plane.stop()


def gone(api: Api, path: str) -> bool:
    try:
        api.request("GET", path)
    except ApiError as error:
        return error.status == requests.codes.not_found
    return False


@pytest.fixture(params=[{}, ALL_NAMESPACES], ids=["one namespace", "all namespaces"])
def crd_installation(own_api: Api, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """An installation whose CRDs the test may delete."""
    serve_all(own_api)
    with installed(own_api, tmp_path) as installation:
        installation.settings |= request.param
        yield installation


def test_the_crd_is_deleted_with_live_sessions(crd_installation: Installation) -> None:
    crd_installation.start()
    for number in range(3):
        crd_installation.ready(f"desk-{number}", owner=f"owner-{number}")
    crd_installation.api.request("DELETE", CRD)
    assert_all_released(crd_installation)
    assert_serves_again(crd_installation)


def test_the_crd_is_deleted_while_the_operator_is_stopped(crd_installation: Installation) -> None:
    crd_installation.start()
    for number in range(3):
        crd_installation.ready(f"desk-{number}", owner=f"owner-{number}")
    crd_installation.stop()
    crd_installation.api.request("DELETE", CRD)
    crd_installation.start()
    assert_all_released(crd_installation)
    assert_serves_again(crd_installation)


def test_an_operator_started_before_the_crd_waits_for_it(crd_installation: Installation) -> None:
    crd_installation.api.request("DELETE", CRD)
    until("the CRD is gone", lambda: gone(crd_installation.api, CRD))
    crd_installation.start()
    until("the log names what is missing", lambda: "apply the CRDs of this release" in crd_installation.log)
    assert_serves_again(crd_installation)


def assert_all_released(installation: Installation) -> None:
    until("the CRD is gone", lambda: gone(installation.api, CRD))
    assert installation.guacamole.connections() == {}
    assert installation.guacamole.users() == set()


def assert_serves_again(installation: Installation) -> None:
    """Apply the CRD again, and check that a session starts.

    An operator that lost the CRD while it worked logs why and exits. Kubernetes starts it again, and then it waits.
    """
    assert installation.process is not None
    if "The operator is running." in installation.log:
        assert installation.process.wait() == 1
        assert "Check that the CRDs are applied" in installation.log
        installation.start()
    serve_all(installation.api)
    installation.ready("again")
    installation.delete("again")
    installation.until_gone("again")


@pytest.mark.parametrize(
    "order",
    [
        ("secrets", "pods", "services", "persistentvolumeclaims", "blendersessions"),
        ("pods", "services", "persistentvolumeclaims", "secrets", "blendersessions"),
        ("services", "blendersessions", "secrets", "persistentvolumeclaims", "pods"),
    ],
    ids="-".join,
)
def test_the_namespace_is_deleted_with_live_sessions(own_installation: Installation, order: tuple[str, ...]) -> None:
    """The namespace controller deletes one kind after the other, in no fixed order."""
    own_installation.start()
    names = [f"desk-{number}" for number in range(3)]
    for name in names:
        own_installation.ready(name, owner=f"owner-of-{name}", viewers=["vic"], workspace={"size": "1Gi"})
    before = {name: len(own_installation.statuses.written(name)) for name in names}
    own_installation.api.request("DELETE", f"api/v1/namespaces/{own_installation.namespace}")
    for plural in order:
        if plural == "blendersessions":
            for name in names:
                until_backing_off(own_installation, name)
            own_installation.api.request(
                "DELETE", f"{SESSIONS}/namespaces/{own_installation.namespace}/blendersessions"
            )
            continue
        for child in [child for child in own_installation.children() if child.startswith(f"{plural}/")]:
            # The operator may have deleted it by then, because its session is deleted.
            with contextlib.suppress(ApiError):
                own_installation.delete_child(*child.split("/"))
    for name in names:
        own_installation.until_gone(name)
    until("nothing is left in the namespace", lambda: own_installation.children() == [])
    assert own_installation.guacamole.connections() == {}
    assert own_installation.guacamole.users() == set()
    for name in names:
        assert_no_circle(own_installation.statuses.written(name)[before[name] - 1 :])


def assert_no_circle(statuses: list[Object]) -> None:
    """Check that no change from one status to another happens twice, so what fails for ever is not told for ever.

    A moment or a number alone makes no other status. A late watch event may bring one status back, and no circle.
    """
    states = [re.sub(r"[0-9]+", "#", json.dumps(without_moments(status), sort_keys=True)) for status in statuses]
    changes = Counter(pairwise(states))
    assert max(changes.values(), default=0) <= 1, "\n".join(states)


def without_moments(status: Object) -> Object:
    conditions = [
        {key: value for key, value in condition.items() if key != "lastTransitionTime"}
        for condition in status["conditions"]
    ]
    return status | {"conditions": conditions}


def until_backing_off(installation: Installation, name: str) -> None:
    """Wait until an object of a session was refused so often that the queue puts off the next attempt for seconds."""

    def backs_off() -> bool:
        entries = [(entry["message"], entry.get("session", "")) for entry in log_entries(installation)]
        is_refused = any("being terminated" in text and session.endswith(f"/{name}") for text, session in entries)
        delays = [
            float(found["seconds"])
            for text, _ in entries
            if (found := PUT_OFF.fullmatch(text)) and found["name"] == name
        ]
        return is_refused and max(delays, default=0) > LONG_DELAY_SECONDS

    until(f"{name} backs off between two attempts", backs_off)


def log_entries(installation: Installation) -> list[Object]:
    """Return the log's complete lines."""
    lines = installation.log.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
