"""The command with the rights of a person, at a real API server, and as a plugin of a real kubectl."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING

import pytest

from apiserver.api import SESSIONS, Api
from apiserver.command import blendersessions, run
from apiserver.rights import allow, person_in
from blendersessions.model.names import name_for

if TYPE_CHECKING:
    from pathlib import Path

CART = {"metadata": {"name": "cart", "labels": {"team": "film"}}, "spec": {"owner": "alice"}}


@pytest.fixture
def person(api: Api, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of somebody who may read, create and delete sessions, and nothing else."""
    allow(api, namespace, "sessions", ["get", "list", "create", "delete"], "blendersessions.io", "blendersessions")
    return person_in(api, namespace, tmp_path)


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    """A folder with the programs that kubectl finds by their names."""
    for name, function in (("kubectl-blender", "main"), ("kubectl_complete-blender", "complete")):
        program = tmp_path / name
        program.write_text(f"#!{sys.executable}\nfrom blendersessions_cli.__main__ import {function}\n{function}()\n")
        program.chmod(0o755)
    return str(tmp_path)


def test_list_prints_what_kubectl_prints(api: Api, namespace: str, person: Path, kubectl: list[str]) -> None:
    api.create_session(namespace, CART)
    printed = []
    for form in (("-o", "wide", "-l", "team=film"), ("-o", "json"), ("-o", "name")):
        ours = blendersessions(person, "list", *form)
        theirs = run(person, kubectl[0], "get", "blendersessions", *form)
        assert (ours.returncode, theirs.returncode) == (0, 0), ours.stderr + theirs.stderr
        printed.append((ours.stdout, theirs.stdout))
    wide, objects, names = printed
    for our_line, their_line in zip(*(text.splitlines() for text in wide), strict=True):
        # kubectl leaves an empty cell empty, and the last one is an age.
        assert our_line.replace("-", "").split()[:-1] == their_line.replace("-", "").split()[:-1]
    assert json.loads(objects[0])["items"] == json.loads(objects[1])["items"]
    assert names[0] == names[1]
    assert "You may not list blendersessions in all namespaces." in blendersessions(person, "list", "-A").stderr


def test_sessions_are_created_and_deleted_by_the_rules_of_the_api(api: Api, namespace: str, person: Path) -> None:
    made = blendersessions(person, "create", "cart", "--sample", "cart.blend", "--workspace", "5Gi", "-o", "name")
    assert (made.returncode, made.stdout) == (0, "blendersession.blendersessions.io/cart\n"), made.stderr
    path = f"{SESSIONS}/namespaces/{namespace}/blendersessions/cart"
    stored = json.loads(json.dumps(api.request("GET", path)))
    assert stored["spec"]["scene"] == {"sample": "cart.blend"}
    assert stored["metadata"]["managedFields"][0]["manager"] == "blendersessions"
    refused = blendersessions(person, "create", "b", "--owner", "a/b")
    assert refused.returncode == 1
    assert "spec.owner" in refused.stderr
    assert "already" in blendersessions(person, "create", "cart").stderr
    deleted = blendersessions(person, "delete", "cart", "--yes", "--timeout", "30s")
    assert (deleted.returncode, deleted.stdout) == (0, ""), deleted.stderr
    assert "is gone" in deleted.stderr
    assert "There is no session “cart”" in blendersessions(person, "delete", "cart").stderr


def test_files_need_the_rights_that_the_command_asks_for(api: Api, namespace: str, person: Path) -> None:
    created = json.loads(json.dumps(api.create_session(namespace, CART)))
    desktop = name_for(created["metadata"]["uid"])
    status = {"status": {"desktop": {"name": desktop}}}
    path = f"{SESSIONS}/namespaces/{namespace}/blendersessions/cart/status"
    api.request("PATCH", path, status, "application/merge-patch+json")
    token = base64.b64encode(b"token").decode()
    secret = {"metadata": {"name": desktop}, "data": {"agent-token": token}}
    api.request("POST", f"api/v1/namespaces/{namespace}/secrets", secret)

    refused = blendersessions(person, "files", "cart")
    assert refused.returncode == 1
    assert f"--verb=get --resource=secrets --resource-name={desktop}" in refused.stderr
    allow(api, namespace, "secret", ["get"], "", "secrets", desktop)
    refused = blendersessions(person, "files", "cart")
    assert f"--verb=get,create --resource=pods/portforward --resource-name={desktop}" in refused.stderr
    allow(api, namespace, "files", ["get"], "", "pods/portforward", desktop)
    assert "You may not forward ports" in blendersessions(person, "files", "cart").stderr, "one verb is not enough"
    allow(api, namespace, "files-2", ["create"], "", "pods/portforward", desktop)
    answer = blendersessions(person, "files", "cart")
    # There is no node here, so there is no pod.
    assert f"The desktop {desktop} in the namespace {namespace} is gone." in answer.stderr


def test_kubectl_runs_it_as_its_plugin(api: Api, namespace: str, person: Path, kubectl: list[str], plugin: str) -> None:
    api.create_session(namespace, CART)
    listed = run(person, kubectl[0], "blender", "list", path=plugin)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.splitlines()[1].startswith("cart")
    helped = run(person, kubectl[0], "blender", "--help", path=plugin)
    assert helped.stdout.startswith("Usage: kubectl blender ")
    for words, offered in ((["open", "c"], "cart"), (["dele"], "delete")):
        completed = run(person, kubectl[0], "__complete", "blender", *words, path=plugin)
        assert completed.stdout.splitlines()[0] == offered, completed.stderr
        assert completed.stdout.splitlines()[-1] == ":4"
