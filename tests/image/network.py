"""A network namespace with an address that only this machine reaches."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

# A network for tests between devices (RFC 2544). A /30 of it for each container.
_NETWORKS = 250


@dataclass(frozen=True)
class Network:
    """The network of one container."""

    namespace: str
    number: int

    @property
    def address(self) -> str:
        """The container's address."""
        return f"198.18.{self.number}.2"

    @property
    def host_address(self) -> str:
        """This machine's address, as the container sees it."""
        return f"198.18.{self.number}.1"

    @property
    def path(self) -> Path:
        """The namespace as a file."""
        return Path("/run/netns") / self.namespace

    def remove(self) -> None:
        """Remove the namespace, with both ends of its link."""
        _ip("link", "delete", _link(self.number))
        _ip("netns", "delete", self.namespace)


def make_network(namespace: str) -> Network:
    """Make a namespace with an address that no other run uses.

    The link's name is what reserves the address: the kernel gives it to one run only.
    """
    _ip("netns", "add", namespace)
    for number in range(1, _NETWORKS):
        link = ("link", "add", _link(number), "type", "veth", "peer", "name", "eth0", "netns", namespace)
        made = subprocess.run(["ip", *link], capture_output=True, text=True, check=False)
        if made.returncode == 0:
            break
        assert "exists" in made.stderr, made.stderr
    else:
        raise AssertionError(f"No address is free: there are {_NETWORKS} links of this suite.")
    network = Network(namespace, number)
    _ip("address", "add", f"{network.host_address}/30", "dev", _link(number))
    _ip("link", "set", _link(number), "up")
    _ip("-netns", namespace, "address", "add", f"{network.address}/30", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-netns", namespace, "link", "set", device, "up")
    return network


def _link(number: int) -> str:
    return f"blimage{number}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)
