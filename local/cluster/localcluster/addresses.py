"""The addresses of one cluster: a /16 of its own, so that several clusters and the host can reach each other's pods."""

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from localcluster.errors import LocalClusterError

_FIRST = 208
SLOTS = range(32)


@dataclass(frozen=True)
class Addresses:
    """What the cluster in slot `slot` (0 to 31) uses of 10.208.0.0/11."""

    slot: int

    @property
    def block(self) -> ipaddress.IPv4Network:
        """Everything that belongs to this cluster."""
        return ipaddress.IPv4Network(f"10.{_FIRST + self.slot}.0.0/16")

    @property
    def services(self) -> ipaddress.IPv4Network:
        """Cluster addresses of Services."""
        return next(self.block.subnets(new_prefix=17))

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """Addresses of pods."""
        return list(self.block.subnets(new_prefix=18))[2]

    @property
    def link(self) -> ipaddress.IPv4Network:
        """The wire between the host (first address) and the node (second address)."""
        return next(list(self.block.subnets(new_prefix=18))[3].subnets(new_prefix=30))

    @property
    def host(self) -> str:
        """The host's end of the wire."""
        return str(self.link[1])

    @property
    def node(self) -> str:
        """The node's address."""
        return str(self.link[2])

    @property
    def kubernetes(self) -> str:
        """Cluster address of the API server's Service; the API server takes the first one."""
        return str(self.services[1])

    @property
    def dns(self) -> str:
        """Cluster address of the DNS Service."""
        return str(self.services[10])


def choose_slot(taken: Collection[int], routes: Iterable[ipaddress.IPv4Network]) -> int:
    """Return the first slot that no other cluster has and whose block no route of the host touches.

    Raises:
        LocalClusterError: there is none.
    """
    networks = [route for route in routes if route.prefixlen > 0]
    for slot in SLOTS:
        block = Addresses(slot).block
        if slot not in taken and not any(block.overlaps(network) for network in networks):
            return slot
    raise LocalClusterError(
        "No address block is left in 10.208.0.0/11: other clusters or routes of this machine use all of it. "
        "Take down a cluster (python -m localcluster down --name NAME) or remove the routes."
    )
