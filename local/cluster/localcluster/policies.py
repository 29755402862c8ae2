"""The program that enforces network policies on the node, and what it may read."""

import platform
import re
from pathlib import Path

import yaml

from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.components import Component, Supervisor
from localcluster.errors import LocalClusterError
from localcluster.kubernetes import Access

USER = "policies"
"""The program's user name for the API server, and the name of its certificate."""
# What kube-proxy's mode nftables needs, beside which alone the rules are safe: see `kubernetes.proxy`.
_OLDEST_LINUX = (5, 13)
_OLDEST_NFT = (1, 0, 1)
_PROBE = "blender-sessions"
# What the program's rules are made of, in a chain that no packet reaches.
_PROBE_RULES = f"""\
*filter
:{_PROBE} - [0:0]
-A {_PROBE} -m set --match-set {_PROBE} src -m addrtype --src-type LOCAL -m conntrack --ctstate INVALID -j DROP
-A {_PROBE} -m physdev --physdev-is-bridged -m mark ! --mark 0x1/0x1 -m limit --limit 1/minute -j NFLOG
-A {_PROBE} -p tcp -m multiport --dports 1:2 -m comment --comment probe -j REJECT
COMMIT
"""


def missing(node: Supervisor) -> str:
    """Return why this machine cannot enforce network policies, or an empty text if it can."""
    try:
        run([*node.prefix, "/usr/sbin/ipset", "-exist", "create", _PROBE, "hash:net", "timeout", "0"])
        run([*node.prefix, "/usr/sbin/iptables-restore", "--wait", "--noflush"], stdin=_PROBE_RULES)
        nft = run([*node.prefix, "/usr/sbin/nft", "--version"])
    except LocalClusterError as error:
        return str(error)
    for what, found, oldest in (("Linux", platform.release(), _OLDEST_LINUX), ("nft", nft, _OLDEST_NFT)):
        if version_of(found) < oldest:
            return f"{what} {'.'.join(map(str, oldest))} or later is needed, and this is {found.strip()}."
    return ""


def version_of(text: str) -> tuple[int, ...]:
    """Return the first version in a text, such as (1, 0, 6) for `nftables v1.0.6 (Lester Gooch #5)`."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def are_enforced(node: Supervisor) -> bool:
    """Return whether the program has written its rules at least once. The mark is on what the policies let through."""
    try:
        rules = run([*node.prefix, "/usr/sbin/iptables", "--wait", "--list-rules", "KUBE-ROUTER-FORWARD"])
    except LocalClusterError:
        return False
    return "--mark 0x20000/0x20000 -j ACCEPT" in rules


def component(binary: Path, access: Access, addresses: Addresses, node_name: str) -> Component:
    """Return the program. It ends if the API server does not know the node yet."""
    config = access.kubeconfig(USER)
    return Component(
        "policies",
        (str(binary), f"--kubeconfig={config}", f"--node={node_name}", f"--services={addresses.services}"),
        (config.read_text(),),
    )


def manifest() -> str:
    """Return the program's permissions as YAML. It only reads."""
    metadata = {"name": f"blender-sessions:{USER}"}
    objects = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": [
                {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": ["list", "watch"]},
                {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list", "watch"]},
                {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": metadata["name"]},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        },
    ]
    return yaml.safe_dump_all(objects, sort_keys=False)
