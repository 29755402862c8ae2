"""Who reaches whom in a cluster that enforces network policies: real connections, from and to every part."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from e2e.connections import Endpoint, Listeners, Target, open_to
from e2e.desktop import Desktop, manifest
from e2e.kubectl import TIMEOUT, Kubectl
from e2e.network import WORLD, node_of, pods_of, world_around
from localcluster import binaries, chart
from localcluster.archive import Program
from waiting import until
from who_reaches_whom import OPEN_BEYOND_THE_PORTAL, OPEN_TO_OTHERS, OURS, PARTS, PORTS, Port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster.cluster import Cluster

ALL = {str(port) for port in PORTS}
NODE = "API server"
"""The API server listens on the node. A pod's own node always comes in, so no policy says what it reaches."""
AS_SETUP = {
    "app.kubernetes.io/name": "blender-sessions",
    "app.kubernetes.io/instance": chart.RELEASE,
    "app.kubernetes.io/component": "setup",
}


def stand_in(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Make a pod that does nothing; the job of the release's setup has ended, and strangers are anybody."""
    image = Program("blender-sessions/pause", binaries.location("pause")).reference
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "pause", "image": image}], "terminationGracePeriodSeconds": 0},
    }


def desktop_class(name: str, egress: str) -> dict[str, Any]:
    return {
        "apiVersion": "blendersessions.io/v1alpha1",
        "kind": "BlenderSessionClass",
        "metadata": {"name": name},
        "spec": {"egress": egress},
    }


class Network:
    """A namespace with desktops, strangers in and around it, the release, and the world outside."""

    def __init__(self, cluster: Cluster, kubectl: Kubectl) -> None:
        self.cluster = cluster
        self.kubectl = kubectl
        self.node = node_of(cluster)
        self.endpoints: dict[str, Endpoint] = {}
        self.strangers: dict[str, Kubectl] = {}
        self.listeners = Listeners([])

    def admit(self, beside: Kubectl, **labels: dict[str, str]) -> None:
        """Start pods that do nothing in a namespace, by name."""
        for name, each in labels.items():
            self.strangers[name] = beside
            beside.apply(stand_in(name, each))
        for name in labels:
            beside.run("wait", "--for=condition=Ready", f"pod/{name}", TIMEOUT)

    def start(self, **class_names: str) -> None:
        """Start sessions of classes, by name, and wait until they are Ready."""
        self.kubectl.apply(*(manifest(name, className=each) for name, each in class_names.items()))
        for name in class_names:
            self.kubectl.run("wait", "--for=condition=Ready", f"blendersession/{name}", TIMEOUT)

    def address_of(self, pod: str) -> str:
        """Return the address of a stranger, or of a desktop by its pod."""
        return str(self.strangers.get(pod, self.kubectl).get("pod", pod)["status"]["podIP"])

    def parts(self) -> dict[str, str]:
        """Return the addresses of the release's pods, by component."""
        pods = replace(self.kubectl, namespace=chart.NAMESPACE).objects("pods")
        component = "app.kubernetes.io/component"
        found = {pod["metadata"]["labels"].get(component): pod for pod in pods if pod["status"]["phase"] == "Running"}
        return {name: pod["status"]["podIP"] for name, pod in found.items() if name in PARTS}

    def targets(self, sender: str) -> list[Target]:
        """Return every port of every other endpoint. A row of the tables says nothing of a pod's way to itself."""
        others = {name: endpoint for name, endpoint in self.endpoints.items() if name != sender}
        if sender in WORLD:
            others = {name: endpoint for name, endpoint in others.items() if name not in WORLD}
        return [Target(name, endpoint.address, port) for name, endpoint in others.items() for port in PORTS]

    def row(self, sender: str) -> dict[str, set[str]]:
        """Connect from one endpoint to all others, and return what is open."""
        found: dict[str, set[str]] = {}
        for target in open_to(self.endpoints[sender], self.targets(sender), self.listeners):
            found.setdefault(target.name, set()).add(str(target.port))
        return found

    def expected(self, sender: str) -> dict[str, set[str]]:
        """Return what shall be open from an endpoint, among the endpoints that are here."""
        others = {target.name for target in self.targets(sender)}
        if sender in OURS:
            wanted = OPEN_BEYOND_THE_PORTAL[sender]
        elif sender == NODE:
            wanted = dict.fromkeys(others, ALL)
        else:
            wanted = {**dict.fromkeys(others - set(OURS), ALL), **OPEN_TO_OTHERS}
        return {name: ports for name, ports in wanted.items() if name in others}


@pytest.fixture(scope="module")
def network(cluster: Cluster) -> Iterator[Network]:
    kubectl = Kubectl(binaries.ensure("kubectl")["kubectl"], cluster.kubeconfig, f"e2e-{secrets.token_hex(4)}")
    elsewhere = replace(kubectl, namespace=f"{kubectl.namespace}-elsewhere")
    network = Network(cluster, kubectl)
    try:
        for served in (kubectl, elsewhere):
            served.run("create", "namespace", served.namespace)
        kubectl.apply(desktop_class("closed", "None"), desktop_class("public", "Public"))
        network.admit(elsewhere, stranger={"app": "stranger"})
        network.admit(kubectl, housemate={"app": "housemate"})
        network.admit(replace(kubectl, namespace=chart.NAMESPACE), neighbour={"app": "neighbour"}, setup=AS_SETUP)
        network.start(closed="closed", public="public")
        yield network
    finally:
        kubectl.run("delete", "blendersessions", "--all", TIMEOUT)
        for name, beside in network.strangers.items():
            beside.run("delete", "pod", name)
        kubectl.run("delete", "namespace", kubectl.namespace, elsewhere.namespace, "--wait=false", "--ignore-not-found")


