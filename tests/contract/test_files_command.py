"""`blendersessions files` and `delete-file` reach the agent by the API server, and show what others named."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

import pytest
import yaml

from contract.command import done, failure, waiting
from contract.kube import DESKTOP, NAMESPACE, PODS, SECRETS

if TYPE_CHECKING:
    from pathlib import Path

    from contract.agent_standin import AgentStandin
    from contract.kube import Cluster

HOSTILE = "\x1b]0;owned\x07\u202ednelb.\n"


@pytest.fixture
def desktop(cluster: Cluster, agent: AgentStandin) -> AgentStandin:
    """The desktop of the session cart, with some files."""
    cluster.add_desktop(agent)
    (agent.home / "renders").mkdir()
    (agent.home / "renders/1.png").write_bytes(bytes(1234))
    (agent.home / "cart.blend").write_bytes(bytes(12_345_678))
    return agent


@pytest.mark.usefixtures("desktop")
def test_a_folder_is_listed() -> None:
    head, *rows = [line.split("   ") for line in done("files", "cart").stdout.splitlines()]
    assert [cell.strip() for cell in head if cell] == ["NAME", "SIZE", "AGE"]
    assert [[cell.strip() for cell in row if cell][:2] for row in rows] == [
        ["cart.blend", "12.3 MB"],
        ["renders/", "-"],
    ]
    wide = done("files", "cart", "renders/", "-o", "wide").stdout.splitlines()
    assert wide[0].split() == ["NAME", "SIZE", "AGE", "BYTES", "MODIFIED"]
    assert wide[1].split()[0] == "1.png"
    assert "1234" in wide[1]


@pytest.mark.usefixtures("desktop")
def test_programs_read_paths_and_sizes() -> None:
    assert done("files", "cart", "-o", "name").stdout.splitlines() == ["cart.blend", "renders"]
    assert done("files", "cart", "./renders", "-o", "name").stdout == "renders/1.png\n"
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        listed = read(done("files", "cart", "renders", "-o", form).stdout)
        assert (listed["path"], listed["truncated"]) == ("renders", False)
        [file] = listed["files"]
        assert (file["name"], file["kind"], file["bytes"]) == ("1.png", "file", 1234)


@pytest.mark.parametrize("form", ["wide", "name", "json", "yaml"])
def test_a_hostile_name_does_not_command_the_terminal(desktop: AgentStandin, form: str) -> None:
    (desktop.home / HOSTILE).touch()
    (desktop.home / "--to=x").touch()
    written = done("files", "cart", "-o", form).stdout
    assert not set(written) & set("\x1b\x07\u202e")
    if form in ("json", "yaml"):
        assert HOSTILE in [file["name"] for file in yaml.safe_load(written)["files"]]
    if form == "name":
        assert "./--to=x" in written.splitlines(), "it is no option of the next command"


def test_what_an_agent_says_does_not_command_the_terminal(desktop: AgentStandin) -> None:
    desktop.listing = json.dumps({"path": "", "files": [{"name": "../../etc/passwd"}], "truncated": True}).encode()
    result = done("files", "cart")
    assert (result.stdout, "holds more files" in result.stderr) == ("", True)
    desktop.listing = None
    assert "There is no folder ?[2J." in failure("files", "cart", "\x1b[2J")


@pytest.mark.usefixtures("desktop")
def test_a_path_stays_in_the_home_folder() -> None:
    for path in ("..", "renders/../../etc", "/etc"):
        for command in (("files",), ("download",), ("delete-file",)):
            assert "home folder" in failure(*command, "cart", path)


def test_files_are_deleted(desktop: AgentStandin) -> None:
    done("delete-file", "cart", "renders/1.png", "renders")
    assert [file.name for file in desktop.home.iterdir()] == ["cart.blend"]
    assert "There is no file x." in failure("delete-file", "cart", "x")
    assert "The home folder itself" in failure("delete-file", "cart", ".")


def test_each_right_that_is_missing_is_named(cluster: Cluster, desktop: AgentStandin) -> None:
    assert desktop.home.exists()
    cluster.forbidden = {f"{SECRETS}/{DESKTOP}"}
    said = failure("files", "cart")
    assert f"You may not read the Secret {NAMESPACE}/{DESKTOP}" in said
    role = f"kubectl create role secret-of-{DESKTOP} --namespace {NAMESPACE} --verb=get --resource=secrets"
    assert f"{role} --resource-name={DESKTOP}" in said
    cluster.forbidden = {f"{PODS}/{DESKTOP}/portforward"}
    said = failure("files", "cart")
    assert f"You may not forward ports to the pod {NAMESPACE}/{DESKTOP}" in said
    role = f"kubectl create role files-of-{DESKTOP} --namespace {NAMESPACE} --verb=get,create"
    assert f"{role} --resource=pods/portforward --resource-name={DESKTOP}" in said


def test_a_session_without_a_desktop_says_why(cluster: Cluster) -> None:
    cluster.add_session(status=waiting("Queued", "Two sessions are before it."))
    said = failure("files", "cart")
    assert f"Session {NAMESPACE}/cart has no desktop now" in said
    assert "Queued: Two sessions are before it." in said


def test_an_agent_that_cannot_be_reached_is_told_in_the_clusters_words(cluster: Cluster) -> None:
    cluster.add_desktop(None)
    said = failure("files", "cart")
    assert f"The desktop {DESKTOP} cannot be reached: error forwarding port: connection refused\\u001b[31m" in said


def test_what_the_agent_says_goes_before_the_end_of_its_connection(desktop: AgentStandin) -> None:
    desktop.busy = True
    for _ in range(5):
        assert failure("files", "cart") == "Error: Four transfers run. Try again."


def test_a_temporary_folder_that_holds_no_socket_is_told(
    desktop: AgentStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desktop.home.exists()
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert "Name another, short folder in TMPDIR." in failure("files", "cart")


def test_a_desktop_whose_secret_is_gone_or_broken_is_named(cluster: Cluster) -> None:
    cluster.add_desktop(None)
    cluster.objects[f"{SECRETS}/{DESKTOP}"] = {"data": {}}
    assert f"The Secret {NAMESPACE}/{DESKTOP} has no agent-token" in failure("files", "cart")
    del cluster.objects[f"{SECRETS}/{DESKTOP}"]
    assert f"The desktop {DESKTOP} in the namespace {NAMESPACE} is gone" in failure("files", "cart")
