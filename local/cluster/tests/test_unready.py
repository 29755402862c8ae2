"""When pods do not become ready, the error names what they wait for."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcluster.commands import Kubectl
from localcluster.errors import LocalClusterError
from localcluster.unready import explained, reasons


def pod(**status: Any) -> dict[str, Any]:  # noqa: ANN401 - as Kubernetes writes it
    return {"metadata": {"name": "guacd-1"}, "status": status}


WAITING = {"name": "guacd", "state": {"waiting": {"reason": "ErrImagePull", "message": "no route to host"}}}
CREATING = {"name": "guacd", "state": {"waiting": {"reason": "ContainerCreating"}}}
FALLEN = {
    "name": "guacd",
    "state": {"running": {}},
    "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
}
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes fit."}


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ({"containerStatuses": [WAITING]}, "guacd: ErrImagePull: no route to host"),
        (
            {"initContainerStatuses": [WAITING], "containerStatuses": [CREATING]},
            "guacd: ErrImagePull: no route to host",
        ),
        ({"containerStatuses": [FALLEN]}, "guacd: OOMKilled"),
        ({"phase": "Pending", "conditions": [UNSCHEDULED]}, "Unschedulable: 0/1 nodes fit."),
        ({"phase": "Pending", "containerStatuses": [CREATING]}, "Pending"),
        ({}, "it has no status yet"),
    ],
)
def test_the_nearest_cause_is_named(status: dict[str, Any], cause: str) -> None:
    assert reasons([pod(**status)]) == [f"Pod guacd-1 is not ready: {cause}"]


def test_pods_that_are_as_they_should_be_are_not_named() -> None:
    ready = pod(phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    assert reasons([ready, pod(phase="Succeeded")]) == []


def kubectl(folder: Path, script: str) -> Kubectl:
    """A kubectl that runs this script."""
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Kubectl(program, folder / "kubeconfig")


def test_an_error_gets_the_pods_reasons(tmp_path: Path) -> None:
    (tmp_path / "pods.json").write_text(json.dumps({"items": [pod(containerStatuses=[WAITING])]}))
    with (
        pytest.raises(LocalClusterError, match=r"timed out\nPod guacd-1 .*no route to host\nLook at: .*describe pods"),
        explained(kubectl(tmp_path, f"cat {tmp_path}/pods.json"), "blender-sessions"),
    ):
        raise LocalClusterError("timed out")


def test_an_error_goes_on_as_it_is_where_the_pods_cannot_be_read(tmp_path: Path) -> None:
    with (
        pytest.raises(LocalClusterError, match=r"^timed out$"),
        explained(kubectl(tmp_path, "exit 1"), "blender-sessions"),
    ):
        raise LocalClusterError("timed out")
