"""A range gives the bytes that it names, as RFC 9110 counts them."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.files.ranges import Span, attachment_headers, etag_of, read_range, wants_range
from agent.messages import Refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-", Span(0, 10)),
        ("bytes=9-", Span(9, 1)),
        ("bytes=2-4", Span(2, 3)),
        ("bytes=2-999999", Span(2, 8)),
        ("bytes=-3", Span(7, 3)),
        ("bytes=-99", Span(0, 10)),
        ("Bytes = 1 - 2 ", Span(1, 2)),
        # Nothing that has to be understood: the whole file.
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=0-1,4-5", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
        ("bytes=\u0663-\u0665", None),
        ("bytes=" + "9" * 5000 + "-", None),
        ("", None),
    ],
)
def test_a_range_of_ten_bytes(header: str | None, span: Span | None) -> None:
    assert read_range(header, 10) == span


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_beyond_the_end_is_refused_with_the_size(header: str, size: int) -> None:
    with pytest.raises(Refused) as refused:
        read_range(header, size)
    assert refused.value.response.status == 416
    assert refused.value.response.headers == {"Content-Range": f"bytes */{size}"}


@given(st.integers(0, 30), st.integers(0, 40) | st.none(), st.integers(0, 40) | st.none())
def test_a_span_is_what_the_range_names(size: int, first: int | None, last: int | None) -> None:
    content = bytes(range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None:
        expected = content[-last:] if last else b""
    else:
        expected = content[first:] if last is None else content[first : last + 1]
    try:
        span = read_range(header, size)
    except Refused:
        assert expected == b""
        return
    if span is None:
        assert (first is None and last is None) or (first is not None and last is not None and last < first)
        return
    assert content[span.first : span.first + span.length] == expected
    assert len(expected) == span.length
    assert span.content_range(size) == f"bytes {content[span.first]}-{content[span.first] + span.length - 1}/{size}"


@given(st.text() | st.text(alphabet="0123456789-, bytes=", max_size=12).map("bytes={}".format))
def test_no_header_is_a_failure(header: str) -> None:
    try:
        span = read_range(header, 10)
    except Refused:
        return
    assert span is None or (0 <= span.first < span.first + span.length <= 10)


def test_another_version_has_another_tag(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    first = etag_of(file.stat())
    file.rename(tmp_path / "b")
    assert etag_of((tmp_path / "b").stat()) == first
    file.write_bytes(b"x")
    assert etag_of(file.stat()) != first


@pytest.mark.parametrize(
    ("if_range", "expected"),
    [(None, True), ('"1"', True), ('"2"', False), ('W/"1"', False), ("Thu, 26 Nov 2026 00:00:00 GMT", False)],
)
def test_only_the_same_version_is_continued(if_range: str | None, expected: bool) -> None:
    assert wants_range(if_range, '"1"') is expected


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40))
def test_a_browser_reads_the_name_that_the_file_has(name: str) -> None:
    value = attachment_headers(name)["Content-Disposition"]
    assert value.isascii()
    assert value.isprintable()
    plain, _, extended = value.partition("; filename*=")
    assert plain.startswith('attachment; filename="')
    assert plain.count('"') == 2
    message = Message()
    message["Content-Disposition"] = f"attachment; filename*={extended}"
    # This reader takes off what is white at either end.
    assert message.get_filename() == name.strip()
