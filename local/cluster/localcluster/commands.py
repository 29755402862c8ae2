"""Short-lived commands whose failure is told with what they printed."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError, StepFailedError


def run(command: Sequence[str], *, stdin: str | None = None, timeout: float = 120) -> str:
    """Run a command and return its output.

    Raises:
        LocalClusterError: it failed or took longer than `timeout` seconds.
    """
    shown = " ".join(command)
    try:
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise LocalClusterError(f"`{shown}` did not end within {timeout:.0f} s.") from error
    except FileNotFoundError as error:
        raise LocalClusterError(f"`{command[0]}` is not installed.") from error
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip()) or "nothing"
        raise LocalClusterError(f"`{shown}` failed with exit code {result.returncode}. It said: {said}")
    return result.stdout


def run_logged(command: Sequence[str], log: Path, what: str, environment: dict[str, str] | None = None) -> None:
    """Run a command that talks a lot, with its output in `log`.

    Raises:
        StepFailedError: it failed; `what` begins the message.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if code != 0:
        raise StepFailedError(what, log)


@dataclass(frozen=True)
class Kubectl:
    """kubectl with one cluster's administrator access."""

    binary: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run `kubectl ARGUMENTS` and return its output.

        Raises:
            LocalClusterError: it failed.
        """
        command = [str(self.binary), f"--kubeconfig={self.kubeconfig}", *arguments]
        return run(command, stdin=stdin, timeout=timeout)

    def succeeds(self, *arguments: str) -> bool:
        """Tell whether `kubectl ARGUMENTS` succeeds."""
        try:
            self.run(*arguments, timeout=10)
        except LocalClusterError:
            return False
        return True
