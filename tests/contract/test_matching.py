"""The comparison behind the replay accepts equal answers and rejects others."""

from __future__ import annotations

import pytest

from contract.matching import MismatchError, filled, match


def test_a_placeholder_is_bound_once_and_then_must_be_the_same() -> None:
    bound = match({"identifier": "<id:1>"}, {"identifier": "7"}, {})
    assert bound == {"<id:1>": "7"}
    with pytest.raises(MismatchError, match="identifier"):
        match({"identifier": "<id:1>"}, {"identifier": "8"}, bound)


def test_placeholders_inside_a_text_are_filled() -> None:
    assert match('Not found: "<id:1>"', 'Not found: "7"', {"<id:1>": "7"}) == {"<id:1>": "7"}
    assert filled({"path": "/<id:1>"}, {"<id:1>": "7"}) == {"path": "/7"}


def test_keys_that_are_placeholders_find_their_values_in_any_order() -> None:
    recorded = {"<uuid:1>": {"username": "ann"}, "<uuid:2>": {"username": ""}}
    assert match(recorded, {"b": {"username": ""}, "a": {"username": "ann"}}, {}) == {"<uuid:1>": "a", "<uuid:2>": "b"}


def test_children_of_a_group_have_no_order() -> None:
    recorded = {"childConnections": [{"name": "a"}, {"name": "b"}]}
    assert match(recorded, {"childConnections": [{"name": "b"}, {"name": "a"}]}, {}) == {}


@pytest.mark.parametrize(
    ("recorded", "answered"),
    [
        ({"a": None}, {}),
        ({}, {"a": 1}),
        ({"a": "1"}, {"a": 1}),
        ({"a": False}, {"a": 0}),
        ({"a": None}, {"a": ""}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ("<date-ms>", "1700000000000"),
        ("<date-ms>", 17),
        ({"childConnections": [{"name": "a"}]}, {"childConnections": [{"name": "b"}]}),
    ],
)
def test_a_difference_is_a_mismatch(recorded: object, answered: object) -> None:
    with pytest.raises(MismatchError):
        match(recorded, answered, {})
