"""The client copes with Guacamole's answers: ambiguous statuses, pages that are not JSON, and no answer at all."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
import requests
import responses

from blendersessions.clients.guacamole import client as module
from blendersessions.clients.guacamole.client import Account, GuacamoleClient
from blendersessions.model.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Unauthorised,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

BASE = "http://guacamole.test/guacamole/"
DATA = BASE + "api/session/data/mysql/"
PASSWORD = "planted-password"
TOKEN = "PLANTEDTOKEN"


@pytest.fixture(autouse=True)
def _pauses_end_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each pause far longer than a test, so that none ends because the machine is slow."""
    for name in ("REFUSED_LOG_IN_PAUSE_SECONDS", "TOKEN_RENEWAL_SECONDS", "UNAVAILABLE_PAUSE_SECONDS"):
        monkeypatch.setattr(module, name, 3600.0)


@pytest.fixture
def answers() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[GuacamoleClient]:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    client = GuacamoleClient(Account(BASE, "admin", path))
    yield client
    client._held = None
    await client.close()


def sign_in(answers: responses.RequestsMock, token: str = TOKEN) -> None:
    answers.post(BASE + "api/tokens", json={"authToken": token, "username": "admin", "dataSource": "mysql"})


async def test_the_data_source_is_the_one_that_the_login_names(
    answers: responses.RequestsMock, client: GuacamoleClient
) -> None:
    sign_in(answers)
    answers.get(DATA + "users/alice", json={"username": "alice"})
    assert await client.data_source() == "mysql"
    assert await client.get("users", "alice") == {"username": "alice"}
    form = answers.calls[0].request
    assert form.body == f"username=admin&password={PASSWORD}"
    assert answers.calls[1].request.headers["Guacamole-Token"] == TOKEN


async def test_the_token_is_kept(answers: responses.RequestsMock, client: GuacamoleClient) -> None:
    sign_in(answers)
    answers.get(DATA + "users", json={})
    for _ in range(3):
        await client.get("users")
    assert [call.request.method for call in answers.calls] == ["POST", "GET", "GET", "GET"]


async def test_a_dead_token_is_renewed_once(answers: responses.RequestsMock, client: GuacamoleClient) -> None:
    sign_in(answers)
    refused = answers.get(DATA + "users", status=403, json={"message": "Permission Denied."})
    answers.head(BASE + "api/session", status=403)
    answers.post(BASE + "api/tokens", json={"authToken": "SECOND", "dataSource": "mysql"})
    answers.get(DATA + "users", json={"alice": {}})
    assert await client.get("users") == {"alice": {}}
    assert refused.call_count == 1
    assert answers.calls[-1].request.headers["Guacamole-Token"] == "SECOND"


async def test_a_missing_right_is_no_reason_to_sign_in_again(
    answers: responses.RequestsMock, client: GuacamoleClient
) -> None:
    sign_in(answers)
    answers.get(DATA + "users", status=403, json={"message": "Permission denied."})
    answers.head(BASE + "api/session", status=204)
    with pytest.raises(Unauthorised, match="needs the right to administer"):
        await client.get("users")
    assert len(answers.calls) == 3


async def test_wrong_credentials_name_the_settings_and_are_not_tried_again_at_once(
    answers: responses.RequestsMock, client: GuacamoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.post(BASE + "api/tokens", status=403, json={"message": "Invalid login", "type": "INVALID_CREDENTIALS"})
    for _ in range(3):
        with pytest.raises(Unauthorised, match="BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE") as refused:
            await client.get("users")
        assert PASSWORD not in str(refused.value)
    assert len(answers.calls) == 1
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + module.REFUSED_LOG_IN_PAUSE_SECONDS)
    with pytest.raises(Unauthorised):
        await client.get("users")
    assert len(answers.calls) == 2


@pytest.mark.parametrize("message", ["User account is no longer valid.", "User account may not be used at this time."])
async def test_an_account_that_is_expired_or_outside_its_hours_is_refused(
    answers: responses.RequestsMock, client: GuacamoleClient, message: str
) -> None:
    answers.post(BASE + "api/tokens", status=400, json={"message": message, "type": "BAD_REQUEST"})
    with pytest.raises(Unauthorised, match=message):
        await client.get("users")


async def test_a_corrected_password_is_tried_at_once(
    answers: responses.RequestsMock, client: GuacamoleClient, tmp_path: Path
) -> None:
    answers.post(BASE + "api/tokens", status=403, json={"message": "Invalid login", "type": "INVALID_CREDENTIALS"})
    with pytest.raises(Unauthorised):
        await client.get("users")
    (tmp_path / "password").write_text("corrected")
    sign_in(answers)
    answers.get(DATA + "users", json={"alice": {}})
    assert await client.get("users") == {"alice": {}}


async def test_a_refused_renewal_is_tried_once_however_many_wait_for_it(
    answers: responses.RequestsMock, client: GuacamoleClient
) -> None:
    sign_in(answers)
    answers.get(DATA + "users", status=403, json={"message": "Permission Denied."})
    answers.head(BASE + "api/session", status=403)
    answers.post(BASE + "api/tokens", status=403, json={"message": "Invalid login", "type": "INVALID_CREDENTIALS"})
    outcomes = await asyncio.gather(*(client.get("users") for _ in range(8)), return_exceptions=True)
    assert all(isinstance(outcome, Unauthorised) for outcome in outcomes)
    logins = [call for call in answers.calls if str(call.request.url).endswith("api/tokens")]
    assert len(logins) == 2, "the first login, and one renewal"


