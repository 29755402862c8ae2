"""Attributes of users and connections are kept as Guacamole keeps them."""

import pytest

from standin import attributes


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("valid-until", "2099-12-31", "2099-12-31"),
        ("valid-until", "2099-02-31", "2099-03-03"),
        ("valid-until", "31/12/2099", None),
        ("valid-until", "", None),
        ("access-window-start", "07:05:09", "07:05:09"),
        ("access-window-start", "25:99", None),
        ("timezone", "Mars/Olympus", "Mars/Olympus"),
        ("expired", "true", "true"),
        ("expired", "yes", None),
        ("guac-organization", "", None),
    ],
)
def test_guacamole_keeps_corrects_or_drops_a_users_attribute(name: str, given: str, kept: str | None) -> None:
    assert attributes.stored(attributes.USER, {name: given})[name] == kept


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [("max-connections", "5", "5"), ("max-connections", "-1", "-1"), ("max-connections", "abc", None)],
)
def test_what_is_kept_of_a_connections_attribute(name: str, given: str, kept: str | None) -> None:
    assert attributes.stored(attributes.CONNECTION, {name: given})[name] == kept


def test_an_affinity_that_is_off_reads_back_as_an_empty_string() -> None:
    assert attributes.stored(attributes.GROUP, {})["enable-session-affinity"] == ""


def test_unknown_attributes_are_dropped() -> None:
    assert "made-up" not in attributes.stored(attributes.USER, {"made-up": "1"})
    assert attributes.echoed(attributes.USER, {"made-up": "1", "timezone": None}) == {"timezone": None}


def test_a_merge_keeps_what_is_not_named_and_clears_what_is_null() -> None:
    old = attributes.stored(attributes.USER, {"timezone": "UTC", "guac-full-name": "Ann"})
    merged = attributes.merged(attributes.USER, old, {"timezone": None})
    assert (merged["timezone"], merged["guac-full-name"]) == (None, "Ann")
