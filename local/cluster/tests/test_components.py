"""A component is started once, again when it changes, and its end is reported with its last output."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import processes
from localcluster.components import Component, Supervisor
from localcluster.errors import StepFailedError
from waiting import DEADLINE_SECONDS, until

SLEEP = Component("sleeper", ("/bin/sleep", "600"))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "pids", tmp_path / "logs")
    yield made
    for name in made.names():
        made.stop(name, grace=0)


def test_what_runs_as_wanted_is_left_alone(supervisor: Supervisor) -> None:
    assert supervisor.run(SLEEP)
    first = processes.read(supervisor.pid_file("sleeper"))
    assert not supervisor.run(SLEEP)
    assert processes.read(supervisor.pid_file("sleeper")) == first


@pytest.mark.parametrize(
    "changed",
    [Component("sleeper", ("/bin/sleep", "601")), Component("sleeper", SLEEP.command, depends=("another file",))],
)
def test_what_changed_is_started_again(supervisor: Supervisor, changed: Component) -> None:
    supervisor.run(SLEEP)
    before = processes.read(supervisor.pid_file("sleeper"))
    assert before is not None
    assert supervisor.run(changed)
    assert not processes.is_alive(before.identity)
    assert supervisor.is_running("sleeper")


def test_what_ended_is_started_again(supervisor: Supervisor) -> None:
    supervisor.run(SLEEP)
    record = processes.read(supervisor.pid_file("sleeper"))
    assert record is not None
    processes.stop(supervisor.pid_file("sleeper"), grace=0)
    assert supervisor.run(SLEEP)


def test_the_end_of_a_program_is_reported_with_its_last_output(supervisor: Supervisor) -> None:
    code = "import sys; print('cannot open the door'); sys.exit(3)"
    supervisor.run(Component("server", (sys.executable, "-c", code)))
    with pytest.raises(StepFailedError) as caught:
        supervisor.wait("server", lambda: False, seconds=DEADLINE_SECONDS)
    message = str(caught.value)
    assert message.startswith("server ended during its start.")
    assert "    cannot open the door" in message
    assert str(supervisor.log("server")) in message


def test_a_component_that_never_gets_ready_is_reported(supervisor: Supervisor) -> None:
    supervisor.run(SLEEP)
    with pytest.raises(StepFailedError, match="sleeper was not ready within 0 s"):
        supervisor.wait("sleeper", lambda: False, seconds=0)


def test_a_prefix_goes_in_front_of_every_command(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "pids", tmp_path / "logs", prefix=("/usr/bin/env", "WHO=node"))
    supervisor.run(Component("says", ("/bin/sh", "-c", "echo $WHO")))
    until("the command has printed", lambda: supervisor.log("says").read_text() == "node\n")
    supervisor.stop("says", grace=0)
