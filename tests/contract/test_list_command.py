"""`blendersessions list` shows what `kubectl get blendersessions` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from contract.command import done, failure, ready
from contract.kube import ALL_SESSIONS, NAMESPACE, SESSIONS
from contract.printed import AGE, printer_columns

if TYPE_CHECKING:
    from contract.kube import Cluster


@pytest.fixture
def cart(cluster: Cluster) -> Cluster:
    """Store two sessions in the namespace, and one in another."""
    opened = ready(scene={"name": "cart.blend"})
    cluster.add_session(status=opened, owner="alice", scene={"sample": "cart.blend"}, className="large")
    cluster.add_session("a", labels={"team": "film"}, status=ready(activity={"users": 2}))
    cluster.add_session("b", namespace="music", owner="bob")
    return cluster


def lines(*arguments: str) -> list[list[str]]:
    return [line.split() for line in done("list", *arguments).stdout.splitlines()]


@pytest.mark.usefixtures("cart")
def test_the_columns_are_those_of_kubectl() -> None:
    head, *rows = lines()
    assert head == [column["name"].upper() for column in printer_columns() if not column.get("priority")]
    assert rows == [
        ["cart", "cart.blend", "alice", "large", "True", "SessionReady", "-", AGE],
        ["a", "-", "-", "-", "True", "SessionReady", "2", AGE],
    ]
    assert lines("-o", "wide")[0] == [column["name"].upper() for column in printer_columns()]


@pytest.mark.usefixtures("cart")
def test_all_namespaces_and_labels_choose_sessions() -> None:
    assert [row[0] for row in lines("-n", "music")] == ["NAME", "b"]
    assert [row[:2] for row in lines("-A")] == [
        ["NAMESPACE", "NAME"],
        [NAMESPACE, "cart"],
        [NAMESPACE, "a"],
        ["music", "b"],
    ]
    assert [row[0] for row in lines("-l", "team=film")] == ["NAME", "a"]


def test_programs_read_names_and_whole_objects(cart: Cluster) -> None:
    assert done("list", "-o", "name").stdout.splitlines() == [
        "blendersession.blendersessions.io/cart",
        "blendersession.blendersessions.io/a",
    ]
    cart.objects[f"{SESSIONS}/cart"]["metadata"]["managedFields"] = [{"manager": "m"}]
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        listed = read(done("list", "-o", form).stdout)
        assert (listed["kind"], len(listed["items"])) == ("List", 2)
        assert listed["items"][0]["kind"] == "BlenderSession"
        assert listed["items"][0]["spec"]["owner"] == "alice"
        assert "managedFields" not in listed["items"][0]["metadata"]


def test_nothing_is_told_for_people_alone(cluster: Cluster) -> None:
    cluster.add_session("b", namespace="music")
    for arguments, words in (([], "no sessions in the namespace art"), (["-A", "-l", "a=b"], "There are no sessions.")):
        result = done("list", *arguments)
        assert result.stdout == ""
        assert words in result.stderr


@pytest.mark.parametrize("form", [[], ["-o", "json"], ["-o", "yaml"]])
def test_what_others_wrote_does_not_command_the_terminal(cluster: Cluster, form: list[str]) -> None:
    reason = "\x1b]0;owned\x07\u202e\x9b31m"
    condition = {"type": "Ready", "status": "False", "reason": reason, "message": reason}
    cluster.add_session(status={"conditions": [condition]}, owner="漢字")
    written = done("list", *form).stdout
    assert not set(written) & set("\x1b\x07\u202e\x9b")
    if form:
        [item] = yaml.safe_load(written)["items"]
        assert item["status"]["conditions"][0]["reason"] == reason
        assert item["spec"]["owner"] == "漢字"


def test_the_right_to_list_is_asked_for_where_it_is_missing(cluster: Cluster) -> None:
    cluster.forbidden |= {SESSIONS, ALL_SESSIONS}
    assert f"You may not list blendersessions in the namespace {NAMESPACE}." in failure("list")
    assert "You may not list blendersessions in all namespaces." in failure("list", "-A")
