"""The program that enforces network policies on the node, and what it may read."""

from pathlib import Path

import yaml

from localcluster.addresses import Addresses
from localcluster.commands import run
from localcluster.components import Component, Supervisor
from localcluster.errors import LocalClusterError
from localcluster.kubernetes import Access

USER = "policies"
"""The program's user name for the API server, and the name of its certificate."""
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
    """Return why this machine's kernel cannot enforce network policies, or an empty text if it can."""
    try:
        run([*node.prefix, "/usr/sbin/ipset", "-exist", "create", _PROBE, "hash:net", "timeout", "0"])
        run([*node.prefix, "/usr/sbin/iptables-restore", "--wait", "--noflush"], stdin=_PROBE_RULES)
    except LocalClusterError as error:
        return str(error)
    return ""


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
