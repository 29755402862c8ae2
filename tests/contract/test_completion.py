"""The shell completes names of the cluster, for the command and for kubectl's plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from blendersessions_cli.commands import cli
from blendersessions_cli.completion import complete_for_kubectl
from contract.kube import CLASSES, NAMESPACES, SESSIONS

if TYPE_CHECKING:
    from contract.kube import Cluster


@pytest.fixture(autouse=True)
def _objects(cluster: Cluster) -> None:
    cluster.add_session("cart", scene={"sample": "own.blend"})
    cluster.add_session("can")
    cluster.add_session("b", namespace="music")
    for name in ("large", "small"):
        cluster.objects[f"{CLASSES}/{name}"] = {"metadata": {"name": name}}
    for name in ("art", "music"):
        cluster.objects[f"{NAMESPACES}/{name}"] = {"metadata": {"name": name}}


def offered(*words: str) -> list[str]:
    *before, incomplete = words
    return [item.value for item in ShellComplete(cli, {}, "x", "").get_completions(before, incomplete)]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("open", ""), ["can", "cart"]),
        (("suspend", "car"), ["cart"]),
        (("open", "-n", "music", ""), ["b"]),
        (("open", "--context", "elsewhere", ""), ["b"]),
        (("delete", "can", ""), ["cart"]),
        (("create", "x", "--class", ""), ["large", "small"]),
        (("create", "x", "--class", "l"), ["large"]),
        (("create", "x", "--sample", "o"), ["own.blend"]),
        (("create", "x", "--sample", "sh"), ["shopping_cart.blend"]),
        (("list", "-n", ""), ["art", "music"]),
        (("de",), ["delete", "delete-file"]),
        (("list", "-o", ""), ["json", "yaml", "wide", "name"]),
    ],
)
def test_names_are_offered(words: tuple[str, ...], names: list[str]) -> None:
    assert offered(*words) == names


def test_a_cluster_that_does_not_say_offers_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.forbidden.add(SESSIONS)
    assert offered("open", "") == []
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    assert offered("open", "") == []


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["open", "c"], ["can", "cart", ":4"]),
        (["de"], ["delete", "delete-file", ":4"]),
        (["upload", "cart", ""], [":0"]),
        (["open", "x"], [":4"]),
    ],
)
def test_kubectl_gets_names_and_whether_files_count(
    capsys: pytest.CaptureFixture[str], words: list[str], lines: list[str]
) -> None:
    complete_for_kubectl(cli, words)
    assert capsys.readouterr().out.splitlines() == lines
