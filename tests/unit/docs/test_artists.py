"""The artists' page answers, in one table, what becomes of each thing that a person makes."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "artists.md").read_text()
THINGS = (
    "the .blend file",
    "changes that you did not save",
    "images that you painted or edited",
    "finished still render",
    "frames of an animation",
    "simulation caches and bakes",
    "preferences, keymap, theme",
    "add-ons and extensions that you installed yourself",
    "startup file",
    "clipboard",
    "files in `/tmp`",
)
ENDS = ("suspended", "session deleted", "crashes", "no workspace")


def table() -> list[list[str]]:
    """The cells of the first table, its head first."""
    (first, *_) = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in first.splitlines()]
    return [rows[0], *rows[2:]]


def test_each_thing_has_an_answer_for_each_end() -> None:
    head, *rows = table()

    assert len(head) == 1 + len(ENDS)
    for cell, end in zip(head[1:], ENDS, strict=True):
        assert end in cell
    for thing in THINGS:
        assert [row for row in rows if thing in row[0]], thing
    for row in rows:
        assert len(row) == len(head), row[0]
        for cell in row[1:]:
            assert re.search(r"\b(kept|lost)\b", cell), f"{row[0]}: {cell}"


def test_nothing_outlives_a_desktop_without_a_workspace() -> None:
    for row in table()[1:]:
        assert row[-1].startswith(("lost", "not kept")), row[0]


def test_it_leads_nowhere_else_since_the_portal_shows_it_too() -> None:
    assert "](" not in PAGE


def test_the_first_page_of_the_repository_leads_to_it() -> None:
    assert "(docs/artists.md)" in (ROOT / "README.md").read_text()
