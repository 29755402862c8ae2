"""Changes of owner, viewers, limits and passwords of a living session reach Guacamole."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from apiserver.installation import desktop_name
from blendersessions.model.names import user_secret_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation


def test_viewers_get_a_read_only_connection_and_lose_it_when_removed(installation: Installation) -> None:
    session = installation.ready(owner="ann-shows", viewers=["vic-looks"])
    name = desktop_name(session)
    until("there is a link for viewers", lambda: installation.status().get("viewURL"))
    [shown] = installation.guacamole.named(name + "-view")
    parameters: Any = installation.guacamole.get(f"connections/{shown['identifier']}/parameters")
    kept_away = {"read-only", "disable-copy", "disable-paste", "disable-display-resize"}
    assert {parameters[key] for key in kept_away} == {"true"}
    assert shown["name"] == f"{installation.namespace}/cart, view only ({name}-view)"
    [owners] = installation.guacamole.named(name)
    assert kept_away.isdisjoint(installation.guacamole.get(f"connections/{owners['identifier']}/parameters"))
    assert installation.guacamole.get("users/vic-looks/permissions")["connectionPermissions"] == {
        shown["identifier"]: ["READ"]
    }
    assert installation.child("secrets", user_secret_name("vic-looks")) is not None
    installation.patch("cart", {"spec": {"viewers": None}})
    until("the viewer is gone", lambda: installation.guacamole.users() == {"ann-shows"})
    until("so is the connection", lambda: installation.guacamole.named(name + "-view") == [])
    until("so is the Secret", lambda: installation.child("secrets", user_secret_name("vic-looks")) is None)
    until("the link goes", lambda: "viewURL" not in installation.status())


def test_a_session_edited_many_times_converges(installation: Installation) -> None:
    session = installation.ready(owner="eve-edits")
    for number in range(30):
        installation.patch(
            "cart", {"spec": {"viewers": [f"viewer-{number % 3}"], "connections": {"max": 5 + number % 4}}}
        )
    wanted = {"viewer-2", "eve-edits"}
    until("the last edit holds", lambda: installation.guacamole.users() == wanted)
    [connection] = installation.guacamole.named(desktop_name(session))
    until(
        "its limits too",
        lambda: (
            installation.guacamole.get(f"connections/{connection['identifier']}")["attributes"]["max-connections"]
            == "6"
        ),
    )


def test_a_password_changed_in_the_secret_restarts_the_desktop_with_it(installation: Installation) -> None:
    session = installation.ready()
    name = desktop_name(session)
    before = installation.child("pods", name)
    assert before is not None
    path = f"api/v1/namespaces/{installation.namespace}/secrets/{name}"
    installation.api.request(
        "PATCH", path, {"stringData": {"vnc-password": "another1"}}, "application/merge-patch+json"
    )
    until(
        "there is another pod",
        lambda: (installation.child("pods", name) or before)["metadata"]["uid"] != before["metadata"]["uid"],
    )
    installation.run_pod(session)
    installation.until_ready()
    [connection] = installation.guacamole.named(name)
    assert installation.guacamole.get(f"connections/{connection['identifier']}/parameters")["password"] == "another1"


def test_an_owner_of_two_namespaces_is_refused_in_the_second(
    installation: Installation, own_installation: Installation
) -> None:
    installation.ready(owner="one-name")
    own_installation.tcp_proxy = installation.tcp_proxy
    own_installation.start()
    own_installation.create(owner="one-name")
    condition = own_installation.until_reason("Stalled", "OwnerTaken")
    assert "spec.owner" in condition["message"]
    own_installation.delete()
    own_installation.until_gone()
    assert "one-name" in installation.guacamole.users(), "the user belongs to the other namespace"


def test_an_operator_of_another_cluster_touches_nothing_in_our_group(
    installation: Installation, own_installation: Installation
) -> None:
    ours = installation.ready(owner="ann-ours")
    own_installation.tcp_proxy, own_installation.guacamole = installation.tcp_proxy, installation.guacamole
    own_installation.settings |= {
        "BLENDERSESSIONS_INSTALLATION_ID": "another-cluster",
        "BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "0",
    }
    own_installation.start()
    own_installation.create("refused", owner="bob-theirs")
    condition = own_installation.until_reason("Stalled", "GroupTaken", "refused")
    assert "BLENDERSESSIONS_GUACAMOLE_GROUP" in condition["message"]
    until("the operator says so", lambda: "belongs to another installation" in own_installation.log)
    own_installation.delete("refused")
    own_installation.until_gone("refused")
    own_installation.stop()
    own_installation.settings["BLENDERSESSIONS_GUACAMOLE_GROUP"] = "of-another-cluster"
    own_installation.start()
    own_installation.ready("theirs", owner="bob-theirs")
    assert installation.guacamole.users() == {"ann-ours", "bob-theirs"}
    assert len(installation.guacamole.connections()) == 2
    installation.until_ready()
    assert len(installation.guacamole.named(desktop_name(ours))) == 1
    own_installation.delete("theirs")
    own_installation.until_gone("theirs")


def test_a_user_from_a_backup_gets_the_password_in_its_secret_without_a_restart(installation: Installation) -> None:
    installation.ready(owner="ann-restored")
    secret = installation.child("secrets", user_secret_name("ann-restored"))
    assert secret is not None
    password = base64.b64decode(secret["data"]["password"]).decode()
    role = "guac-organizational-role"
    user: Any = installation.guacamole.get("users/ann-restored")
    before = user["attributes"][role].rpartition("secret ")[0] + "secret 0123456789abcdef)"
    body = user | {"password": "older", "attributes": user["attributes"] | {role: before}}
    installation.guacamole.send("PUT", "users/ann-restored", body)
    until("the password is set again", lambda: installation.guacamole.can_log_in("ann-restored", password))
    assert installation.guacamole.get("users/ann-restored")["attributes"][role] == user["attributes"][role]


def test_a_session_whose_pod_a_quota_refuses_leaves_no_user_in_guacamole(installation: Installation) -> None:
    path = f"api/v1/namespaces/{installation.namespace}/resourcequotas"
    none = {"hard": {"pods": "0"}}
    installation.api.request("POST", path, {"metadata": {"name": "full"}, "spec": none})
    # No controller manager runs here, which would count. The API server decides by the status.
    used = {"status": none | {"used": {"pods": "0"}}}
    installation.api.request("PATCH", f"{path}/full/status", used, "application/merge-patch+json")
    created = installation.create(owner="ann-waits", viewers=["vic-waits"])
    installation.until_reason("DesktopReady", "DesktopRefused")
    assert installation.condition("ConnectionReady")["reason"] == "ConnectionPending"
    assert installation.guacamole.users() == set()
    assert installation.guacamole.connections() == {}
    assert installation.child("secrets", user_secret_name("ann-waits")) is None
    installation.api.request("DELETE", f"{path}/full")
    installation.run_pod(created)
    installation.until_ready()
    assert installation.guacamole.users() == {"ann-waits", "vic-waits"}
