"""What every suite shares: cheap suites run first, and the run says where its time went."""

from __future__ import annotations

import gc
import logging
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.remote import Producer

ROOT = Path(__file__).parents[1]
ALONE = "e2e"
"""The suite whose tests share one cluster, so that they run one after the other."""
FIGURE = "figure"
"""The name of a property of a test, which the end of the run prints: what was measured and is bounded by nothing."""
SUITES = ("unit", "cluster", "contract", "chart", "apiserver", "image", "e2e")
"""By the second part of a test file's path; `local/cluster/tests` is the suite `cluster`."""

# How long an example takes says something about the machine and nothing about the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def suite_of(path: Path) -> str:
    """Name the suite that a test file belongs to."""
    return path.relative_to(ROOT).parts[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the random order within a suite, and the suites from the cheapest to the dearest.

    Where processes share the run, the suite that one process runs alone begins first, and the others meanwhile.
    """
    suites = sorted(SUITES, key=lambda suite: suite != ALONE) if hasattr(config, "workerinput") else SUITES
    items.sort(key=lambda item: suites.index(suite_of(item.path)))


class _ByFile(LoadScopeScheduling):
    """Gives the processes of a run one file at a time, and all of the suite that has one cluster to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", maxsplit=1)[0]
        return ALONE if Path(file).parts[1] == ALONE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return what shares the run between processes; `--numprocesses` asks for that."""
    config.option.loadscopereorder = False
    return _ByFile(config, log)


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
    """Adds up the seconds of each suite, fixtures included, over all processes of the run, and keeps tests' figures."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tests: defaultdict[str, int] = defaultdict(int)
        self.figures: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        suite = Path(report.nodeid).parts[1]
        self.seconds[suite] += report.duration
        self.tests[suite] += report.when == "call"
        if report.when == "call":
            self.figures += [str(value) for name, value in report.user_properties if name == FIGURE]

    @pytest.hookimpl(wrapper=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        yield
        if self.figures:
            terminalreporter.section("figures")
        for figure in self.figures:
            terminalreporter.line(figure)
        terminalreporter.section("time by suite")
        for suite in SUITES:
            if suite in self.tests:
                terminalreporter.line(f"{suite:<10} {self.tests[suite]:>5} tests {self.seconds[suite]:>8.1f} s")


def pytest_configure(config: pytest.Config) -> None:
    """Start the clock."""
    config.pluginmanager.register(_Clock(), "suite-clock")
