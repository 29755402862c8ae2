"""Short-lived commands. The error of a failed command has its output."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError, StepFailedError


def run(command: Sequence[str], *, stdin: str | None = None, timeout: float = 120) -> str:
    """Run a command and return its output.

    Raises:
        LocalClusterError: the command is missing, failed, or took longer than `timeout` seconds.
    """
    shown = " ".join(command)
    try:
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise LocalClusterError(f"`{shown}` did not end within {timeout:.0f} s.") from error
    except FileNotFoundError as error:
        raise LocalClusterError(f"`{command[0]}` is not installed. Install it and run the command again.") from error
    if result.returncode != 0:
        output = (result.stderr.strip() or result.stdout.strip()) or "none"
        raise LocalClusterError(f"`{shown}` failed with exit code {result.returncode}. Its output: {output}")
    return result.stdout


def run_logged(command: Sequence[str], log: Path, what: str, environment: dict[str, str] | None = None) -> None:
    """Run a command with a long output, which is written to `log`.

    Args:
        command: program and arguments.
        log: the file for the output.
        what: the beginning of the message if the command fails, for instance `Image operator failed.`
        environment: the environment; by default, this process's.

    Raises:
        StepFailedError: the command failed. The message has the last lines of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if code != 0:
        raise StepFailedError(what, log)


@dataclass(frozen=True)
class Kubectl:
    """The command kubectl with administrator access to one cluster."""

    binary: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run `kubectl ARGUMENTS` and return its output.

        Raises:
            LocalClusterError: kubectl failed, or took longer than `timeout` seconds.
        """
        command = [str(self.binary), f"--kubeconfig={self.kubeconfig}", *arguments]
        return run(command, stdin=stdin, timeout=timeout)

    def succeeds(self, *arguments: str) -> bool:
        """Return whether `kubectl ARGUMENTS` succeeds within 10 seconds."""
        try:
            self.run(*arguments, timeout=10)
        except LocalClusterError:
            return False
        return True
