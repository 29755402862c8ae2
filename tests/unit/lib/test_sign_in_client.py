"""Signing in and out, with answers as recorded from Guacamole 1.6.0."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests
import responses

from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions.model.errors import Unauthorised, Unavailable
from blendersessions.model.user_credentials import UserCredentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BASE = "http://guacamole:8080/guacamole/"
OWNER = UserCredentials("guest-a", "p&w=1")
TOKEN = "A1" * 32
GRANTED = {"authToken": TOKEN, "username": "guest-a", "dataSource": "postgresql"}
REFUSED = {"message": "Invalid login", "type": "INVALID_CREDENTIALS"}


@pytest.fixture
async def client() -> AsyncIterator[SignInClient]:
    async with SignInClient(BASE) as client:
        yield client


@pytest.fixture
def guacamole() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


async def test_sign_in_posts_the_form_and_gives_the_token(
    guacamole: responses.RequestsMock, client: SignInClient
) -> None:
    form = {"username": "guest-a", "password": "p&w=1"}
    guacamole.post(BASE + "api/tokens", json=GRANTED, match=[responses.matchers.urlencoded_params_matcher(form)])
    assert await client.sign_in(OWNER) == TOKEN


@pytest.mark.parametrize("status", [400, 403])
async def test_a_refused_sign_in_names_the_user_and_not_the_password(
    guacamole: responses.RequestsMock, client: SignInClient, status: int
) -> None:
    guacamole.post(BASE + "api/tokens", json=REFUSED, status=status)
    with pytest.raises(Unauthorised, match="guest-a") as caught:
        await client.sign_in(OWNER)
    assert OWNER.password not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "{}"), (502, "<html>"), (200, "<html>"), (200, "{}"), (200, "[]"), (200, '{"authToken": ""}'), (302, "")],
)
async def test_an_answer_that_is_not_guacamoles_counts_as_unreachable(
    guacamole: responses.RequestsMock, client: SignInClient, status: int, body: str
) -> None:
    guacamole.post(BASE + "api/tokens", body=body, status=status)
    with pytest.raises(Unavailable):
        await client.sign_in(OWNER)


@pytest.mark.parametrize(("status", "alive"), [(204, True), (403, False), (404, False)])
async def test_is_alive_asks_with_the_token_in_a_header(
    guacamole: responses.RequestsMock, client: SignInClient, status: int, *, alive: bool
) -> None:
    header = responses.matchers.header_matcher({"Guacamole-Token": TOKEN})
    guacamole.head(BASE + "api/session", status=status, match=[header])
    assert await client.is_alive(TOKEN) is alive
    assert TOKEN not in str(guacamole.calls[0].request.url)


async def test_a_token_is_not_given_up_while_guacamole_fails(
    guacamole: responses.RequestsMock, client: SignInClient
) -> None:
    guacamole.head(BASE + "api/session", status=503)
    with pytest.raises(Unavailable):
        await client.is_alive(TOKEN)


class TestWhoseATokenIs:
    """Whoever has a token of another user's is refused, so a token that lives has a name or none is known."""

    async def test_a_token_that_lives_has_a_user(self, guacamole: responses.RequestsMock, client: SignInClient) -> None:
        guacamole.head(BASE + "api/session", status=204)
        guacamole.post(
            BASE + "api/tokens", json=GRANTED, match=[responses.matchers.urlencoded_params_matcher({"token": TOKEN})]
        )
        assert await client.username_of(TOKEN) == "guest-a"

    async def test_a_token_that_guacamole_does_not_know_has_none(
        self, guacamole: responses.RequestsMock, client: SignInClient
    ) -> None:
        guacamole.head(BASE + "api/session", status=403)
        assert await client.username_of(TOKEN) == ""

    @pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 503])
    async def test_only_guacamoles_own_word_makes_it_dead(
        self, guacamole: responses.RequestsMock, client: SignInClient, status: int
    ) -> None:
        guacamole.head(BASE + "api/session", status=status)
        with pytest.raises(Unavailable):
            await client.username_of(TOKEN)

    ODD = ((302, ""), (400, "{}"), (403, "{}"), (429, "{}"), (500, ""), (200, "<html>"), (200, "{}"), (200, "[]"))

    @pytest.mark.parametrize(("status", "body"), [*ODD, (200, '{"username": ""}'), (200, '{"username": 7}')])
    async def test_one_that_lives_without_a_name_is_not_dead(
        self, guacamole: responses.RequestsMock, client: SignInClient, status: int, body: str
    ) -> None:
        guacamole.head(BASE + "api/session", status=204)
        guacamole.post(BASE + "api/tokens", body=body, status=status)
        with pytest.raises(Unavailable):
            await client.username_of(TOKEN)

    async def test_one_that_dies_meanwhile_is_dead(
        self, guacamole: responses.RequestsMock, client: SignInClient
    ) -> None:
        guacamole.head(BASE + "api/session", status=204)
        guacamole.head(BASE + "api/session", status=403)
        guacamole.post(BASE + "api/tokens", json=REFUSED, status=403)
        assert await client.username_of(TOKEN) == ""


@pytest.mark.parametrize("status", [204, 403, 404])
async def test_signing_out_a_dead_token_is_no_error(
    guacamole: responses.RequestsMock, client: SignInClient, status: int
) -> None:
    guacamole.delete(BASE + "api/session", status=status)
    await client.sign_out(TOKEN)


@pytest.mark.parametrize("error", [requests.ConnectionError, requests.Timeout])
async def test_a_missing_answer_is_reported_without_secrets(
    guacamole: responses.RequestsMock, client: SignInClient, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    guacamole.post(BASE + "api/tokens", body=error(f"{OWNER.password} planted"))
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable, match="does not answer") as caught:
        await client.sign_in(OWNER)
    assert "planted" not in str(caught.value)
    assert "planted" not in caplog.text
