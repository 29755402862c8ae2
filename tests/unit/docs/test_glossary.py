"""The glossary explains every word that the API and the code use, and no word that neither uses."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
GLOSSARY = ROOT / "docs" / "glossary.md"
LIBRARY = ROOT / "lib" / "blendersessions"
OPERATOR = ROOT / "operator" / "blendersessions_operator"
EXPLAINED = (LIBRARY / "model", OPERATOR / "planning", OPERATOR / "controller")
"""The folders whose public classes a reader must be able to look up."""
CONDITIONS = LIBRARY / "model" / "conditions.py"


def rows() -> Iterator[tuple[str, str, str]]:
    for line in GLOSSARY.read_text().splitlines():
        if line.startswith("| ") and not line.startswith(("| word |", "| --- |")):
            word, meaning, code = (cell.strip() for cell in line.strip("|").split("|"))
            yield word, meaning, code


def explained() -> list[str]:
    return [name for _, _, code in rows() for name in re.findall(r"`([^`]+)`", code)]


def classes() -> set[str]:
    trees = (ast.parse(path.read_text()) for folder in EXPLAINED for path in folder.rglob("*.py"))
    found = (node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    return {name for name in found if not name.startswith("_")}


def reasons() -> set[str]:
    """Return the condition types and the reasons: constants in CamelCase, in the module or in an enumeration."""
    found = set()
    for node in ast.walk(ast.parse(CONDITIONS.read_text())):
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found.add(value.value)
    return {name for name in found if re.fullmatch(r"([A-Z][a-z]+)+", name)}


def fields() -> set[str]:
    found = set()
    for path in (ROOT / "crds").glob("*.yaml"):
        versions = yaml.safe_load(path.read_text())["spec"]["versions"]
        for part in ("spec", "status"):
            for version in versions:
                schema = version["schema"]["openAPIV3Schema"]["properties"].get(part, {})
                found |= {f"{part}.{name}" for name in schema.get("properties", {})}
    return found


def test_every_class_reason_and_field_stands_in_the_glossary() -> None:
    missing = (classes() | reasons() | fields()) - set(explained())

    assert not missing, f"Write into the third column of docs/glossary.md: {', '.join(sorted(missing))}"


def test_the_glossary_names_nothing_that_is_gone() -> None:
    gone = set(explained()) - classes() - reasons() - fields()

    assert not gone, f"Take out of the third column of docs/glossary.md: {', '.join(sorted(gone))}"


def test_each_word_and_each_name_is_explained_once() -> None:
    words = [word for words, _, _ in rows() for word in words.split(", ")]

    assert len(words) == len(set(words))
    assert len(explained()) == len(set(explained()))


def test_each_word_has_one_or_two_sentences() -> None:
    for word, meaning, _ in rows():
        assert meaning.endswith((".", ".)")), word
        assert 1 <= len(re.findall(r"[.!](?=\s|$)", meaning.replace(".)", "."))) <= 3, word


def test_the_check_sees_what_there_is() -> None:
    assert len(reasons()) > 30
    assert {"Session", "Plan", "ObjectCache"} <= classes()
    assert {"spec.owner", "status.conditions", "spec.limits"} <= fields()
