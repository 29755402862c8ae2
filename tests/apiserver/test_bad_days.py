"""What is pulled from under living sessions: their definition, and their namespace."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from apiserver.api import SESSIONS, Api, ApiError
from apiserver.crds import serve_all
from apiserver.stage import idle, world
from localcluster import controlplane
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.lifecycle import Object, Stage

__all__ = ["idle"]

DEFINITION = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/blendersessions.blendersessions.io"
ALL_NAMESPACES = {"BLENDERSESSIONS_NAMESPACES": ""}


@pytest.fixture(scope="module")
def own_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API server that is not shared, for definitions are everybody's."""
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
def bare(own_api: Api, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A world whose definitions the test may delete."""
    serve_all(own_api)
    with world(own_api, tmp_path) as stage:
        stage.settings |= request.param
        yield stage


def test_the_definition_is_deleted_with_live_sessions(bare: Stage) -> None:
    bare.start()
    for number in range(3):
        bare.ready(f"desk-{number}", owner=f"owner-{number}")
    bare.api.request("DELETE", DEFINITION)
    all_is_released(bare)
    in_service_again(bare)


def test_the_definition_is_deleted_while_the_operator_is_away(bare: Stage) -> None:
    bare.start()
    for number in range(3):
        bare.ready(f"desk-{number}", owner=f"owner-{number}")
    bare.stop()
    bare.api.request("DELETE", DEFINITION)
    bare.start()
    all_is_released(bare)
    in_service_again(bare)


def test_an_operator_that_comes_before_the_definition_waits_for_it(bare: Stage) -> None:
    bare.api.request("DELETE", DEFINITION)
    until("the definition goes", lambda: gone(bare.api, DEFINITION))
    bare.start()
    until("it says what it lacks", lambda: "apply the CRDs of this release" in bare.log)
    in_service_again(bare)


def all_is_released(stage: Stage) -> None:
    until("the definition goes", lambda: gone(stage.api, DEFINITION))
    assert stage.guacamole.connections() == {}
    assert stage.guacamole.users() == set()


def in_service_again(stage: Stage) -> None:
    """Apply the definition again, and see that a session starts.

    An operator that worked without it ends and says why, and Kubernetes starts another one, which waits.
    """
    assert stage.process is not None
    if "The operator is running." in stage.log:
        assert stage.process.wait(DEADLINE_SECONDS) == 1
        assert "Check that the CRDs are applied" in stage.log
        stage.start()
    serve_all(stage.api)
    stage.ready("again")
    stage.delete("again")
    stage.until_gone("again")


@pytest.mark.parametrize(
    "order",
    [
        ("secrets", "pods", "services", "persistentvolumeclaims", "blendersessions"),
        ("pods", "services", "persistentvolumeclaims", "secrets", "blendersessions"),
        ("services", "blendersessions", "secrets", "persistentvolumeclaims", "pods"),
    ],
    ids="-".join,
)
def test_the_namespace_is_deleted_with_live_sessions(idle: Stage, order: tuple[str, ...]) -> None:
    """The namespace controller deletes kind after kind, in no order that anybody may rely on."""
    idle.start()
    names = [f"desk-{number}" for number in range(3)]
    for name in names:
        idle.ready(name, owner=f"owner-of-{name}", viewers=["vic"], workspace={"size": "1Gi"})
    before = written(idle)
    idle.api.request("DELETE", f"api/v1/namespaces/{idle.namespace}")
    for plural in order:
        if plural == "blendersessions":
            for name in names:
                patience_is_shown(idle, name)
            idle.api.request("DELETE", f"{SESSIONS}/namespaces/{idle.namespace}/blendersessions")
            continue
        for child in [child for child in idle.children() if child.startswith(f"{plural}/")]:
            # What is gone by then was deleted by the operator, for the sessions are.
            with contextlib.suppress(ApiError):
                idle.delete_child(*child.split("/"))
    for name in names:
        idle.until_gone(name)
    until("nothing is left in the namespace", lambda: idle.children() == [])
    assert idle.guacamole.connections() == {}
    assert idle.guacamole.users() == set()
    counts = written(idle) - before
    assert max(counts.values(), default=0) <= 6, counts


def written(stage: Stage) -> Counter[str]:
    """Count the writes of each session's status."""
    entries = [entry for entry in entries_of(stage) if entry["message"].startswith("Ready=")]
    return Counter(entry["session"].split("/")[1] for entry in entries)


def patience_is_shown(stage: Stage, name: str) -> None:
    """Wait until a session has tried to make what is refused, and then let the API server rest."""

    def rests() -> bool:
        refused = [
            datetime.fromisoformat(entry["time"])
            for entry in entries_of(stage)
            if "being terminated" in entry["message"] and entry.get("session", "").endswith(f"/{name}")
        ]
        return bool(refused) and datetime.now(UTC) - refused[-1] > timedelta(seconds=3)

    until(f"{name} rests between two attempts", rests)


def entries_of(stage: Stage) -> list[Object]:
    """Return the log's lines, without one that is being written."""
    lines = stage.log.splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
