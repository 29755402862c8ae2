"""The wire between the host and the node, and the node's way out."""

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

from localcluster import processes
from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.components import Component
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
    for network in (addresses.pods, addresses.services):
        run(["ip", "route", "replace", str(network), "via", addresses.node, "dev", link])


def has_way_out() -> bool:
    """Tell whether this kernel has the device that a network in user space needs."""
    return Path("/dev/net/tun").exists()


def way_out(addresses: Addresses) -> Component:
    """Return slirp4netns, which carries the node's connections out of the host's own sockets: no rule is written there.

    It must run in the node's PID and mount namespaces, where process 1 is the node's own, but in the host's network.
    """
    options = ("--configure", "--mtu=65520", "--disable-host-loopback", f"--cidr={addresses.outside}")
    return Component("slirp4netns", ("/usr/bin/slirp4netns", *options, "--netns-type=path", "/proc/1/ns/net", "tap0"))


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
