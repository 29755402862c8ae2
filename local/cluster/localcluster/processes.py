"""Long-running programs, recorded in pid files that a later run can trust."""

import contextlib
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PROC = Path("/proc")
_POLL_SECONDS = 0.05
_SHELL = "/bin/sh"
# The arguments are $0: the pid file, $1: the id of our process, then the program and its arguments. If a crash kept the
# pid file from being written, no later run would find the program. The shell therefore waits for the pid file before it
# becomes the program. It exits when our process is gone, or after 5 seconds. It does not use its parent's id, because
# that is 1 if our process was killed before the shell began.
_RECORDED = """
parent=$1; shift
recorded() { { read -r record || [ "$record" ]; } <"$0" && case $record in *'"pid": '$$,*) ;; *) false;; esac; }
tries=0
until recorded; do
    kill -0 "$parent" || recorded || exit 1
    tries=$((tries + 1)); [ $tries -lt 500 ] || exit 1; sleep 0.01
done 2>/dev/null
exec "$@"
"""


@dataclass(frozen=True)
class Identity:
    """The identity of a process, which distinguishes it from a later process with the same id."""

    pid: int
    started: int
    """The start time in clock ticks since boot: field 22 of `/proc/PID/stat`, see proc(5)."""
    boot: str
    """The kernel's boot_id, because ids and ticks start again after a reboot."""


@dataclass(frozen=True)
class Record:
    """The content of a pid file."""

    identity: Identity
    fingerprint: str
    """A hash of the command line and of the files that it depends on. With another hash, the program is out of date."""


def boot_id() -> str:
    """Return the id of the machine's current boot."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def parse_stat(stat: str) -> tuple[str, int]:
    """Return (state, start time in ticks) from `/proc/PID/stat`, in which a program's name may have any character."""
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def identify(pid: int) -> Identity | None:
    """Return the identity of a live process, and None if there is no process or only a zombie."""
    try:
        state, started = parse_stat((_PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in {"Z", "X"} else Identity(pid, started, boot_id())


def is_alive(identity: Identity) -> bool:
    """Return whether this process still runs."""
    _reap(identity.pid)
    return identify(identity.pid) == identity


def fingerprint(*parts: str) -> str:
    """Return a short hash of a command line and of the contents of files that it depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def read(pid_file: Path) -> Record | None:
    """Return the content of a pid file, and None if there is no file or a crash left a part of it."""
    try:
        document = json.loads(pid_file.read_text())
        return Record(Identity(**document["identity"]), document["fingerprint"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def running(pid_file: Path) -> Record | None:
    """Return the content of a pid file if its process is alive, and None otherwise."""
    record = read(pid_file)
    return record if record is not None and is_alive(record.identity) else None


def start(
    pid_file: Path, command: Sequence[str], log: Path, mark: str, environment: Mapping[str, str] | None = None
) -> Record:
    """Start a program in a session of its own and write its pid file.

    The program begins after the pid file is written. A crash in between leaves no program that a later run cannot find.

    Args:
        pid_file: the file for the record.
        command: the path of the program, and its arguments.
        log: the file to which standard output and error are appended.
        mark: the fingerprint to record.
        environment: the program's environment; by default, this process's.

    Returns:
        The record. The program may have ended already: see `running`.
    """
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        _SHELL,
        [_SHELL, "-c", _RECORDED, str(pid_file), str(os.getpid()), *command],
        dict(os.environ if environment is None else environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=[signal.SIGINT, signal.SIGPIPE],
    )
    # The kernel keeps an ended child until we reap it, so its stat can always be read.
    _, started = parse_stat((_PROC / str(pid) / "stat").read_text())
    record = Record(Identity(pid, started, boot_id()), mark)
    partial = pid_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record)))
    partial.replace(pid_file)
    return record


def children(pid: int) -> list[int]:
    """Return the ids of the direct children of a process."""
    try:
        listing = (_PROC / str(pid) / "task" / str(pid) / "children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listing.split()]


def stop(pid_file: Path, grace: float, *, wrapped: bool = False) -> None:
    """Stop the recorded process and remove the pid file.

    Args:
        pid_file: the record. Another process with the same id is left alone.
        grace: seconds between SIGTERM and SIGKILL. With 0, SIGKILL is sent at once.
        wrapped: whether the recorded process is a wrapper (nsenter) that ends with its only child. The child then gets
            the signals.
    """
    record = running(pid_file)
    if record is not None:
        targets = [i for i in map(identify, children(record.identity.pid)) if i is not None] if wrapped else []
        targets = targets or [record.identity]
        if grace > 0:
            _signal(targets, signal.SIGTERM)
            wait(lambda: not is_alive(record.identity), grace)
        if is_alive(record.identity):
            _signal([*targets, record.identity], signal.SIGKILL)
            wait(lambda: not is_alive(record.identity), 10)
    pid_file.unlink(missing_ok=True)


def wait(condition: Callable[[], bool], seconds: float, interval: float = _POLL_SECONDS) -> bool:
    """Wait until `condition()` holds, for at most `seconds`, and return whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True


def _signal(targets: Sequence[Identity], number: signal.Signals) -> None:
    for target in targets:
        if identify(target.pid) == target:
            with contextlib.suppress(ProcessLookupError):
                os.kill(target.pid, number)


def _reap(pid: int) -> None:
    """Collect the exit status of the process if it is our child. Otherwise it would stay a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
