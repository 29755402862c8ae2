"""A name in a request leads to a file of the home folder, or nowhere."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.files.names import MAX_NAME_BYTES, MAX_PATH_BYTES, composed, is_reachable, read_path
from agent.files.tree import shown
from agent.messages import Refused

if TYPE_CHECKING:
    from pathlib import Path

ODD = [
    "",
    ".",
    "..",
    "a/..",
    "../etc/passwd",
    "a//b",
    "/etc/passwd",
    "a/",
    ".config",
    "a/.hidden/b",
    ".blender-session.json",
]
UNREADABLE = [
    "a\0b",
    "a\nb",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "gpj.\u202eexe",
    "a\u2066b",
    "scene.blend@",
    "x/Scene.BLEND@",
]
GOOD = [
    "-",
    "a b",
    "a\\b",
    "a%b",
    "a?b#c",
    "~",
    "*",
    "scene.blend1",
    "me@home",
    "素材/\u0635\u0648\u0631.png",
    "\u0645\u06cc\u200c\u062e\u0648",
    "👩\u200d🎨.blend",
]


@pytest.mark.parametrize(
    "path", [*ODD[1:], *UNREADABLE, "x" * (MAX_NAME_BYTES + 1), "椅" * 86, "a/" * MAX_PATH_BYTES + "a"]
)
def test_what_no_request_may_name_is_refused_with_words(path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_path(quote(path, safe=""))
    assert refused.value.response.status == 400
    assert str(refused.value.response.body["message"]).endswith(".")


@pytest.mark.parametrize("path", GOOD)
def test_any_script_and_any_sign_is_a_name(path: str) -> None:
    assert read_path(quote(path)) == tuple(path.split("/"))
    assert read_path(quote(path, safe="")) == tuple(path.split("/"))


@pytest.mark.parametrize("encoded", ["%FF", "%C3", "a%ED%A0%80", "%2e%2e/x", "%2E%2E%2Fx", "a%00", "%C0%AE%C0%AE/x"])
def test_no_encoding_is_a_way_around(encoded: str) -> None:
    with pytest.raises(Refused):
        read_path(encoded)


@given(st.text() | st.text(alphabet="./ab%\\\0-@", max_size=12))
def test_what_is_read_stays_below_the_home_folder_and_visible(path: str) -> None:
    encoded = quote(path.encode(errors="surrogatepass"), safe="")
    try:
        parts = read_path(encoded)
    except Refused:
        return
    assert "/".join(parts) == path
    for part in parts:
        assert part
        assert not part.startswith(".")
        assert "/" not in part
        assert is_reachable(part)
        assert not any(unicodedata.category(character) == "Cc" for character in part)
        # What new files are called is no other kind of name.
        assert "/" not in composed(part)
        assert not composed(part).startswith(".")


@given(st.binary(min_size=1, max_size=40))
def test_a_name_in_an_archive_is_text_and_no_way_out(name: bytes) -> None:
    text = shown(name.decode(errors="surrogateescape"))
    assert text.encode().decode() == text
    assert "\\" not in text
    assert not any(unicodedata.category(character) == "Cc" for character in text)


def test_the_longest_name_is_a_file_that_can_be_made(tmp_path: Path) -> None:
    name = "é" * (MAX_NAME_BYTES // 2)
    (tmp_path / "/".join(read_path(quote(name)))).write_bytes(b"")
