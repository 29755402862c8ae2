"""Guacamole's tokens: who gets one, what a dead one is worth, and how it ends."""

import pytest

from contract.blackbox import Api


def test_the_login_names_the_data_sources(api: Api) -> None:
    assert api.session["dataSource"] in ("postgresql", "mysql")
    assert api.session["dataSource"] in api.session["availableDataSources"]  # type: ignore[operator]


@pytest.mark.parametrize("form", [{}, {"username": "guacadmin"}, {"username": "contract-nobody", "password": "x"}])
def test_a_wrong_login_names_the_expected_fields(api: Api, form: dict[str, str]) -> None:
    answer = api.post_token(**form)
    assert (answer.status_code, answer.json()["type"]) == (403, "INVALID_CREDENTIALS")
    assert [field["name"] for field in answer.json()["expected"]] == ["username", "password"]


def test_a_live_token_wins_over_credentials(api: Api) -> None:
    answer = api.post_token(token=api.token, username="contract-nobody", password="wrong")
    assert (answer.status_code, answer.json()["authToken"]) == (200, api.token)


def test_a_dead_token_is_ignored_beside_good_credentials(api: Api) -> None:
    name = api.create_user()
    answer = api.post_token(token="0" * 64, username=name, password="pw")
    assert (answer.status_code, answer.json()["username"]) == (200, name)
    assert api.sign_out(answer.json()["authToken"]).status_code == 204


def test_signing_out_ends_the_token_once(api: Api) -> None:
    token = str(api.sign_in(api.create_user(), "pw")["authToken"])
    assert api.alive(token) == 204
    assert api.sign_out(token).status_code == 204
    assert api.alive(token) == 403
    assert api.sign_out(token).status_code == 404
    assert api.call("GET", "connections", token=token).json()["message"] == "Permission Denied."


def test_a_deleted_users_token_lives_on_and_sees_nothing(api: Api) -> None:
    name = api.create_user()
    connection = api.create()["identifier"]
    api.grant(name, connection)
    token = str(api.sign_in(name, "pw")["authToken"])
    assert list(api.call("GET", "connections", token=token).json()) == [connection]
    assert api.remove("users", name).status_code == 200
    assert api.alive(token) == 204
    assert api.call("GET", "connections", token=token).json() == {}
    assert api.post_token(token=token).status_code == 403
    assert api.sign_out(token).status_code == 204


@pytest.mark.parametrize(
    ("query", "close"),
    [
        ({"token": "0" * 64}, (1008, "769")),
        ({"GUAC_DATA_SOURCE": "nope"}, (1002, "516")),
        ({"GUAC_ID": "2147483647"}, (1002, "516")),
        ({"GUAC_TYPE": "x"}, (1002, "768")),
        ({"GUAC_WIDTH": "wide"}, (1002, "768")),
    ],
)
def test_a_tunnel_is_refused_after_the_upgrade(api: Api, query: dict[str, str], close: tuple[int, str]) -> None:
    assert api.tunnel_refusal(**query) == close
