"""Each object has one name that no other one can have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendersessions.model.names import ALPHABET, PREFIX, _codec, is_generated, name_for, user_secret_name

if TYPE_CHECKING:
    import uuid


@given(st.uuids())
def test_every_name_is_recognised_as_generated_and_belongs_to_one_uid(uid: uuid.UUID) -> None:
    name = name_for(str(uid))
    assert is_generated(name)
    assert str(_codec.decode(name.removeprefix(PREFIX))) == str(uid)


@given(st.uuids())
def test_every_name_is_a_dns_label_of_one_length(uid: uuid.UUID) -> None:
    name = name_for(str(uid))
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) == len("blender-") + 26


@pytest.mark.parametrize(
    "name",
    [
        "",
        "blender-",
        "blender",
        "cart",
        "blender-user-0123456789abcdef",
        "blender-" + "2" * 25,
        "blender-" + "2" * 27,
        "blender-" + "l" * 26,
        "blender-" + "A" * 26,
        "blender-" + "z" * 26,
    ],
)
def test_a_name_that_we_cannot_have_made_is_not_generated(name: str) -> None:
    assert not is_generated(name)


def test_the_alphabet_has_no_look_alikes() -> None:
    assert not set(ALPHABET) & set("01loIO")
    assert len(set(ALPHABET)) == 32


def test_a_users_secret_is_named_by_the_first_16_digits_of_the_names_sha256() -> None:
    assert user_secret_name("alice") == "blender-user-2bd806c97f0e00af"
