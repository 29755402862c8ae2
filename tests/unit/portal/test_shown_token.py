"""Which token a request to Guacamole shows, as Guacamole reads it."""

from __future__ import annotations

import pytest

from blendersessions_portal.shown_token import UnclearTokenError, shown_token


@pytest.mark.parametrize(
    ("lines", "query", "shown"),
    [
        ([], "", ""),
        (["ABC"], "", "ABC"),
        ([""], "token=", ""),
        ([], "token=ABC", "ABC"),
        (["ABC"], "a=b&token=ABC", "ABC"),
        ([], "tokens=ABC&xtoken=D&token%20=E;token=F", ""),
    ],
)
def test_one_token_is_shown(lines: list[str], query: str, shown: str) -> None:
    assert shown_token(lines, query) == shown


@pytest.mark.parametrize(
    ("lines", "query"),
    [
        (["ABC", "ABD"], ""),
        (["ABC, ABD"], ""),
        (["ABC"], "token=ABD"),
        ([], "token=ABC&token=ABD"),
        ([], "TOKEN=ABC&token=ABD"),
        ([], "token=ABC+"),
        ([], "token=%20ABC"),
        ([], "token=ABC%00"),
        ([], "token=%FF"),
        ([], "token=ABC;"),
        ([], "token=" + "A" * 300),
        (["\xe9"], ""),
    ],
)
def test_a_request_with_two_tokens_or_a_strange_one_is_refused(lines: list[str], query: str) -> None:
    with pytest.raises(UnclearTokenError):
        shown_token(lines, query)