async def test_a_missing_password_file_names_the_setting(client: GuacamoleClient, tmp_path: Path) -> None:
    (tmp_path / "password").unlink()
    with pytest.raises(Unauthorised, match="BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE"):
        await client.get("users")


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (404, 'Not found: "7"', NotFound),
        (400, 'The connection "x" already exists.', Conflict),
        (400, "Connection names must not be blank.", Invalid),
        (413, "Request body/entity too large.", Invalid),
        (500, "Unexpected internal error", Unavailable),
    ],
)
async def test_each_status_has_its_own_error(
    answers: responses.RequestsMock, client: GuacamoleClient, status: int, message: str, error: type[DomainError]
) -> None:
    sign_in(answers)
    answers.post(DATA + "connections", status=status, json={"message": message})
    with pytest.raises(error) as raised:
        await client.call("POST", "connections", body={})
    assert type(raised.value) is error
    assert message in str(raised.value)


@pytest.mark.parametrize("status", [502, 503, 500, 400, 404])
async def test_a_page_of_html_is_understood_by_its_status(
    answers: responses.RequestsMock, client: GuacamoleClient, status: int
) -> None:
    sign_in(answers)
    answers.get(DATA + "users", status=status, body="<html>proxy</html>", content_type="text/html")
    with pytest.raises(DomainError) as raised:
        await client.get("users")
    assert "<html>" not in str(raised.value)
    assert not isinstance(raised.value, NotFound), "only Guacamole knows what there is"


@pytest.mark.parametrize(("method", "error"), [("GET", Unavailable), ("PATCH", Unavailable), ("POST", OutcomeUnknown)])
@pytest.mark.parametrize(("status", "body"), [(200, "<html>log in</html>"), (200, ""), (302, ""), (200, "{garb")])
async def test_a_page_that_a_proxy_answers_with_is_never_taken_for_success(
    answers: responses.RequestsMock,
    client: GuacamoleClient,
    method: str,
    error: type[DomainError],
    status: int,
    body: str,
) -> None:
    sign_in(answers)
    kind = "application/json" if body == "{garb" else "text/html"
    answers.add(method, DATA + "connections", status=status, body=body, content_type=kind)
    with pytest.raises(error, match="was not Guacamole"):
        await client.call(method, "connections", body=[] if method == "PATCH" else None)


async def test_a_live_token_of_an_account_that_was_made_anew_is_replaced(
    answers: responses.RequestsMock, client: GuacamoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(answers)
    answers.get(DATA + "users", status=403, json={"message": "Permission denied."})
    answers.head(BASE + "api/session", status=204)
    with pytest.raises(Unauthorised):
        await client.get("users")
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + module.TOKEN_RENEWAL_SECONDS)
    answers.get(DATA + "users", status=403, json={"message": "Permission denied."})
    answers.get(DATA + "users", json={})
    assert await client.get("users") == {}
    assert [call.request.method for call in answers.calls].count("POST") == 2


async def test_an_address_that_guacamole_bans_is_not_called_again(
    answers: responses.RequestsMock, client: GuacamoleClient
) -> None:
    refused = answers.post(BASE + "api/tokens", status=429, json={"message": "Too many failed attempts."})
    for _ in range(3):
        with pytest.raises(Unavailable, match="takes no log-in"):
            await client.get("users")
    assert refused.call_count == 1


@pytest.mark.parametrize("body", ["<html>welcome</html>", '{"authToken": ""}', "[]"])
async def test_a_server_that_is_not_guacamole_is_reported_as_such(
    answers: responses.RequestsMock, client: GuacamoleClient, body: str
) -> None:
    answers.post(BASE + "api/tokens", body=body, content_type="application/json")
    with pytest.raises(Unavailable, match="BLENDERSESSIONS_GUACAMOLE_URL"):
        await client.get("users")


async def test_a_broken_post_is_never_sent_twice(answers: responses.RequestsMock, client: GuacamoleClient) -> None:
    sign_in(answers)
    post = answers.post(DATA + "connections", body=requests.ConnectionError("closed"))
    with pytest.raises(OutcomeUnknown):
        await client.call("POST", "connections", body={})
    assert post.call_count == 1


async def test_the_text_of_a_failure_is_the_same_each_time(
    answers: responses.RequestsMock, client: GuacamoleClient
) -> None:
    answers.post(BASE + "api/tokens", body=requests.ConnectionError(object()))
    texts = set()
    for _ in range(2):
        with pytest.raises(Unavailable) as raised:
            await client.get("users")
        texts.add(str(raised.value))
    assert texts == {f"Guacamole at {BASE} does not answer (ConnectionError); it is asked again."}


async def test_the_token_is_signed_out_at_the_end(answers: responses.RequestsMock, client: GuacamoleClient) -> None:
    sign_in(answers)
    await client.data_source()
    answers.delete(BASE + "api/session", status=204)
    await client.close()
    assert answers.calls[-1].request.headers["Guacamole-Token"] == TOKEN


async def test_names_are_quoted_in_paths(answers: responses.RequestsMock, client: GuacamoleClient) -> None:
    sign_in(answers)
    answers.get(DATA + "users/a%40b%20c", json={"username": "a@b c"})
    assert await client.get("users", "a@b c") == {"username": "a@b c"}


async def test_while_guacamole_is_unavailable_nobody_waits_for_it_twice(
    answers: responses.RequestsMock, client: GuacamoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(answers)
    gone = answers.get(DATA + "users", body=requests.ConnectTimeout())
    for _ in range(3):
        with pytest.raises(Unavailable, match="does not answer"):
            await client.get("users")
    assert gone.call_count == 1
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + module.UNAVAILABLE_PAUSE_SECONDS)
    with pytest.raises(Unavailable):
        await client.get("users")
    assert gone.call_count == 2
