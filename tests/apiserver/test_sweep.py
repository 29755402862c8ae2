"""What no session needs in Guacamole goes, after a while, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.lifecycle import GROUP
from apiserver.stage import house, idle, stage
from blendersessions.model.names import name_for
from waiting import until

if TYPE_CHECKING:
    from apiserver.lifecycle import Stage

__all__ = ["house", "idle", "stage"]

UID = "6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e"
ORPHAN = name_for(UID)


def plant(stage: Stage, name: str, hostname: str) -> None:
    """Make a connection in our group, as a crashed operator might have left it."""
    [group] = [key for key, each in stage.guacamole.get("connectionGroups").items() if each["name"] == GROUP]
    body = {"name": name, "parentIdentifier": group, "protocol": "vnc", "attributes": {}}
    stage.guacamole.send("POST", "connections", body | {"parameters": {"hostname": hostname, "port": "5900"}})


def plant_user(stage: Stage, name: str, namespace: str) -> None:
    role = f"Made by blender-sessions ({GROUP}/{namespace})"
    body = {"username": name, "password": "x", "attributes": {"guac-organizational-role": role}}
    stage.guacamole.send("POST", "users", body)


def test_orphans_go_and_what_is_not_ours_stays(idle: Stage) -> None:
    idle.settings["BLENDERSESSIONS_SWEEP_GRACE_SECONDS"] = "1"
    idle.start()
    session = idle.ready(owner="ann-stays")
    plant(idle, ORPHAN, f"{ORPHAN}.{idle.namespace}.svc")
    plant(idle, ORPHAN + "-view", "desk.example.org")
    plant(idle, "a person's own", "desk.example.org")
    plant_user(idle, "bob-goes", idle.namespace)
    plant_user(idle, "ben-of-another-namespace", "elsewhere")
    idle.guacamole.send("POST", "users", {"username": "teacher", "password": "x", "attributes": {}})
    until("the orphan is gone", lambda: idle.guacamole.named(ORPHAN) == [])
    until("the user is gone", lambda: "bob-goes" not in idle.guacamole.users())
    assert idle.guacamole.users() == {"ann-stays", "ben-of-another-namespace", "teacher"}
    names = {each["name"] for each in idle.guacamole.connections().values()}
    assert names == {name_for(session["metadata"]["uid"]), ORPHAN + "-view", "a person's own"}
    until(
        "the connection that a person made is reported", lambda: "a person's own is in the operator's group" in idle.log
    )
    stolen = f"{ORPHAN}-view has the name of a desktop and leads elsewhere"
    until("the connection that only has a desktop's name is reported", lambda: stolen in idle.log)


@pytest.mark.parametrize("mode", ["Report", "Off"])
def test_a_dry_run_removes_nothing(idle: Stage, mode: str) -> None:
    idle.settings |= {"BLENDERSESSIONS_SWEEP": mode, "BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "0"}
    idle.start()
    idle.ready()
    plant(idle, ORPHAN, f"{ORPHAN}.{idle.namespace}.svc")
    plant_user(idle, "bob-stays", idle.namespace)
    if mode == "Report":
        until("it is told", lambda: f"The connection {ORPHAN} belongs to no session" in idle.log)
        until("of the user too", lambda: "No session needs the user bob-stays" in idle.log)
    else:
        version = idle.log.count("The operator is running.")
        idle.create("second")
        until("a while has passed", lambda: idle.condition("ConnectionReady", "second").get("status") == "True")
        assert version == 1
        assert "No session" not in idle.log
    assert len(idle.guacamole.named(ORPHAN)) == 1
    assert "bob-stays" in idle.guacamole.users()


def test_an_emptied_database_fills_again_without_a_restart(idle: Stage) -> None:
    idle.start()
    first = idle.ready("first", owner="ann-back", viewers=["vic-back"])
    second = idle.ready("second")
    names = {name_for(each["metadata"]["uid"]) for each in (first, second)}
    names.add(name_for(first["metadata"]["uid"]) + "-view")
    before = idle.guacamole.users()
    [group] = [key for key, each in idle.guacamole.get("connectionGroups").items() if each["name"] == GROUP]
    idle.guacamole.send("DELETE", f"connectionGroups/{group}")
    for user in before:
        idle.guacamole.send("DELETE", f"users/{user}")
    until("all connections are back", lambda: {e["name"] for e in idle.guacamole.connections().values()} == names, 60)
    until("all users are back", lambda: idle.guacamole.users() == before, 60)
    for user in before:
        until(
            f"{user} may open it",
            lambda user=user: idle.guacamole.get(f"users/{user}/permissions")["connectionPermissions"],
        )
    idle.until_ready("first")
    idle.until_ready("second")
