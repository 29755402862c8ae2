"""The wire between the host and the node. Nothing leads from the node to the outside."""

import ipaddress
import json
from collections.abc import Iterator

from localcluster import processes
from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.errors import LocalClusterError


def interface(name: str) -> str:
    """Return the host's interface of the cluster `name`; Linux allows 15 characters."""
    return f"bs-{name}"


def host_routes() -> Iterator[ipaddress.IPv4Network]:
    """Yield the destinations of the host's routes, without the default one."""
    for route in json.loads(run(["ip", "-4", "-json", "route", "show", "table", "main"])):
        if route["dst"] != "default":
            yield ipaddress.IPv4Network(route["dst"], strict=False)


def connect(name: str, init: int, addresses: Addresses) -> None:
    """Lay the wire if it is not there, and give the host routes to the cluster's pods and Services."""
    link = interface(name)
    inside = ["nsenter", f"--target={init}", "--net", "--", "ip"]
    if not exists(name):
        run(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(init)])
    prefix = addresses.link.prefixlen
    run(["ip", "address", "replace", f"{addresses.host}/{prefix}", "dev", link])
    run(["ip", "link", "set", link, "up"])
    run([*inside, "address", "replace", f"{addresses.node}/{prefix}", "dev", "eth0"])
    run([*inside, "link", "set", "eth0", "up"])
    # kube-proxy rewrites packets to a Service only when there is a route for them, and this one ends at the host. What
    # is for a pod that is gone must not take it: the host would send it back.
    run([*inside, "route", "replace", "default", "via", addresses.host])
    run([*inside, "route", "replace", "unreachable", str(addresses.pods)])
    for network in (addresses.pods, addresses.services):
        run(["ip", "route", "replace", str(network), "via", addresses.node, "dev", link])


def exists(name: str) -> bool:
    """Tell whether the host's end of the wire is there."""
    return any(link.get("ifname") == interface(name) for link in json.loads(run(["ip", "-json", "link"])))


def disconnect(name: str) -> None:
    """Remove the wire. It goes with the node, but the kernel does that a moment later."""
    if exists(name):
        try:
            run(["ip", "link", "delete", interface(name)])
        except LocalClusterError:
            if not processes.wait(lambda: not exists(name), 10):
                raise
