"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bench.cluster import NODES
from chart.rendering import ROOT
from localcluster import binaries, paths

if TYPE_CHECKING:
    from bench.client import Object


def describe(state: Path) -> Object:
    """Name the machine, the versions and the commit; `state` is where etcd keeps its data."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _git("rev-parse", "--short", "HEAD") + ("" if not _changed() else ", with changes"),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "load_before": round(os.getloadavg()[0], 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "kubernetes": binaries.KUBERNETES_VERSION,
        "etcd": _pinned("etcd", "go.etcd.io/etcd/server/v3"),
        "kwok": _pinned("kwok", "sigs.k8s.io/kwok"),
        "nodes": NODES,
        "etcd_on": _filesystem(state),
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _changed() -> bool:
    return bool(_git("status", "--porcelain", "--", "lib", "operator", "crds", "local/guacamole"))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _pinned(module: str, name: str) -> str:
    for line in (paths.MODULES / module / "go.mod").read_text().splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == [name]:
            return words[1]
    raise LookupError(f"modules/{module}/go.mod does not pin {name}")


def _filesystem(state: Path) -> str:
    """Return the kind of file system that a folder is on."""
    mounts = [part for part in psutil.disk_partitions(all=True) if state.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype
