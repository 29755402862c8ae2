"""The link (a veth pair) between the host and the node. The node has no access to other networks."""

import ipaddress
import json
from collections.abc import Iterator

from localcluster import processes
from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.errors import LocalClusterError


def interface(name: str) -> str:
    """Return the name of the host's interface for a cluster. Linux allows 15 characters."""
    return f"bs-{name}"


def host_routes() -> Iterator[ipaddress.IPv4Network]:
    """Yield the destinations of the host's routes, except the default route."""
    for route in json.loads(run(["ip", "-4", "-json", "route", "show", "table", "main"])):
        if route["dst"] != "default":
            yield ipaddress.IPv4Network(route["dst"], strict=False)


def connect(name: str, init: int, addresses: Addresses) -> None:
    """Create the link unless it exists, and give the host routes to the cluster's pods and Services.

    Args:
        name: the cluster's name.
        init: the host's process id of the node's process 1.
        addresses: the cluster's addresses.
    """
    link = interface(name)
    inside = ["nsenter", f"--target={init}", "--net", "--", "ip"]
    if not exists(name):
        run(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(init)])
    prefix = addresses.link.prefixlen
    run(["ip", "address", "replace", f"{addresses.host}/{prefix}", "dev", link])
    run(["ip", "link", "set", link, "up"])
    run([*inside, "address", "replace", f"{addresses.node}/{prefix}", "dev", "eth0"])
    run([*inside, "link", "set", "eth0", "up"])
    # kube-proxy rewrites a packet to a Service only if the kernel has a route for it: the default route to the host. A
    # packet to a deleted pod must not take that route, because the host would send the packet back.
    run([*inside, "route", "replace", "default", "via", addresses.host])
    run([*inside, "route", "replace", "unreachable", str(addresses.pods)])
    for network in (addresses.pods, addresses.services):
        run(["ip", "route", "replace", str(network), "via", addresses.node, "dev", link])


def exists(name: str) -> bool:
    """Return whether the host's interface of the link exists."""
    return any(link.get("ifname") == interface(name) for link in json.loads(run(["ip", "-json", "link"])))


def disconnect(name: str) -> None:
    """Remove the link. The kernel removes it too, a moment after the node has ended."""
    if exists(name):
        try:
            run(["ip", "link", "delete", interface(name)])
        except LocalClusterError:
            if not processes.wait(lambda: not exists(name), 10):
                raise
