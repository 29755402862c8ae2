"""The addresses of one cluster: a /16 network, which neither other clusters nor the host's routes use."""

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from localcluster.errors import LocalClusterError

_FIRST_OCTET = 208
"""The second octet of slot 0's network, 10.208.0.0/16."""
SLOTS = range(32)
"""The slots in 10.208.0.0/11. Each slot is the /16 network of one cluster."""


@dataclass(frozen=True)
class Addresses:
    """The addresses of the cluster in slot `slot` (0 to 31)."""

    slot: int

    @property
    def block(self) -> ipaddress.IPv4Network:
        """The cluster's /16 network."""
        return ipaddress.IPv4Network(f"10.{_FIRST_OCTET + self.slot}.0.0/16")

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The cluster addresses of Services."""
        return next(self.block.subnets(new_prefix=17))

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The addresses of pods."""
        return list(self.block.subnets(new_prefix=18))[2]

    @property
    def link(self) -> ipaddress.IPv4Network:
        """The network between the host (first address) and the node (second address)."""
        return next(list(self.block.subnets(new_prefix=18))[3].subnets(new_prefix=30))

    @property
    def host(self) -> str:
        """The host's address on the link to the node."""
        return str(self.link[1])

    @property
    def node(self) -> str:
        """The node's address."""
        return str(self.link[2])

    @property
    def kubernetes(self) -> str:
        """The cluster address of the API server's Service: the first one, which the API server takes."""
        return str(self.services[1])

    @property
    def dns(self) -> str:
        """The cluster address of the DNS Service."""
        return str(self.services[10])


def choose_slot(taken: Collection[int], routes: Iterable[ipaddress.IPv4Network]) -> int:
    """Return the first slot that no other cluster has, and whose network overlaps with no route of the host.

    Args:
        taken: the slots of other clusters.
        routes: the destinations of the host's routes. Default routes are ignored.

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
        "Take a cluster down (python -m localcluster down --name NAME), or remove the routes."
    )