@pytest.fixture
def listening(network: Network) -> Iterator[Network]:
    """The network with the outside around it, and somebody who answers on every port everywhere."""
    kubectl = network.kubectl
    (name_server,) = replace(kubectl, namespace="kube-system").objects("pods", "--selector=k8s-app=kube-dns")
    addresses = {
        **network.parts(),
        **{name: network.address_of(name) for name in network.strangers},
        "closed desktop": network.address_of(Desktop(kubectl, "closed").name),
        "public desktop": network.address_of(Desktop(kubectl, "public").name),
        "name server": name_server["status"]["podIP"],
    }
    pods = pods_of(network.cluster)
    with world_around(network.node) as world:
        network.endpoints = {
            **{name: pods[address] for name, address in addresses.items()},
            NODE: network.node,
            **world,
        }
        network.listeners = Listeners(network.endpoints.values())
        yield network
        network.listeners.close()


def test_each_place_reaches_what_the_table_opens_and_nothing_else(listening: Network) -> None:
    senders = [name for name in listening.endpoints if name not in WORLD or name == "internet"]
    assert set(OURS) - {"postgresql"} < set(senders), "only Apache's Guacamole has a database"
    expected = {sender: listening.expected(sender) for sender in senders}
    # The last policy may have come a moment ago: what counts is where the rules settle.
    found: dict[str, dict[str, set[str]]] = {}

    def settled() -> bool:
        found.update({sender: listening.row(sender) for sender in senders if found.get(sender) != expected[sender]})
        return found == expected

    until(lambda: f"{differences(found, expected)}", settled)
    assert found == expected


def differences(found: dict[str, dict[str, set[str]]], expected: dict[str, dict[str, set[str]]]) -> list[str]:
    """Say which ports are open or closed against the table."""
    said = []
    for sender, row in expected.items():
        for receiver in sorted({*row, *found[sender]}):
            wanted, got = row.get(receiver, set()), found[sender].get(receiver, set())
            said += [f"{sender} -> {receiver}: open {sorted(got - wanted)}"] if got - wanted else []
            said += [f"{sender} -> {receiver}: closed {sorted(wanted - got)}"] if wanted - got else []
    return said


def services(network: Network) -> list[Target]:
    """Return every port of the Services of the cluster, the release and our desktops; a name has the namespace."""
    namespaces = {"default", "kube-system", chart.NAMESPACE, network.kubectl.namespace}
    listed = network.kubectl.objects("services", "--all-namespaces")
    return [
        Target(f"{each['metadata']['namespace']}/{each['metadata']['name']}", each["spec"]["clusterIP"], Port(port))
        for each in listed
        if each["metadata"]["namespace"] in namespaces and each["spec"].get("clusterIP", "None") != "None"
        for port in sorted({port["port"] for port in each["spec"]["ports"] if port["protocol"] == "TCP"})
    ]


def test_no_desktop_gets_around_its_policies_by_a_service_or_a_node_port(listening: Network) -> None:
    targets = services(listening)
    names = {target.name for target in targets}
    assert {"default/kubernetes", "kube-system/kube-dns"} < names
    doors = [*targets, Target("node port", listening.node.address, Port(chart.HTTP_NODE_PORT))]
    from_node = {target.name for target in open_to(listening.node, targets, listening.listeners)}
    assert from_node == names, "all Services have somebody behind them"
    reaches_only(listening, "closed desktop", doors, set())
    reaches_only(listening, "public desktop", doors, {"kube-system/kube-dns"})


def reaches_only(network: Network, sender: str, doors: list[Target], wanted: set[str]) -> None:
    """Wait until a sender reaches the wanted receivers alone: a policy counts a moment after it was made."""

    def found() -> set[str]:
        return {target.name for target in open_to(network.endpoints[sender], doors, network.listeners)}

    until(lambda: f"{sender} reaches {wanted or 'nothing'}; it reaches {found()}", lambda: found() == wanted)


def test_a_policy_that_somebody_deleted_is_back_before_the_next_desktop(listening: Network) -> None:
    kubectl = listening.kubectl
    kubectl.run("delete", "networkpolicies", "--all")
    listening.start(next="closed")
    pod = Desktop(kubectl, "next").name
    created = kubectl.get("pod", pod)["metadata"]["creationTimestamp"]
    policies = kubectl.objects("networkpolicies")
    assert {each["metadata"]["name"] for each in policies} == {"blender-desktops", "blender-desktops-public"}
    assert all(each["metadata"]["creationTimestamp"] <= created for each in policies)
    doors = [Target("next", listening.address_of(pod), Port(number)) for number in (5900, 8788)]
    assert open_to(listening.node, doors, listening.listeners) == set(doors)
    for sender in ("housemate", "stranger", "closed desktop", "public desktop"):
        reaches_only(listening, sender, doors, set())
