"""A real API server on loopback (etcd and kube-apiserver only) with our CRDs, and installations of the operator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from apiserver.api import Api
from apiserver.crds import serve_all
from apiserver.fake_agent import fake_agent
from apiserver.installation import installed
from apiserver.rights import OPERATOR
from localcluster import binaries, controlplane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.fake_agent import FakeAgent
    from apiserver.installation import Installation


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[controlplane.ControlPlane]:
    """An etcd and a kube-apiserver, ended with the run."""
    plane = controlplane.start(tmp_path_factory.mktemp("control-plane"), 0, audited=[OPERATOR])
    try:
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def api(control_plane: controlplane.ControlPlane) -> Iterator[Api]:
    """The administrator's access, once the CRDs are served; default clients lead there too, and nowhere else."""
    api = Api(control_plane.kubeconfig, control_plane.kubeconfig.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(api.kubeconfig))
        for name in [name for name in os.environ if name.startswith("KUBERNETES_SERVICE_")]:
            patch.delenv(name)
        serve_all(api)
        yield api


@pytest.fixture(scope="session")
def kubeconfig(api: Api) -> Path:
    """Path of the administrator's kubeconfig."""
    return api.kubeconfig


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> list[str]:
    """The command line of a real kubectl that leads to the tests' API server."""
    binary = binaries.ensure("kubectl")["kubectl"]
    return [str(binary), f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent / 'kubectl-cache'}"]


@pytest.fixture
def namespace(api: Api) -> str:
    """A namespace of the test's own."""
    return api.create_namespace()


@pytest.fixture(scope="module")
def shared_namespace(api: Api) -> str:
    """A namespace for all tests of a file whose requests are dry runs, which leave nothing there."""
    return api.create_namespace()


@pytest.fixture(scope="module")
def shared_installation(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose operator runs for all tests of a file."""
    with installed(api, tmp_path_factory.mktemp("installation")) as shared:
        shared.start()
        yield shared


@pytest.fixture
def installation(shared_installation: Installation) -> Iterator[Installation]:
    """The file's installation without sessions, and with a running operator.

    After the test all sessions are deleted. Nothing of them may be left.
    """
    yield shared_installation
    shared_installation.delete_all_and_assert_nothing_left()
    shared_installation.statuses.check()


@pytest.fixture
def own_installation(api: Api, tmp_path: Path) -> Iterator[Installation]:
    """An installation of the test's own, whose operator is not started yet."""
    with installed(api, tmp_path) as own:
        yield own


@pytest.fixture
def own_running_installation(own_installation: Installation) -> Installation:
    """An installation of the test's own with a running operator, which the test may stop."""
    own_installation.start()
    return own_installation


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    """The agent of a desktop."""
    with fake_agent() as agent:
        yield agent


@pytest.fixture
def growing(api: Api) -> Iterator[str]:
    """A StorageClass that allows volumes to be expanded."""
    kind = "apis/storage.k8s.io/v1/storageclasses"
    body = {"metadata": {"name": "grows"}, "provisioner": "example.com/disks", "allowVolumeExpansion": True}
    api.request("POST", kind, body)
    yield "grows"
    api.request("DELETE", f"{kind}/grows")
