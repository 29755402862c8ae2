"""A person's name gives one user of Guacamole's, and no two names the same."""

from __future__ import annotations

import pytest

from blendersessions_portal.owner_name import owner_name
from blendersessions_portal.sign_on_settings import SignOnSettings

UNICODE_SPACES = ("\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\x1c", "\x1f")


@pytest.mark.parametrize("name", ["alice", "alice@example.org", "a.b_c+d-e@x", "0f8fad5b-d9cb-469f-a165-70867728950e"])
def test_most_names_are_the_user(name: str) -> None:
    assert owner_name(name, reserved=frozenset({"guacadmin"}), fold_case=False) == name


@pytest.mark.parametrize(
    "name",
    [
        "Alice",
        "DOMAIN\\alice",
        "Zoë Müller",
        "Анна",
        "花子",
        "👩‍🎨",
        " alice",
        "alice ",
        *(f"alice{space}" for space in UNICODE_SPACES),
        ".alice",
        "a/b",
        "a b",
        "../../etc",
        "a\"b'c;d--",
        "a\tb",
        "a\x00b",
        "x" * 129,
        "guacadmin",
        "guest-x7k2p",
        "blender-x7k2p",
        "person-x7k2p",
        "\u202eecila",
        "-",
    ],
)
def test_others_get_a_user_of_their_own(name: str) -> None:
    user = owner_name(name, reserved=frozenset({"guacadmin"}), fold_case=False)
    assert user.startswith("person-")
    assert len(user) <= 128
    assert set(user) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert owner_name(user, reserved=frozenset({"guacadmin"}), fold_case=False) != user, "nobody takes it by its name"


def test_no_two_names_give_one_user() -> None:
    names = [
        "alice",
        "Alice",
        "ALICE",
        "alice ",
        "ålice",
        "a-lice",
        "a lice",
        "a_lice",
        "DOMAIN\\alice",
        "domain/alice",
    ]
    assert len({owner_name(name, reserved=frozenset(), fold_case=False) for name in names}) == len(names)


def test_where_the_sign_on_takes_no_notice_of_capitals_they_are_one() -> None:
    names = ["Alice@Example.org", "alice@example.org"]
    assert {owner_name(name, reserved=frozenset(), fold_case=True) for name in names} == {"alice@example.org"}
    # The sign of the unit kelvin is not the letter k, though its small letter is.
    kelvin = owner_name("\u212aim", reserved=frozenset(), fold_case=True)
    assert kelvin != owner_name("kim", reserved=frozenset(), fold_case=True)


def test_the_administrators_are_known_in_capitals_too() -> None:
    reserved = SignOnSettings(administrator="ROOT", reserved_names=("Ops",)).reserved
    for name in ("root", "ROOT", "ops", "OPS"):
        for fold_case in (False, True):
            assert owner_name(name, reserved=reserved, fold_case=fold_case).startswith("person-")
