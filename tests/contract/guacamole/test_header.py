"""Guacamole's header extension before its database: who is let in, and what they see."""

from contract.blackbox import Api


def test_the_header_names_the_person_who_sees_the_own_connections(api: Api, person_header: str) -> None:
    name, mine = api.create_user(), api.create()["identifier"]
    api.create()
    api.grant(name, mine)
    session = api.named_by(person_header, name.upper())
    assert (session["username"], session["dataSource"]) == (name, "header")
    assert api.source in session["availableDataSources"]  # type: ignore[operator]
    assert list(api.call("GET", "connections", token=str(session["authToken"])).json()) == [mine]


def test_the_header_wins_over_a_password_and_loses_to_a_token(api: Api, person_header: str) -> None:
    one, other = api.create_user(), api.create_user()
    session = api.named_by(person_header, one, username=other, password="pw")
    assert session["username"] == one
    assert api.named_by(person_header, other, token=str(session["authToken"])) == session


def test_a_person_without_an_account_sees_nothing_until_there_is_one(api: Api, person_header: str) -> None:
    name, made = api.name(), api.create()["identifier"]
    token = str(api.named_by(person_header, name)["authToken"])
    try:
        assert api.call("GET", "connections", token=token).json() == {}
        assert api.call("GET", f"users/{name}").status_code == 404, "none was made"
        assert api.call("POST", "users", {"username": name, "attributes": {}}).status_code == 200
        api.grant(name, made)
        assert api.call("GET", "connections", token=token).json() == {}, "until the token is posted again"
        assert api.post_token(token=token).status_code == 200
        assert list(api.call("GET", "connections", token=token).json()) == [made]
    finally:
        api.remove("users", name)


def test_of_the_limits_of_an_account_only_disabling_counts(api: Api, person_header: str) -> None:
    name, made = api.create_user(), api.create()["identifier"]
    api.grant(name, made)
    for disabled, seen in ((False, [made]), (True, [])):
        body = {"username": name, "disabled": disabled, "attributes": {"valid-until": "2001-01-01"}}
        assert api.call("PUT", f"users/{name}", body).status_code == 204
        token = str(api.named_by(person_header, name)["authToken"])
        assert list(api.call("GET", "connections", token=token).json()) == seen


def test_an_empty_name_is_somebody_who_sees_nothing(api: Api, person_header: str) -> None:
    api.create()
    nameless = api.named_by(person_header, "")
    assert nameless["username"] == ""
    assert api.call("GET", "connections", token=str(nameless["authToken"])).json() == {}
