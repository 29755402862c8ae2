"""What every suite shares: cheap suites run first, and the run says where its time went."""

from __future__ import annotations

import gc
import logging
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent
SUITES = ("unit", "contract", "chart", "apiserver", "image", "e2e")

# How long an example takes says something about the machine and nothing about the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def suite_of(path: Path) -> str:
    """Name the suite that a test file belongs to."""
    return path.relative_to(ROOT).parts[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the random order within a suite, and the suites from the cheapest to the dearest."""
    items.sort(key=lambda item: SUITES.index(suite_of(item.path)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Put back what a program's `main` sets for its whole process, or a test would depend on those that ran before."""
    root = logging.getLogger()
    handlers, flags, thresholds = list(root.handlers), _logging_flags(), gc.get_threshold()
    levels = {name: logging.getLogger(name).level for name in ("", *root.manager.loggerDict)}
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        for name in ("", *root.manager.loggerDict):
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
        for name, value in flags.items():
            setattr(logging, name, value)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _logging_flags() -> dict[str, object]:
    return {name: getattr(logging, name) for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")}


class _Clock:
    """Adds up the seconds of each suite, fixtures included."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tests: defaultdict[str, int] = defaultdict(int)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        suite = Path(report.nodeid).parts[1]
        self.seconds[suite] += report.duration
        self.tests[suite] += report.when == "call"

    @pytest.hookimpl(wrapper=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        yield
        terminalreporter.section("time by suite")
        for suite in SUITES:
            if suite in self.tests:
                terminalreporter.line(f"{suite:<10} {self.tests[suite]:>5} tests {self.seconds[suite]:>8.1f} s")


def pytest_configure(config: pytest.Config) -> None:
    """Start the clock."""
    config.pluginmanager.register(_Clock(), "suite-clock")
