"""No test depends on how fast the machine is, or on what ran before: what would make it so is refused in all tests."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
SHORTEST_DEADLINE_SECONDS = 30
CLOCKS = {"monotonic", "perf_counter", "process_time"}
EXEMPT = {
    "waiting.py": "it is where deadlines are kept",
    "prepare.py": "it is no test",
    "bench": "it measures time",
}
FILES = [path for path in sorted(TESTS.rglob("*.py")) if not EXEMPT.keys() & set(path.relative_to(TESTS).parts)]
FILES += sorted((TESTS.parent / "local" / "cluster" / "tests").rglob("*.py"))


def name_of(call: ast.Call) -> str:
    """Return what is called, as it is written: `asyncio.sleep`."""
    return ast.unparse(call.func)


def numbers(call: ast.Call, *positions: int, keyword: str = "") -> Iterator[float]:
    """Return the literal numbers among a call's arguments at these positions and at a keyword."""
    found = [call.args[position] for position in positions if position < len(call.args)]
    found += [each.value for each in call.keywords if keyword and each.arg == keyword]
    for node in found:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield node.value


def reads_a_clock(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) and name_of(each).split(".")[-1] in CLOCKS for each in ast.walk(node))


def clock_names(tree: ast.AST) -> set[str]:
    """Return the names that hold a clock's value, or something computed from one."""
    names: set[str] = set()
    assignments = [each for each in ast.walk(tree) if isinstance(each, ast.Assign)]
    for _ in assignments:
        before = len(names)
        for each in assignments:
            used = {part.id for part in ast.walk(each.value) if isinstance(part, ast.Name)}
            if reads_a_clock(each.value) or names & used:
                names |= {part.id for part in each.targets if isinstance(part, ast.Name)}
        if len(names) == before:
            break
    return names


def faults_of_call(call: ast.Call) -> Iterator[str]:
    name = name_of(call)
    last = name.split(".")[-1]
    if last == "sleep" and list(numbers(call, 0)) != [0]:
        yield "sleeps: wait for the condition with waiting.until, or for a gate"
    short = list(numbers(call, keyword="timeout"))
    short += numbers(call, 0, keyword="delay") if name == "asyncio.timeout" else []
    short += numbers(call, 1) if name == "asyncio.wait_for" else []
    short += numbers(call, 2, keyword="seconds") if last == "until" else []
    if any(number < SHORTEST_DEADLINE_SECONDS for number in short):
        yield f"has a deadline under {SHORTEST_DEADLINE_SECONDS} s: use waiting.DEADLINE_SECONDS"
    if last == "setattr" and any(isinstance(each, ast.Constant) and each.value == "sleep" for each in call.args):
        yield "replaces sleep for the whole process: whoever else sleeps at that moment runs it too"
    if last in {"skip", "skipif", "xfail", "flaky", "importorskip"}:
        yield "skips, or tries again: a test either holds or fails"
    if last == "settings" and not all(
        isinstance(each.value, ast.Constant) and each.value.value is None
        for each in call.keywords
        if each.arg == "deadline"
    ):
        yield "sets a deadline for an example"


def outlives_its_tests(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a fixture holds Playwright, whose event loop fills its thread, until the run ends."""
    return any("scope='session'" in ast.unparse(each) for each in function.decorator_list) and any(
        isinstance(each, ast.Call) and name_of(each).endswith("sync_playwright") for each in ast.walk(function)
    )


def faults_of(source: str) -> list[str]:
    """Return what in a file depends on the machine's speed or on what ran before, by line."""
    tree = ast.parse(source)
    held = clock_names(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [(node.lineno, fault) for fault in faults_of_call(node)]
        elif isinstance(node, ast.Compare):
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if reads_a_clock(node) or held & used:
                found.append((node.lineno, "compares what a clock says"))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and outlives_its_tests(node):
            found.append((node.lineno, "keeps Playwright for the whole run: no async test can run after it"))
    return [f"line {line}: {fault}" for line, fault in sorted(found)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS.parent)))
def test_a_test_file_depends_on_nothing_of_the_run(path: Path) -> None:
    assert faults_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "time.sleep(1)",
        "sleep(0.1)",
        "await asyncio.sleep(delay)",
        "assert time.monotonic() - begun < 5",
        "begun = time.monotonic()\ntook = clock() - begun\nassert took < 5",
        "assert perf_counter() > limit",
        "requests.get(url, timeout=5)",
        "async with asyncio.timeout(5): pass",
        "await asyncio.wait_for(done(), 10)",
        "until('it is there', probe, 10)",
        "until('it is there', probe, seconds=29)",
        "monkeypatch.setattr(transfers.asyncio, 'sleep', change)",
        "pytest.skip('not here')",
        "settings(deadline=200)",
    ],
)
def test_what_would_depend_on_it_is_found(line: str) -> None:
    body = "\n".join(f"    {part}" for part in line.splitlines())
    assert len(faults_of(f"async def test() -> None:\n{body}\n")) == 1


def test_a_browser_for_the_whole_run_is_found() -> None:
    held = "def browser():\n    with sync_playwright() as playwright:\n        yield playwright.chromium.launch()\n"
    assert len(faults_of(f'@pytest.fixture(scope="session")\n{held}')) == 1
    assert faults_of(f'@pytest.fixture(scope="package")\n{held}') == []


@pytest.mark.parametrize(
    "line",
    ["await asyncio.sleep(0)", "until('it is there', probe)", "requests.get(url, timeout=DEADLINE_SECONDS)"],
)
def test_what_does_not_is_passed(line: str) -> None:
    assert faults_of(f"async def test() -> None:\n    {line}\n") == []


def test_an_example_of_a_property_may_take_as_long_as_it_takes() -> None:
    assert settings.default is not None
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
