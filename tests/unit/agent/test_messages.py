"""A request body is accepted only if docs/interfaces.md allows it."""

import json

import pytest

from agent.messages import MAX_MESSAGE_CHARACTERS, BadRequest, Notice, read_nothing, read_notice


@pytest.mark.parametrize("body", [b"", b" ", b"{}"])
def test_a_save_accepts_an_empty_body(body: bytes) -> None:
    read_nothing(body)


@pytest.mark.parametrize("body", [b'{"file": "/etc/passwd"}', b"[]", b"null", b"x", b"\xff", b"[" * 4000])
def test_a_save_accepts_no_parameter(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_nothing(body)


def test_a_notice_has_a_text_and_a_time() -> None:
    assert read_notice(b'{"message": " It ends soon. ", "seconds": 30}') == Notice("It ends soon.", 30.0)


@pytest.mark.parametrize("body", [b'{"message": ""}', b'{"message": "", "seconds": 0}'])
def test_an_empty_text_removes_a_notice(body: bytes) -> None:
    assert read_notice(body) == Notice("", 0.0)


def test_characters_that_cannot_be_printed_are_left_out() -> None:
    body = json.dumps({"message": "a\x00b\x1b[31m\nc\u202e\u00fc", "seconds": 1}).encode()
    assert read_notice(body).message == "ab[31m\nc\u00fc"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"message": "x"}',
        b'{"message": 1, "seconds": 1}',
        b'{"message": "x", "seconds": "1"}',
        b'{"message": "x", "seconds": true}',
        b'{"message": "x", "seconds": 0}',
        b'{"message": "x", "seconds": -1}',
        b'{"message": "x", "seconds": NaN}',
        b'{"message": "x", "seconds": Infinity}',
        b'{"message": "x", "seconds": 1e9}',
        b'{"message": "x", "seconds": 1' + b"0" * 4000 + b"}",
        json.dumps({"message": "x" * (MAX_MESSAGE_CHARACTERS + 1), "seconds": 1}).encode(),
    ],
)
def test_another_notice_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_notice(body)
