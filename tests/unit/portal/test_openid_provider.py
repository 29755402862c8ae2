"""What a provider that is slow, down, or odd does to the portal."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.errors import Unavailable
from blendersessions_portal.identity import ProviderSession
from blendersessions_portal.openid.identity import merged_claims
from blendersessions_portal.openid.metadata import MetadataError, checked_metadata
from blendersessions_portal.openid.provider import Provider, ProviderSettings
from blendersessions_portal.openid.sign_ons import SignOns
from blendersessions_portal.openid.tokens import RefusedError
from openid_provider import CLIENT, SECRET, running_provider
from openid_provider import Provider as FakeProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clock import Clock

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(fake: FakeProvider, clock: Clock) -> Provider:
    settings = ProviderSettings(
        issuer=fake.url,
        client_id=CLIENT,
        client_secret=SECRET,
        scopes="openid",
        redirect_uri="http://portal.test/sign-in/callback",
        ca_file=None,
        skew_seconds=60,
    )
    return Provider(settings, clock)


async def ask(provider: Provider, token: str, times: int = 1) -> list[object]:
    """Ask at once about a token that says that somebody signed out."""
    return await asyncio.gather(*(provider.logout_claims(token) for _ in range(times)), return_exceptions=True)


@pytest.mark.parametrize("place", [DISCOVERY, "/keys"])
async def test_a_provider_that_is_down_is_not_asked_by_each_who_comes(
    fake: FakeProvider, provider: Provider, clock: Clock, place: str
) -> None:
    token = fake.logout_token(sub="alice")
    fake.moved = {place}
    answers = [*await ask(provider, token, 20), *await ask(provider, token)]
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert fake.asked.count(place) == 1
    fake.moved = set()
    clock.now += 6
    (claims,) = await ask(provider, token)
    assert isinstance(claims, dict)


async def test_many_who_come_together_ask_once(fake: FakeProvider, provider: Provider) -> None:
    assert all(isinstance(each, dict) for each in await ask(provider, fake.logout_token(sub="alice"), 20))
    assert fake.asked == [DISCOVERY, "/keys"]


async def test_new_keys_that_do_not_come_hold_up_nobody(fake: FakeProvider, provider: Provider, clock: Clock) -> None:
    known = fake.logout_token(sub="alice")
    await ask(provider, known)
    clock.now += 60
    fake.renew_key()
    fake.moved = {"/keys"}
    answers = await ask(provider, fake.logout_token(sub="alice"), 20)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert fake.asked.count("/keys") == 2
    assert isinstance((await ask(provider, known))[0], dict)


async def test_questions_that_wait_are_bounded(
    fake: FakeProvider, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions_portal.openid.provider._MAX_IN_HAND", 1)
    await ask(provider, fake.logout_token(sub="alice"))
    answers = await asyncio.gather(*(provider.exchange("a", "b", "c") for _ in range(2)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["RefusedError", "Unavailable"]


def header(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") + ".e30.AA"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c",
        "\u00e9.b.c",
        "a.b.c.d.e",
        "." * 70_000,
        header("[]"),
        header('{"alg": "none"}'),
        header('{"alg": "HS256"}'),
        header('{"alg": ["ES256"]}'),
        header("[" * 30_000),
    ],
)
async def test_what_is_no_token_has_nobody_asked(fake: FakeProvider, provider: Provider, token: str) -> None:
    with pytest.raises(RefusedError):
        await provider.logout_claims(token)
    assert fake.asked == []


@pytest.mark.parametrize(
    ("answer", "claims", "checked"),
    [
        ({"email": "a@b", "email_verified": True}, {}, True),
        ({"email": "a@b", "email_verified": True}, {"email": "a@b"}, True),
        ({"email": "a@b"}, {"email": "a@b", "email_verified": True}, True),
        ({"email": "x@b", "email_verified": True}, {"email": "a@b"}, None),
        ({"email_verified": True}, {"email": "a@b"}, None),
        ({"email": "x@b"}, {"email_verified": True}, None),
        ({"email": "x@b", "email_verified": False}, {"email": "a@b", "email_verified": True}, True),
    ],
)
def test_an_address_is_checked_by_whoever_names_it(
    answer: dict[str, Any], claims: dict[str, Any], *, checked: bool | None
) -> None:
    assert merged_claims(answer, claims).get("email_verified") is checked


def test_odd_metadata_are_refused_in_words(fake: FakeProvider) -> None:
    metadata = fake.metadata() | {"issuer": "https://id.test", "jwks_uri": "https://["}
    with pytest.raises(MetadataError, match="no https in its"):
        checked_metadata(metadata, "https://id.test")


@pytest.mark.parametrize("value", [7, "ES256", [7, None], {"a": 1}])
async def test_lists_that_are_none_count_for_nothing(
    fake: FakeProvider, provider: Provider, monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    metadata = fake.metadata() | dict.fromkeys(
        ["id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported"], value
    )
    monkeypatch.setattr(fake, "metadata", lambda: metadata)
    assert (await provider.authorisation("a", "b", "c")).startswith(fake.url)
    with pytest.raises(RefusedError):
        await provider.logout_claims(fake.logout_token(sub="alice"))


async def test_a_sign_out_without_a_token_says_whose_client_it_is(provider: Provider) -> None:
    place = await provider.sign_out("", "http://portal.test/signed-out")
    assert f"client_id={CLIENT}" in place
    assert "id_token_hint" not in place


def test_sign_ons_that_are_over_take_no_memory(clock: Clock) -> None:
    sign_ons = SignOns(60, clock)
    for number in range(9):
        sign_ons.add(f"person-{number}", "", (), ProviderSession("a"), "", "browser")
    clock.now = 60
    kept = sign_ons.add("alice", "Alice", ("group",) * 9, ProviderSession("a"), "x" * 9000, "browser")
    assert kept.id_token == ""
    assert sign_ons.end_all("a", "") == [kept]
