"""Requests other than probes need the token."""

import pytest

from agent.authorisation import is_authorised

TOKEN = "correct-horse-battery"


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "])
def test_the_token_is_accepted(header: str) -> None:
    assert is_authorised(header, TOKEN)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        "Bearer gr\u00fcn\u2713",
    ],
)
def test_everything_else_is_refused(header: str | None) -> None:
    assert not is_authorised(header, TOKEN)


def test_an_empty_token_matches_no_header() -> None:
    assert not is_authorised("Bearer ", "")
    assert not is_authorised("Bearer x", "")
