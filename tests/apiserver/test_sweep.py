"""Connections and users in Guacamole that no session needs are removed after a grace period; all others stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.installation import GROUP
from blendersessions.model.names import name_for
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation

UID = "6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e"
ORPHAN = name_for(UID)


def create_connection(installation: Installation, name: str, hostname: str) -> None:
    """Make a connection in our group, as a crashed operator might have left it."""
    [group] = [key for key, each in installation.guacamole.get("connectionGroups").items() if each["name"] == GROUP]
    body = {"name": name, "parentIdentifier": group, "protocol": "vnc", "attributes": {}}
    installation.guacamole.send("POST", "connections", body | {"parameters": {"hostname": hostname, "port": "5900"}})


def create_user(installation: Installation, name: str, namespace: str) -> None:
    role = f"Made by blender-sessions ({GROUP}/{namespace})"
    body = {"username": name, "password": "x", "attributes": {"guac-organizational-role": role}}
    installation.guacamole.send("POST", "users", body)


def test_orphans_go_and_what_is_not_ours_stays(own_installation: Installation) -> None:
    own_installation.settings["BLENDERSESSIONS_SWEEP_GRACE_SECONDS"] = "1"
    own_installation.start()
    session = own_installation.ready(owner="ann-stays")
    create_connection(own_installation, ORPHAN, f"{ORPHAN}.{own_installation.namespace}.svc")
    create_connection(own_installation, ORPHAN + "-view", "desk.example.org")
    create_connection(own_installation, "a person's own", "desk.example.org")
    create_user(own_installation, "bob-goes", own_installation.namespace)
    create_user(own_installation, "ben-of-another-namespace", "elsewhere")
    own_installation.guacamole.send("POST", "users", {"username": "teacher", "password": "x", "attributes": {}})
    until("the orphan is gone", lambda: own_installation.guacamole.named(ORPHAN) == [])
    until("the user is gone", lambda: "bob-goes" not in own_installation.guacamole.users())
    assert own_installation.guacamole.users() == {"ann-stays", "ben-of-another-namespace", "teacher"}
    assert own_installation.guacamole.connection_keys().keys() == {
        name_for(session["metadata"]["uid"]),
        ORPHAN + "-view",
        "a person's own",
    }
    until(
        "the connection that a person made is reported",
        lambda: "a person's own is in the operator's group" in own_installation.log,
    )
    stolen = f"{ORPHAN}-view has the name of a desktop and leads elsewhere"
    until("the connection that only has a desktop's name is reported", lambda: stolen in own_installation.log)


@pytest.mark.parametrize("mode", ["Report", "Off"])
def test_a_dry_run_removes_nothing(own_installation: Installation, mode: str) -> None:
    own_installation.settings |= {"BLENDERSESSIONS_SWEEP": mode, "BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "0"}
    own_installation.start()
    own_installation.ready()
    create_connection(own_installation, ORPHAN, f"{ORPHAN}.{own_installation.namespace}.svc")
    create_user(own_installation, "bob-stays", own_installation.namespace)
    if mode == "Report":
        until(
            "the connection is reported",
            lambda: f"The connection {ORPHAN} belongs to no session" in own_installation.log,
        )
        until("the user is reported", lambda: "No session needs the user bob-stays" in own_installation.log)
    else:
        version = own_installation.log.count("The operator is running.")
        own_installation.create("second")
        until(
            "a while has passed",
            lambda: own_installation.condition("ConnectionReady", "second").get("status") == "True",
        )
        assert version == 1
        assert "No session" not in own_installation.log
    assert len(own_installation.guacamole.named(ORPHAN)) == 1
    assert "bob-stays" in own_installation.guacamole.users()


def test_an_emptied_database_fills_again_without_a_restart(own_installation: Installation) -> None:
    own_installation.start()
    first = own_installation.ready("first", owner="ann-back", viewers=["vic-back"])
    second = own_installation.ready("second")
    names = {name_for(each["metadata"]["uid"]) for each in (first, second)}
    names.add(name_for(first["metadata"]["uid"]) + "-view")
    before = own_installation.guacamole.users()
    [group] = [key for key, each in own_installation.guacamole.get("connectionGroups").items() if each["name"] == GROUP]
    own_installation.guacamole.send("DELETE", f"connectionGroups/{group}")
    for user in before:
        own_installation.guacamole.remove("users", user)
    until(
        "all connections are back",
        lambda: own_installation.guacamole.connection_keys().keys() == names,
        60,
    )
    until("all users are back", lambda: own_installation.guacamole.users() == before, 60)
    for user in before:
        until(
            f"{user} may open it",
            lambda user=user: own_installation.guacamole.get(f"users/{user}/permissions")["connectionPermissions"],
        )
    own_installation.until_ready("first")
    own_installation.until_ready("second")
