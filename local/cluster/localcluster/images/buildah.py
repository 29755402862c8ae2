"""The command buildah, with a storage of its own that no other container on the machine uses."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError, last_lines


class ImageBuildError(LocalClusterError):
    """A step of an image build failed. The message has the last lines and the path of the log."""


@dataclass(frozen=True)
class Buildah:
    """The buildah command with its storage folder."""

    storage: Path

    def run(self, arguments: Sequence[str | Path], log: Path) -> None:
        """Run `buildah ARGUMENTS`. Its output is appended to `log`.

        Raises:
            ImageBuildError: buildah is missing or failed.
        """
        run_logged(self._command(arguments), log)

    def output(self, arguments: Sequence[str | Path]) -> str | None:
        """Return the output of `buildah ARGUMENTS`, or None if it fails."""
        result = subprocess.run(self._command(arguments), capture_output=True, text=True, check=False)
        return result.stdout if result.returncode == 0 else None

    def _command(self, arguments: Sequence[str | Path]) -> list[str]:
        # The driver vfs works on every kernel, but copies all files for each layer.
        driver = "overlay" if _kernel_has_overlay() else "vfs"
        folders = ("--root", str(self.storage / "root"), "--runroot", str(self.storage / "run"))
        return ["buildah", *folders, "--storage-driver", driver, *(str(argument) for argument in arguments)]


def run_logged(command: Sequence[str], log: Path) -> None:
    """Run a command. Its output is appended to `log`.

    Raises:
        ImageBuildError: the command is missing or failed.
    """
    if shutil.which(command[0]) is None:
        raise ImageBuildError(f"The command {command[0]!r} is missing. Install the Debian package {command[0]!r}.")
    with log.open("ab") as stream:
        stream.write(f"$ {' '.join(command)}\n".encode())
        stream.flush()
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        raise ImageBuildError(
            f"{command[0]} failed with exit code {result.returncode}. The end of {log}:\n{last_lines(log)}"
        )


def _kernel_has_overlay() -> bool:
    return "overlay" in Path("/proc/filesystems").read_text().split()
