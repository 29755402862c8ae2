"""Connections in Guacamole: what is kept of them, and what happens when many are made at once."""

import pytest

from contract.blackbox import AT_ONCE, Api


def test_scalars_become_strings_and_empty_parameters_are_not_kept(api: Api) -> None:
    body = api.body(api.name(), **{"max-connections": 3, "x-made-up": "1"})
    body["parameters"] = {
        "hostname": "h",
        "port": 5900,
        "read-only": False,
        "cursor": "",
        "color-depth": None,
        "own": "1",
    }
    made = api.call("POST", "connections", body).json()
    kept = api.call("GET", f"connections/{made['identifier']}/parameters").json()
    assert kept == {"hostname": "h", "port": "5900", "read-only": "false", "own": "1"}
    attributes = api.call("GET", f"connections/{made['identifier']}").json()["attributes"]
    assert attributes["max-connections"] == "3"
    assert "x-made-up" not in attributes


def test_an_update_replaces_parameters_and_attributes(api: Api) -> None:
    made = api.create(**{"max-connections": "2"})
    path = f"connections/{made['identifier']}"
    body = {**api.body(str(made["name"])), "parameters": {"hostname": "other"}, "attributes": {"weight": "1"}}
    assert api.call("PUT", path, body).status_code == 204
    assert api.call("GET", path + "/parameters").json() == {"hostname": "other"}
    attributes = api.call("GET", path).json()["attributes"]
    assert (attributes["max-connections"], attributes["weight"]) == (None, "1")


@pytest.mark.parametrize("missing", ["attributes", "protocol"])
def test_a_body_without_its_parts_is_an_internal_error(api: Api, missing: str) -> None:
    body = api.body(api.name())
    del body[missing]
    assert api.call("POST", "connections", body).status_code == 500


def test_a_name_is_taken_within_its_group_only(api: Api) -> None:
    name = api.name()
    assert api.call("POST", "connections", api.body(name)).status_code == 200
    again = api.call("POST", "connections", api.body(name))
    assert (again.status_code, again.json()["message"]) == (400, f'The connection "{name}" already exists.')
    inner = str(api.create_group(api.group)["identifier"])
    assert api.call("POST", "connections", api.body(name, inner)).status_code == 200


def test_of_many_creates_at_once_in_a_group_one_wins(api: Api) -> None:
    name = api.name()
    statuses = api.at_once("POST", "connections", api.body(name))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 500}
    assert len(api.named(name)) == 1


def test_many_creates_at_once_at_root_make_duplicates_that_ids_distinguish(api: Api) -> None:
    name = api.name()
    statuses = api.at_once("POST", "connections", api.body(name, "ROOT"))
    made = api.named(name)
    try:
        assert len(made) == statuses.count(200) >= 1
        expected = 500 if len(made) > 1 else 400
        assert api.call("POST", "connections", api.body(name, "ROOT")).status_code == expected
    finally:
        api.call("PATCH", "connections", [{"op": "remove", "path": f"/{identifier}"} for identifier in made])
    assert api.named(name) == []


def test_removing_a_connection_twice_is_fine(api: Api) -> None:
    made = api.create()["identifier"]
    assert [api.remove("connections", made).status_code for _ in range(2)] == [200, 200]
    assert api.call("GET", f"connections/{made}").status_code == 404


def test_deleting_a_group_twice_is_not_found(api: Api) -> None:
    made = api.create_group(api.group)["identifier"]
    assert [api.call("DELETE", f"connectionGroups/{made}").status_code for _ in range(2)] == [204, 404]


def test_many_deletes_at_once_all_end_well(api: Api) -> None:
    made = api.create_group(api.group)
    statuses = api.at_once("DELETE", f"connectionGroups/{made['identifier']}")
    assert len(statuses) == AT_ONCE
    assert 204 in statuses
    assert set(statuses) <= {204, 404}


def test_a_batch_is_applied_whole_or_not_at_all(api: Api) -> None:
    good, taken = api.name(), str(api.create()["name"])
    batch = [{"op": "add", "path": "/", "value": api.body(name)} for name in (good, taken)]
    refused = api.call("PATCH", "connections", batch)
    assert refused.status_code == 400
    assert [patch["identifier"] for patch in refused.json()["patches"]] == [None, None]
    assert taken in refused.json()["patches"][1]["error"]["variables"]["MESSAGE"]
    assert api.named(good) == []
    accepted = api.call("PATCH", "connections", batch[:1])
    assert [patch["identifier"] for patch in accepted.json()["patches"]] == api.named(good)


def test_deleting_a_group_takes_its_connections_along(api: Api) -> None:
    group = str(api.create_group(api.group)["identifier"])
    made = api.create(group)["identifier"]
    assert api.call("DELETE", f"connectionGroups/{group}").status_code == 204
    assert api.call("GET", f"connections/{made}").status_code == 404


@pytest.mark.parametrize(("identifier", "status"), [("2147483647", 404), ("abc", 404), ("99999999999999", 500)])
def test_an_unknown_connection(api: Api, identifier: str, status: int) -> None:
    assert api.call("GET", f"connections/{identifier}").status_code == status


def test_errors_come_as_json_as_text_and_as_html(api: Api) -> None:
    body = {**api.body(api.name()), "parameters": {"hostname": {"a": 1}}}
    assert api.call("POST", "connections", body).headers["Content-Type"].startswith("text/plain")
    assert api.call("GET", "connections/2147483647").headers["Content-Type"].startswith("application/json")
    assert api.call("GET", "nosuch").headers["Content-Type"].startswith("text/html")


def test_a_body_over_two_mebibytes_is_too_large(api: Api) -> None:
    body = {**api.body(api.name()), "padding": "x" * (2 * 1024 * 1024)}
    answer = api.call("POST", "connections", body)
    assert (answer.status_code, answer.json()["message"]) == (413, "Request body/entity too large.")


def test_a_value_of_4096_characters_is_kept_and_of_4097_refused(api: Api) -> None:
    body = {**api.body(api.name()), "parameters": {"note": "x" * 4096}}
    made = api.call("POST", "connections", body).json()["identifier"]
    assert len(api.call("GET", f"connections/{made}/parameters").json()["note"]) == 4096
    body = {**api.body(api.name()), "parameters": {"note": "x" * 4097}}
    assert api.call("POST", "connections", body).status_code == 413
