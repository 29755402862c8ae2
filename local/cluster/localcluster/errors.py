"""What goes wrong in the local cluster, as sentences for the person at the terminal."""

from pathlib import Path


class LocalClusterError(Exception):
    """A step failed; the message names the thing, what is wrong and what to do."""


def last_lines(log: Path, count: int = 15) -> str:
    """Return the last lines of a log file, indented, for an error message."""
    if not log.exists():
        return "    (no log was written)"
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"


class StepFailedError(LocalClusterError):
    """A program ended with an error; the message ends with the last lines of its log and the log's place."""

    def __init__(self, what: str, log: Path, advice: str = "") -> None:
        super().__init__(f"{what}\n{last_lines(log)}\nThe whole log is {log}." + (f" {advice}" if advice else ""))
