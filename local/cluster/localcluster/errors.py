"""The errors of the local cluster. Their messages are for the user at the terminal."""

from pathlib import Path


class LocalClusterError(Exception):
    """A step failed. The message names the object, the problem and the solution."""


def last_lines(log: Path, count: int = 15) -> str:
    """Return the last `count` lines of a log, indented, for an error message."""
    if not log.exists():
        return "    (no log was written)"
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"


class StepFailedError(LocalClusterError):
    """A program failed. The message has the last lines of its log and the log's path.

    Args:
        what: the beginning of the message.
        log: the program's log.
        advice: the end of the message.
    """

    def __init__(self, what: str, log: Path, advice: str = "") -> None:
        super().__init__(f"{what}\n{last_lines(log)}\nThe whole log is {log}." + (f" {advice}" if advice else ""))
