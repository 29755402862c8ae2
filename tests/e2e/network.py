"""The network of a cluster under test, in its node's and pods' namespaces, and a world outside of it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.connections import Endpoint, entered, new_namespace
from waiting import DEADLINE_SECONDS
from who_reaches_whom import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster.cluster import Cluster

WORLD = {
    name: address
    for name, address in OUTSIDE.items()
    if ip_address(address).version == 4 and not ip_address(address).is_loopback
}
"""The addresses outside that the node can have a route to."""
_NODE_SIDE, _WORLD_SIDE, _LINK = "198.51.100.1", "198.51.100.2", "world"
_LIMITED = "icmp_ratemask"
"""The sysctl (net.ipv4) with the kinds of ICMP messages whose number is limited."""


def _ip(namespace: Path, *arguments: str, commands: str | None = None) -> str:
    return subprocess.run(
        ["nsenter", f"--net={namespace}", "ip", *arguments],
        input=commands,
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    ).stdout


def _setting(namespace: Path, name: str, value: str = "") -> str:
    """Return a setting of a network namespace. A value replaces it."""
    with entered(namespace):
        file = Path("/proc/sys/net/ipv4") / name
        before = file.read_text()
        if value:
            file.write_text(value)
    return before


def node_of(cluster: Cluster) -> Endpoint:
    """Return the node, on which the API server listens."""
    return Endpoint(Path(f"/proc/{cluster.node.init()}/ns/net"), cluster.addresses.node)


def pods_of(cluster: Cluster) -> dict[str, Endpoint]:
    """Return the pods by their addresses. Each has a network namespace, which containerd's network plugin made."""
    folder = Path(f"/proc/{cluster.node.init()}/root/run/netns")
    found: dict[str, Endpoint] = {}
    for file in folder.iterdir():
        # A pod may end while we look.
        with contextlib.suppress(subprocess.CalledProcessError):
            for link in json.loads(_ip(file, "-json", "-4", "address", "show", "scope", "global")):
                found |= {each["local"]: Endpoint(file, each["local"]) for each in link.get("addr_info", [])}
    return found


@contextlib.contextmanager
def world_around(node: Endpoint) -> Iterator[dict[str, Endpoint]]:
    """Give the node routes to the world, by name: clouds' metadata, private addresses and the internet.

    All is in namespaces: the machine's own network stays as it is. The node sends every refusal of a policy, which is
    an ICMP message, and not just a few a second.
    """
    limited = _setting(node.namespace, _LIMITED, "0")
    with new_namespace() as world:
        _ip(node.namespace, "link", "add", _LINK, "type", "veth", "peer", "name", "eth0", "netns", str(world))
        addresses = "".join(f"address add {each}/32 dev lo\n" for each in WORLD.values())
        _ip(
            world,
            "-batch",
            "-",
            commands=f"link set lo up\n{addresses}address add {_WORLD_SIDE}/30 dev eth0\nlink set eth0 up\n"
            f"route add default via {_NODE_SIDE}\n",
        )
        routes = "".join(f"route add {each}/32 via {_WORLD_SIDE}\n" for each in WORLD.values())
        link = f"address add {_NODE_SIDE}/30 dev {_LINK}\nlink set {_LINK} up\n"
        _ip(node.namespace, "-batch", "-", commands=link + routes)
        try:
            yield {name: Endpoint(world, address) for name, address in WORLD.items()}
        finally:
            _ip(node.namespace, "link", "delete", _LINK)
            _setting(node.namespace, _LIMITED, limited)
