"""A name tells which session an object belongs to, and the other way round."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendersessions.model.names import ALPHABET, name_for, uid_from, user_secret_name

if TYPE_CHECKING:
    import uuid


@given(st.uuids())
def test_every_uid_comes_back_from_its_name(uid: uuid.UUID) -> None:
    assert uid_from(name_for(str(uid))) == str(uid)


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
def test_what_is_no_name_of_ours_has_no_uid(name: str) -> None:
    assert uid_from(name) is None


def test_the_alphabet_has_no_look_alikes() -> None:
    assert not set(ALPHABET) & set("01loIO")
    assert len(set(ALPHABET)) == 32


def test_a_users_secret_is_named_by_the_first_16_digits_of_the_names_sha256() -> None:
    assert user_secret_name("alice") == "blender-user-2bd806c97f0e00af"
