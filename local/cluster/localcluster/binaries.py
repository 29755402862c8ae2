"""The cluster's programs, built from the pinned Go modules in `local/cluster/modules/`."""

import fcntl
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localcluster import paths, toolchain
from localcluster.errors import LocalClusterError, StepFailedError

KUBERNETES_VERSION = "v1.36.3"

_STRIP = "-s -w"
_KUBERNETES_FLAGS = " ".join(
    [
        _STRIP,
        f"-X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}",
        f"-X k8s.io/component-base/version.gitMajor={KUBERNETES_VERSION[1:].split('.', maxsplit=1)[0]}",
        f"-X k8s.io/component-base/version.gitMinor={KUBERNETES_VERSION[1:].split('.')[1]}",
    ]
)


@dataclass(frozen=True)
class Tool:
    """One program: the folder in `modules/` that pins it, its main package, and the linker's flags."""

    module: str
    package: str
    ldflags: str = _STRIP


def _kubernetes(name: str) -> Tool:
    return Tool("kubernetes", f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_FLAGS)


TOOLS: dict[str, Tool] = {
    "etcd": Tool("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    "kubectl": _kubernetes("kubectl"),
    "helm": Tool("helm", "helm.sh/helm/v3/cmd/helm"),
    "kube-controller-manager": _kubernetes("kube-controller-manager"),
    "kube-scheduler": _kubernetes("kube-scheduler"),
    "kubelet": _kubernetes("kubelet"),
    "kube-proxy": _kubernetes("kube-proxy"),
    "coredns": Tool("coredns", "blendersessions.io/local/coredns"),
    "volumes": Tool("volumes", "blendersessions.io/local/volumes"),
    "policies": Tool("policies", "blendersessions.io/local/policies"),
    "pause": Tool("node", "blendersessions.io/local/node/pause"),
    "forward": Tool("node", "blendersessions.io/local/node/forward"),
    "kind": Tool("kind", "sigs.k8s.io/kind"),
    "kwok": Tool("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "oauth2-proxy": Tool("oauth2-proxy", "github.com/oauth2-proxy/oauth2-proxy/v7"),
}

ALL = tuple(name for name in TOOLS if name not in {"kind", "kwok", "oauth2-proxy"})
"""The programs that the embedded cluster needs."""


def fingerprint(tool: Tool, modules: Path = paths.MODULES) -> str:
    """Return a short hash of all inputs of a build: the pinned modules, our own sources and the flags."""
    digest = hashlib.sha256(tool.ldflags.encode())
    folder = modules / tool.module
    for source in sorted(p for p in folder.rglob("*") if p.name in {"go.mod", "go.sum"} or p.suffix == ".go"):
        digest.update(source.relative_to(folder).as_posix().encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()[:12]


def location(name: str) -> Path:
    """Return the path of the program `name`, whether it is built or not.

    Raises:
        LocalClusterError: there is no such program.
    """
    if name not in TOOLS:
        raise LocalClusterError(f"There is no program {name!r}. The programs are: {', '.join(TOOLS)}.")
    tool = TOOLS[name]
    return paths.cache() / "bin" / f"{tool.module}-{fingerprint(tool)}" / name


def missing(*names: str) -> list[str]:
    """Return those of `names` that are not built yet."""
    return [name for name in names if not location(name).exists()]


def build(name: str) -> Path:
    """Build one program unless it is built, and return its path. If another process builds it, wait for that.

    Raises:
        StepFailedError: `go build` failed.
    """
    target = location(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _compile(name, target)
    _link(name, target)
    return target


def ensure(*names: str) -> dict[str, Path]:
    """Build the named programs that are not built yet, and return the paths of all.

    Raises:
        LocalClusterError: there is no such program, or `go build` failed.
    """
    return {name: build(name) for name in names}


def _compile(name: str, target: Path) -> None:
    tool = TOOLS[name]
    go = toolchain.find()
    partial = target.with_name(f".{name}.partial")
    log = paths.cache() / "logs" / f"build-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(go), "build", "-trimpath", "-ldflags", tool.ldflags, "-o", str(partial), tool.package]
    with log.open("w") as out:
        code = subprocess.run(
            command,
            cwd=paths.MODULES / tool.module,
            env=toolchain.environment(go),
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code != 0:
        raise StepFailedError(f"{name} could not be built from modules/{tool.module}.", log)
    partial.replace(target)


def _link(name: str, target: Path) -> None:
    """Let `bin/NAME` point to the newest build, for use at the command line. Our code does not read it."""
    link = paths.cache() / "bin" / name
    if link.is_symlink() and link.resolve() == target.resolve():
        return
    fresh = link.with_name(f".{name}.{os.getpid()}")
    fresh.symlink_to(target.relative_to(link.parent))
    fresh.replace(link)
