"""The proxy hands nginx full names and name servers, since nginx reads neither resolv.conf nor /etc/hosts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "images" / "proxy"
POD = "search desks.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
GETENT = """#!/bin/sh
if [ "$1" = -s ]; then
    case $3-$4 in
        ahostsv4-aliased) echo "192.0.2.7      STREAM aliased" ;;
        hosts-aliased6) echo "2001:db8::7     aliased6" ;;
        *) exit 2 ;;
    esac
else
    case $2 in guacamole.desks.svc.cluster.local. | guacamole.example.org.) ;; *) exit 2 ;; esac
fi
"""
"""A getent for which /etc/hosts has two names and DNS has two."""


@pytest.fixture
def resolv_conf(tmp_path: Path) -> Path:
    getent = tmp_path / "getent"
    getent.write_text(GETENT)
    getent.chmod(0o755)
    return tmp_path / "resolv.conf"


def run(resolv_conf: Path, function: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-euc", f'. "{IMAGE / "names"}"; {function} "$@"', "sh", *arguments, str(resolv_conf)]
    environment = os.environ | {"PATH": f"{resolv_conf.parent}:{os.environ['PATH']}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("upstream", "qualified"),
    [
        ("guacamole.desks.svc:8080", "guacamole.desks.svc.cluster.local:8080"),
        ("guacamole:8080", "guacamole.desks.svc.cluster.local:8080"),
        ("guacamole.example.org:80", "guacamole.example.org:80"),
        ("guacamole.example.org.:80", "guacamole.example.org:80"),
        ("aliased:80", "192.0.2.7:80"),
        ("aliased6:80", "[2001:db8::7]:80"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
    ],
)
def test_an_upstream_needs_no_search_list(resolv_conf: Path, upstream: str, qualified: str) -> None:
    resolv_conf.write_text(POD)
    assert run(resolv_conf, "qualify", upstream).stdout.strip() == qualified


def test_a_name_that_does_not_resolve_ends_the_start(resolv_conf: Path) -> None:
    resolv_conf.write_text(POD)
    done = run(resolv_conf, "qualify", "nobody.desks.svc:8080")
    assert done.returncode != 0
    assert "nobody.desks.svc:8080 does not resolve" in done.stderr


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        (POD, ["10.96.0.10"]),
        ("nameserver fd00::a\nnameserver 10.96.0.10", ["[fd00::a]", "10.96.0.10"]),
        ("nameserver fe80::1%eth0\nnameserver 10.96.0.10\n", ["10.96.0.10"]),
        ("search cluster.local\n", ["127.0.0.1"]),
    ],
)
def test_name_servers_are_written_as_nginx_reads_them(resolv_conf: Path, text: str, servers: list[str]) -> None:
    resolv_conf.write_text(text)
    assert run(resolv_conf, "name_servers").stdout.split() == servers


@pytest.mark.parametrize("template", sorted(IMAGE.glob("*.template")), ids=lambda path: path.name)
def test_every_upstream_is_resolved_again(template: Path) -> None:
    """What stands in `upstream`, or in a proxy_pass without a variable, is resolved once."""
    lines = [line.strip() for line in template.read_text().splitlines()]
    assert not [line for line in lines if line.startswith("upstream ")]
    assert all(line.startswith("proxy_pass http://$") for line in lines if line.startswith("proxy_pass "))
