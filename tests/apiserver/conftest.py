"""A real API server for the tests here: etcd and kube-apiserver alone, on loopback, with our CRDs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from apiserver.api import Api, ApiError
from localcluster import binaries, controlplane
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[controlplane.ControlPlane]:
    """An etcd and a kube-apiserver, ended with the run."""
    plane = controlplane.start(tmp_path_factory.mktemp("control-plane"), 0)
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
        for crd in sorted(CRDS.glob("*.yaml")):
            _serve(api, yaml.safe_load(crd.read_text()))
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


def _serve(api: Api, crd: dict[str, object]) -> None:
    """Apply a CRD and wait until the API server serves it."""
    api.apply(crd)

    def established() -> dict[str, object] | None:
        found = api.request("GET", api.path(crd))
        status = found["status"]
        assert isinstance(status, dict)
        conditions = {c["type"]: c for c in status.get("conditions") or []}
        structural = conditions.get("NonStructuralSchema", {})
        assert structural.get("status") != "True", structural.get("message")
        return found if conditions.get("Established", {}).get("status") == "True" else None

    found = until(f"{crd['metadata']} is established", established)
    spec = found["spec"]
    assert isinstance(spec, dict)
    address = f"apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"

    def listed() -> bool:
        try:
            api.request("GET", address)
        except ApiError:
            return False
        return True

    # The resource's own address answers a moment after the condition says so.
    until(f"{address} answers", listed)
