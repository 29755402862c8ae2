"""Only what the interface names is accepted."""

import json

import pytest

from agent.messages import MAX_MESSAGE_CHARACTERS, BadRequest, Notice, read_nothing, read_notice


@pytest.mark.parametrize("body", [b"", b" ", b"{}"])
def test_a_save_takes_nothing(body: bytes) -> None:
    read_nothing(body)


@pytest.mark.parametrize("body", [b'{"file": "/etc/passwd"}', b"[]", b"null", b"x", b"\xff", b"[" * 4000])
def test_a_save_takes_no_path_from_outside(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_nothing(body)


def test_a_notice_has_words_and_a_time() -> None:
    assert read_notice(b'{"message": " It ends soon. ", "seconds": 30}') == Notice("It ends soon.", 30.0)


@pytest.mark.parametrize("body", [b'{"message": ""}', b'{"message": "", "seconds": 0}'])
def test_no_words_take_a_notice_down(body: bytes) -> None:
    assert read_notice(body) == Notice("", 0.0)


def test_signs_without_a_shape_are_left_out() -> None:
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
