"""`blendersessions create` makes the session that its options describe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from contract.command import awaiting, done, failure, ready
from contract.kube import NAMESPACE, SESSIONS

if TYPE_CHECKING:
    from contract.kube import Cluster

SCENES: list[tuple[list[str], dict[str, object]]] = [
    (["--sample", "cart.blend"], {"sample": "cart.blend"}),
    (["--url", "https://x.example/a.zip"], {"url": "https://x.example/a.zip"}),
    (["--url", "https://x/a", "--sha256", "ab" * 32], {"url": "https://x/a", "sha256": "ab" * 32}),
    (["--volume", "scenes:shots/cart:2.blend"], {"volume": {"claimName": "scenes", "path": "shots/cart:2.blend"}}),
    (["--upload"], {"upload": {}}),
]


def created(cluster: Cluster, name: str = "cart") -> dict[str, Any]:
    return cluster.objects[f"{SESSIONS}/{name}"]


@pytest.mark.parametrize(("arguments", "scene"), SCENES)
def test_a_scene_comes_from_where_it_is_asked_for(
    cluster: Cluster, arguments: list[str], scene: dict[str, object]
) -> None:
    result = done("create", "cart", *arguments)
    assert result.stdout == ""
    assert f"Session {NAMESPACE}/cart is created." in result.stderr
    assert created(cluster)["spec"] == {"scene": scene}
    assert cluster.queries[-1] == {"fieldManager": "blendersessions", "fieldValidation": "Strict"}


def test_every_other_option_is_a_field(cluster: Cluster) -> None:
    done(
        *("create", "cart", "--class", "large", "--owner", "alice", "--viewer", "bob", "--viewer", "eve"),
        *("--workspace", "5Gi", "--display", "1920x1080"),
    )
    assert created(cluster)["spec"] == {
        "className": "large",
        "owner": "alice",
        "viewers": ["bob", "eve"],
        "workspace": {"size": "5Gi"},
        "display": {"width": 1920, "height": 1080},
    }
    done("create", "b", "--workspace-claim", "mine")
    assert created(cluster, "b")["spec"] == {"workspace": {"claimName": "mine"}}
    done("create", "c")
    assert created(cluster, "c")["spec"] == {}


def test_a_dry_run_prints_the_manifest_and_creates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    manifest = {
        "apiVersion": "blendersessions.io/v1alpha1",
        "kind": "BlenderSession",
        "metadata": {"name": "cart"},
        "spec": {"scene": {"upload": {}}},
    }
    dry = ["create", "cart", "--upload", "--dry-run=client"]
    assert yaml.safe_load(done(*dry, "-o", "yaml").stdout) == manifest
    assert json.loads(done(*dry, "-n", "film", "-o", "json").stdout)["metadata"] == {
        "name": "cart",
        "namespace": "film",
    }
    assert done(*dry, "-o", "name").stdout == "blendersession.blendersessions.io/cart\n"
    assert "Nothing was" in done(*dry).stderr


def test_programs_read_what_was_created(cluster: Cluster) -> None:
    assert done("create", "a", "-o", "name").stdout == "blendersession.blendersessions.io/a\n"
    made = yaml.safe_load(done("create", "b", "-o", "yaml").stdout)
    assert made["metadata"]["uid"] == created(cluster, "b")["metadata"]["uid"]
    assert "managedFields" not in made["metadata"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sample", "a.blend", "--upload"], "opens one scene. Give one of --sample, --upload."),
        (["--sha256", "ab"], "--sha256 is for what comes from a --url"),
        (["--volume", "scenes"], "write CLAIM:PATH"),
        (["--volume", ":a"], "write CLAIM:PATH"),
        (["--workspace", "5Gi", "--workspace-claim", "a"], "either --workspace"),
        (["--display", "large"], "write WIDTHxHEIGHT"),
    ],
)
def test_options_that_cannot_be_meant_are_explained(cluster: Cluster, arguments: list[str], words: str) -> None:
    assert words in failure("create", "cart", *arguments)
    assert not cluster.objects


def test_a_refusal_is_told(cluster: Cluster) -> None:
    cluster.add_session()
    assert f"There is a session “cart” in the namespace {NAMESPACE} already" in failure("create", "cart")
    cluster.invalid = 'strict decoding error: unknown field "spec.scene.url"'
    assert 'unknown field "spec.scene.url"' in failure("create", "b", "--url", "https://x.example/a")
    cluster.forbidden.add(f"POST {SESSIONS}")
    assert "You may not create blendersessions in the namespace" in failure("create", "b")
    cluster.forbidden.clear()
    cluster.has_crds = False
    assert "knows no BlenderSessions" in failure("create", "b")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--sample", "cart.blend"], ready(), "is ready."),
        (["--upload"], awaiting(), "waits for its scene."),
    ],
)
def test_a_wait_ends_when_there_is_something_to_do(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr("blendersessions_cli.waiting._POLL_SECONDS", 0.01)
    answer = cluster.answer

    def report(method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if cluster.reads == 2:
            created(cluster)["status"] = status
        return answer(method, path, body)

    monkeypatch.setattr(cluster, "answer", report)
    result = done("create", "cart", "--wait", *arguments)
    assert words in result.stderr
    assert cluster.reads >= 3


def test_a_mistake_on_the_command_line_ends_as_with_kubectl(cluster: Cluster) -> None:
    assert "No such option" in failure("create", "cart", "--teapot")
    assert "Missing argument" in failure("create")
    assert "No such command" in failure("make")
    assert done().stdout.startswith("Usage: ")
    assert not cluster.objects
