"""Long-running programs, known by a pid file that a later run can trust."""

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
_INTERVAL = 0.05
_SHELL = "/bin/sh"
# $0: pid file, $1: our number, then the program. A program whose pid file a crash kept from being written would never
# be found again: it gives up before it has begun, when we are gone or take too long. The shell's number is the
# program's. Its parent's number would not do: if we are killed before the shell begins, that is process 1.
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
    """What makes a process this one and no later one of the same number."""

    pid: int
    started: int
    """Start time in clock ticks since boot, as in field 22 of proc(5)'s `stat`."""
    boot: str
    """The kernel's boot_id: numbers and ticks begin again after a reboot."""


@dataclass(frozen=True)
class Record:
    """A pid file's content."""

    identity: Identity
    fingerprint: str
    """Hash of the command line and of what it depends on, to see whether a running program is the wanted one."""


def boot_id() -> str:
    """Return the identity of the machine's current boot."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def parse_stat(stat: str) -> tuple[str, int]:
    """Return (state, start time in ticks) from `/proc/PID/stat`; the program's name in it may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def identify(pid: int) -> Identity | None:
    """Return the identity of a live process; None if there is none, or only a zombie."""
    try:
        state, started = parse_stat((_PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in {"Z", "X"} else Identity(pid, started, boot_id())


def is_alive(identity: Identity) -> bool:
    """Tell whether that very process still runs."""
    _reap(identity.pid)
    return identify(identity.pid) == identity


def fingerprint(*parts: str) -> str:
    """Return a short hash of a command line and of the contents it depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def read(pid_file: Path) -> Record | None:
    """Return what a pid file says; None if there is none, or if a crash left half of one."""
    try:
        document = json.loads(pid_file.read_text())
        return Record(Identity(**document["identity"]), document["fingerprint"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def running(pid_file: Path) -> Record | None:
    """Return the pid file's record if its process is alive."""
    record = read(pid_file)
    return record if record is not None and is_alive(record.identity) else None


def start(
    pid_file: Path, command: Sequence[str], log: Path, mark: str, environment: Mapping[str, str] | None = None
) -> Record:
    """Start a program in a session of its own, its output appended to `log`, and write its pid file.

    The program begins when it is recorded, so a crash of ours never leaves one that no later run knows of.

    Args:
        pid_file: where the process is recorded.
        command: program (a path) and arguments.
        log: file for standard output and error.
        mark: the fingerprint to record.
        environment: the program's environment; by default, this process's.

    Returns:
        The record. If the program has ended already, `running` tells.
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
    # Our own child cannot vanish before we reap it, so its stat can be read even if it has ended.
    _, started = parse_stat((_PROC / str(pid) / "stat").read_text())
    record = Record(Identity(pid, started, boot_id()), mark)
    partial = pid_file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record)))
    partial.replace(pid_file)
    return record


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    try:
        listing = (_PROC / str(pid) / "task" / str(pid) / "children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listing.split()]


def stop(pid_file: Path, grace: float, *, wrapped: bool = False) -> None:
    """End the recorded process, by force after `grace` seconds, and remove the pid file.

    Args:
        pid_file: the record; a process it does not describe exactly is left alone.
        grace: seconds between SIGTERM and SIGKILL; 0 kills at once.
        wrapped: the recorded process is a wrapper (nsenter) that ends with its only child, which gets the signals.
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


def wait(condition: Callable[[], bool], seconds: float, interval: float = _INTERVAL) -> bool:
    """Wait until `condition()` holds, for at most `seconds`; return whether it does."""
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
    """Collect the exit status if the process is our own child; a zombie would keep its number."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
