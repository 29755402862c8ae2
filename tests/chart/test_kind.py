"""The cluster for kind: its ports are the ones that the demo uses, and kind can read the file."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import yaml

from chart.rendering import ROOT
from localcluster import binaries, kind
from localcluster.chart import HTTP_NODE_PORT

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = ROOT / "kind-config.yaml"
UNREADABLE = "unable to decode config"


def complaint(config: Path, home: Path) -> str:
    """Let kind read a configuration where there is no Docker, so that it makes nothing, and return its output."""
    result = subprocess.run(
        [binaries.ensure("kind")["kind"], "create", "cluster", "--name=unmade", f"--config={config}"],
        env={"PATH": str(home), "HOME": str(home), "KIND_EXPERIMENTAL_PROVIDER": "docker"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode, result.stdout + result.stderr
    return result.stderr


def test_the_port_of_the_proxy_is_open_on_this_machine_alone() -> None:
    nodes = yaml.safe_load(CONFIG.read_text())["nodes"]
    assert [node.get("extraPortMappings") for node in nodes] == [
        [
            {
                "containerPort": HTTP_NODE_PORT,
                "hostPort": kind.HTTP_PORT,
                "listenAddress": "127.0.0.1",
                "protocol": "TCP",
            }
        ]
    ]


def test_kind_reads_the_configuration_and_misses_only_docker(tmp_path: Path) -> None:
    output = complaint(CONFIG, tmp_path)
    assert UNREADABLE not in output
    assert '"docker": executable file not found' in output


def test_kind_would_refuse_a_misspelt_field(tmp_path: Path) -> None:
    misspelt = tmp_path / "kind.yaml"
    misspelt.write_text(CONFIG.read_text().replace("hostPort", "hostPrt"))
    output = complaint(misspelt, tmp_path)
    assert UNREADABLE in output
    assert "hostPrt" in output
