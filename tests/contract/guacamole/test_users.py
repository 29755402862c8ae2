"""Users and their permissions in Guacamole, also when many change them at once."""

from contract.blackbox import AT_ONCE, Api


def test_a_new_user_sees_nothing_until_granted_and_only_that(api: Api) -> None:
    name, mine, other = api.create_user(), api.create()["identifier"], api.create()["identifier"]
    token = str(api.sign_in(name, "pw")["authToken"])
    assert api.call("GET", "connections", token=token).json() == {}
    assert api.call("GET", f"connections/{mine}", token=token).status_code == 404
    assert api.grant(name, mine).status_code == 204
    assert list(api.call("GET", "connections", token=token).json()) == [mine]
    assert api.call("GET", f"connections/{other}", token=token).status_code == 404
    assert api.call("GET", f"connections/{mine}/parameters", token=token).status_code == 403
    assert api.call("PUT", f"connections/{mine}", api.body(api.name()), token=token).status_code == 403
    assert api.remove("connections", mine, token=token).status_code == 400
    assert api.grant(name, mine, op="remove").status_code == 204
    assert api.call("GET", f"connections/{mine}", token=token).status_code == 404
    assert api.sign_out(token).status_code == 204


def test_a_connection_is_in_the_tree_only_with_its_group(api: Api) -> None:
    name, made = api.create_user(), api.create()["identifier"]
    api.grant(name, made)
    token = str(api.sign_in(name, "pw")["authToken"])
    assert "childConnectionGroups" not in api.call("GET", "connectionGroups/ROOT/tree", token=token).json()
    change = [{"op": "add", "path": f"/connectionGroupPermissions/{api.group}", "value": "READ"}]
    assert api.call("PATCH", f"users/{name}/permissions", change).status_code == 204
    tree = api.call("GET", "connectionGroups/ROOT/tree", token=token).json()
    assert [entry["identifier"] for entry in tree["childConnectionGroups"][0]["childConnections"]] == [made]
    assert api.sign_out(token).status_code == 204


def test_grants_are_idempotent_and_go_with_the_connection(api: Api) -> None:
    name, made = api.create_user(), str(api.create()["identifier"])
    assert [api.grant(name, made).status_code for _ in range(2)] == [204, 204]
    assert api.held(name) == {made: ["READ"]}
    assert api.at_once("PATCH", f"users/{name}/permissions", []) == [204] * AT_ONCE
    api.remove("connections", made)
    assert api.held(name) == {}
    assert api.grant(name, "2147483647").status_code == 500
    assert api.grant(name, "2147483647", op="remove").status_code == 204


def test_one_patch_grants_before_it_revokes(api: Api) -> None:
    name, made = api.create_user(), api.create()["identifier"]
    path = f"/connectionPermissions/{made}"
    change = [{"op": "remove", "path": path, "value": "READ"}, {"op": "add", "path": path, "value": "READ"}]
    assert api.call("PATCH", f"users/{name}/permissions", change).status_code == 204
    assert api.held(name) == {}


def test_of_many_grants_at_once_some_may_fail_and_the_right_is_there(api: Api) -> None:
    name, made = api.create_user(), str(api.create()["identifier"])
    change = [{"op": "add", "path": f"/connectionPermissions/{made}", "value": "READ"}]
    statuses = api.at_once("PATCH", f"users/{name}/permissions", change)
    assert 204 in statuses
    # Guacamole looks whether the right is held, and then inserts it: a second insertion is an internal error.
    assert set(statuses) <= {204, 500}
    assert api.held(name) == {made: ["READ"]}


def test_of_many_creations_of_a_user_at_once_one_succeeds(api: Api) -> None:
    name = api.name()
    try:
        statuses = api.at_once("POST", "users", {"username": name, "password": "pw", "attributes": {}})
        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 400, 500}
        assert api.call("GET", f"users/{name}").status_code == 200
    finally:
        assert api.remove("users", name).status_code == 200
    assert api.call("GET", f"users/{name}").status_code == 404


def test_an_update_of_a_user_keeps_what_it_does_not_name(api: Api) -> None:
    name = api.create_user(attributes={"guac-full-name": "Ann", "timezone": "Europe/Berlin"})
    assert api.call("PUT", f"users/{name}", {"username": name, "attributes": {"timezone": None}}).status_code == 204
    attributes = api.call("GET", f"users/{name}").json()["attributes"]
    assert (attributes["guac-full-name"], attributes["timezone"]) == ("Ann", None)
    assert api.sign_out(str(api.sign_in(name, "pw")["authToken"])).status_code == 204


def test_only_an_update_disables_an_account(api: Api) -> None:
    name = api.create_user(disabled=True)
    assert api.sign_out(str(api.sign_in(name, "pw")["authToken"])).status_code == 204
    body = {"username": name, "disabled": True, "attributes": {}}
    assert api.call("PUT", f"users/{name}", body).status_code == 204
    assert api.post_token(username=name, password="pw").status_code == 403


def test_no_user_deletes_their_own_account(api: Api) -> None:
    refused = api.remove("users", api.guacamole.username)
    assert refused.status_code == 400
    assert "own user" in refused.json()["patches"][0]["error"]["variables"]["MESSAGE"]
    assert api.call("GET", f"users/{api.guacamole.username}").status_code == 200


def test_a_plain_user_may_create_nothing(api: Api) -> None:
    token = str(api.sign_in(api.create_user(), "pw")["authToken"])
    assert api.call("POST", "connections", api.body(api.name()), token=token).status_code == 403
    assert api.call("POST", "users", {"username": api.name(), "attributes": {}}, token=token).status_code == 403
    batch = [{"op": "add", "path": "/", "value": api.body(api.name())}]
    assert api.call("PATCH", "connections", batch, token=token).status_code == 400
    assert api.sign_out(token).status_code == 204
