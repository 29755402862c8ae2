"""Links in our pages lead somewhere, and the tables of the READMEs name what exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOREIGN = {".venv", "node_modules", ".git", ".pytest_cache", "build"}


def pages() -> list[Path]:
    found = (path for path in ROOT.rglob("*.md") if not FOREIGN & set(path.relative_to(ROOT).parts))
    return sorted(path.relative_to(ROOT) for path in found)


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes from the titles of a page."""
    titles = re.findall(r"^#+ +(.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def table_entries(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the folder in the head of each table, empty if there is none, and each path in its first column."""
    folder, previous = "", ""
    for line in page.read_text().splitlines():
        if line.startswith("| ---"):
            head = re.match(r"\| `([\w/]+)/`", previous)
            folder = head[1] if head else ""
        elif line.startswith("|"):
            for name in re.findall(r"`([^`]+)`", line.split("|")[1]):
                if re.fullmatch(r"[\w./-]+(/|\.\w+)", name):
                    yield folder, name
        previous = line


@pytest.mark.parametrize("page", pages(), ids=str)
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("folder", ["operator", "lib", "cli", "portal", "images", "tests", "requirements"])
def test_the_tables_of_a_readme_name_what_exists(folder: str) -> None:
    entries = list(table_entries(ROOT / folder / "README.md"))
    places = (ROOT, ROOT / folder, ROOT / folder / f"blendersessions_{folder}", ROOT / "tests" / "unit" / "operator")

    assert entries
    for inside, name in entries:
        assert any((place / inside / name).exists() for place in places), name


@pytest.mark.parametrize("folder", ["operator", "lib", "cli", "images", "tests", "local/cluster", "local/guacamole"])
def test_a_readme_is_one_screen(folder: str) -> None:
    assert len((ROOT / folder / "README.md").read_text().splitlines()) <= 45
