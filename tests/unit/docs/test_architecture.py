"""The map names every folder of the product, and nothing that is not there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PRODUCT = ("lib", "operator", "cli", "portal", "images")


def section(title: str) -> list[list[str]]:
    """Return the cells of the table under a title."""
    text = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def mapped() -> list[str]:
    return [path.strip("`") for path, *_ in section("Where things live")]


def test_each_path_on_the_map_exists() -> None:
    missing = [path for path in mapped() if not (ROOT / path).is_dir()]

    assert not missing, f"docs/architecture.md names folders that do not exist: {', '.join(missing)}"


def test_each_path_says_what_lives_there_and_what_never_happens() -> None:
    for path, lives, never in section("Where things live"):
        assert lives, path
        assert never, path


def test_each_top_level_folder_stands_on_the_map() -> None:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().split()}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ignored | {".git"}}
    named = {Path(path).parts[0] for path in mapped()}

    # Editors and tools leave hidden folders; ours hold a workflow each.
    assert {name for name in folders if not name.startswith(".")} <= named
    assert {".ci", ".github"} <= named


def test_each_package_of_the_product_stands_on_the_map() -> None:
    packages = {
        f"{path.parent.relative_to(ROOT)}/" for folder in PRODUCT for path in (ROOT / folder).rglob("__init__.py")
    }

    assert len(packages) > 10
    assert packages <= set(mapped()), f"Add to docs/architecture.md: {sorted(packages - set(mapped()))}"


def test_each_step_of_the_flow_is_where_the_page_says() -> None:
    for step, file, name in section("How a session flows through the operator"):
        tree = ast.parse((ROOT / file.strip("`")).read_text())
        defined = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        assert name.strip("`") in defined, f"{step}: {file} has no {name}"


def test_the_picture_uses_the_names_of_the_steps() -> None:
    picture = PAGE.split("## How a session flows through the operator\n")[1].split("```")[1]

    for name in ("_event", "apply_event", "ObjectCache", "WorkQueue", "reconcile", "observe", "plan", "execute"):
        assert re.search(rf"\b{name}\b", picture), name
