"""A name from outside becomes a file name that is safe in the home folder, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene.names import MAX_NAME_BYTES, is_blend, safe_name, sentence_list


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cart.blend", "cart.blend"),
        ("日本 ünï Ωλ Привет می‌خواهم.blend", "日本 ünï Ωλ Привет می‌خواهم.blend"),
        ("u\u0308ber.blend", "über.blend"),
        ("-.blend", "-.blend"),
        ("CART.BLEND", "CART.blend"),
        ("cart", "cart.blend"),
        ("../../etc/passwd", "passwd.blend"),
        ("C:\\scenes\\cart.blend", "cart.blend"),
        (".blend", "scene.blend"),
        ("..", "scene.blend"),
        ("", "scene.blend"),
        (".hidden.blend", "hidden.blend"),
        ("two\nlines\x00.blend", "twolines.blend"),
        ("tfel\u202e.blend", "tfel.blend"),
    ],
)
def test_a_name_is_made_safe(name: str, expected: str) -> None:
    assert safe_name(name, ".blend") == expected


def test_a_long_name_is_cut_between_characters() -> None:
    name = safe_name("ü" * 300 + ".blend", ".blend")
    assert name == "ü" * (MAX_NAME_BYTES // 2) + ".blend"


def test_a_folders_name_has_no_suffix() -> None:
    assert safe_name("My cart", "") == "My cart"


@given(st.text(), st.sampled_from([".blend", ".zip", ""]))
def test_every_name_is_safe(name: str, suffix: str) -> None:
    safe = safe_name(name, suffix)
    assert "/" not in safe
    assert "\0" not in safe
    assert not safe.startswith(".")
    assert safe.endswith(suffix)
    assert len(safe.encode()) <= MAX_NAME_BYTES + len(suffix)


def test_blenders_own_copies_are_no_scenes() -> None:
    assert [name for name in ("a.blend", "b.BLEND", "c.blend1", ".blend", "._a.blend", "blend") if is_blend(name)] == [
        "a.blend",
        "b.BLEND",
    ]


@pytest.mark.parametrize(
    ("names", "count", "expected"),
    [
        ([], None, ""),
        (["a"], None, "a"),
        (["a", "b"], None, "a and b"),
        (["a", "b", "c"], None, "a, b and c"),
        (list("abcdefg"), None, "a, b, c, d, e and 2 more"),
        (list("abcde"), 17, "a, b, c, d, e and 12 more"),
    ],
)
def test_names_in_a_sentence(names: list[str], count: int | None, expected: str) -> None:
    assert sentence_list(names, count) == expected
