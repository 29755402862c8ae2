"""The tests never touch a cluster that they did not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.api import Api, ForeignClusterError, check_ours

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(folder: Path, server: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "kubeconfig"
    path.write_text(f'{{"clusters": [{{"name": "c", "cluster": {{"server": "{server}"}}}}]}}')
    return path


def test_a_kubeconfig_of_the_run_is_used(tmp_path: Path) -> None:
    assert check_ours(kubeconfig(tmp_path / "ours", "https://127.0.0.1:6443"), tmp_path) == "https://127.0.0.1:6443"


def test_a_kubeconfig_from_elsewhere_is_refused(tmp_path: Path) -> None:
    foreign = kubeconfig(tmp_path / "home", "https://127.0.0.1:6443")
    (tmp_path / "ours").mkdir()
    with pytest.raises(ForeignClusterError, match="was not made by this test run"):
        Api(foreign, tmp_path / "ours")


@pytest.mark.parametrize(
    "server", ["https://10.0.0.1:6443", "https://production.example.org", "https://127.0.0.1.example.org"]
)
def test_a_server_that_is_not_on_loopback_is_refused(tmp_path: Path, server: str) -> None:
    with pytest.raises(ForeignClusterError, match="not to one API server on 127"):
        check_ours(kubeconfig(tmp_path / "ours", server), tmp_path)
