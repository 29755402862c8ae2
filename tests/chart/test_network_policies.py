"""Who may connect to whom: the chart's policies and the operator's together, over all pairs of parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.rights import placed
from blendersessions.model import labels
from blendersessions.model.network import NEVER_OPEN, NetworkPeers
from blendersessions_operator.resources.network_policy import network_policies
from chart.network import Endpoint, Outside, Pod, Policy, allowed, matches
from chart.rendering import EVERYTHING, NAMESPACE, RefusedError, Rendered, render
from who_reaches_whom import (
    METADATA,
    OPEN,
    OPEN_BEYOND_THE_PORTAL,
    OPEN_TO_OTHERS,
    OURS,
    OUTSIDE,
    PARTS,
    PORTS,
    PRIVATE,
    Port,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

SERVED, UNSERVED = "blender-desktops", "elsewhere"
OFFICE = "203.0.113.7"


def component(name: str) -> Pod:
    selector = {"name": "blender-sessions", "instance": "studio", "component": name}
    return Pod(NAMESPACE, {f"app.kubernetes.io/{key}": value for key, value in selector.items()})


def desktop(egress: str, namespace: str = SERVED) -> Pod:
    return Pod(namespace, {labels.NAME: labels.NAME_VALUE, labels.EGRESS: egress})


ENDPOINTS: dict[str, Endpoint] = {
    **{name: component(name) for name in PARTS},
    "closed desktop": desktop("None"),
    "public desktop": desktop("Public"),
    "desktop elsewhere": desktop("None", UNSERVED),
    "stranger": Pod(UNSERVED, {"app": "stranger"}),
    "neighbour": Pod(NAMESPACE, {"app": "neighbour"}),
    "housemate": Pod(SERVED, {"app": "housemate"}),
    "name server": Pod("kube-system", {"k8s-app": "kube-dns"}),
    "API server": Outside("10.0.0.10"),
    **{name: Outside(address) for name, address in OUTSIDE.items()},
}


def policies_of(chart: Rendered, *namespaces: str) -> list[Policy]:
    """The chart's policies, and those that its operator makes with the settings of the chart."""
    own: list[Policy] = [placed(document) for document in chart.documents if document["kind"] == "NetworkPolicy"]
    return own + operators(chart, *namespaces)


def operators(chart: Rendered, *namespaces: str) -> list[Policy]:
    """The policies that the chart's operator makes in these namespaces."""
    environment = chart.environment("studio-operator")
    peers = NetworkPeers.model_validate_json(str(environment["BLENDERSESSIONS_NETWORK_PEERS"]))
    fetched = tuple(filter(None, str(environment["BLENDERSESSIONS_FETCH_NETWORKS"]).split(",")))
    return [policy for namespace in namespaces for policy in network_policies(namespace, peers, fetched)]


def matrix(
    policies: list[Policy], senders: Iterable[str], endpoints: dict[str, Endpoint] = ENDPOINTS
) -> dict[str, dict[str, set[str]]]:
    """From each sender to each other endpoint: the open ports."""
    found: dict[str, dict[str, set[str]]] = {}
    for sender in senders:
        found[sender] = {}
        for receiver, endpoint in endpoints.items():
            ports = {str(port) for port in PORTS if allowed(policies, endpoints[sender], endpoint, port)}
            if ports and receiver != sender:
                found[sender][receiver] = ports
    return found


def test_each_part_reaches_what_it_needs_and_nothing_else() -> None:
    assert matrix(policies_of(render(), SERVED), OURS) == OPEN


def test_where_the_portal_has_no_sessions_it_reaches_no_desktop() -> None:
    endpoints = ENDPOINTS | {"closed desktop": desktop("None", "studio"), "public desktop": desktop("Public", "studio")}
    policies = policies_of(render("operator.namespaces={studio}"), SERVED, "studio")
    assert matrix(policies, OURS, endpoints) == OPEN_BEYOND_THE_PORTAL


def test_whatever_is_not_ours_reaches_the_proxy_alone() -> None:
    policies = policies_of(render(), SERVED)
    others = [name for name in ENDPOINTS if name not in OURS]
    for sender, row in matrix(policies, others).items():
        assert {to: ports for to, ports in row.items() if to in OURS} == OPEN_TO_OTHERS, sender


def test_two_desktops_do_not_reach_each_other() -> None:
    policies = policies_of(render(), SERVED)
    for egress in ("None", "Public"):
        for port in PORTS:
            assert not allowed(policies, desktop(egress), Pod(SERVED, desktop("None").labels, "10.1.9.9"), port)


@pytest.mark.parametrize("address", [*METADATA, *PRIVATE])
def test_no_desktop_reaches_a_metadata_or_private_address_on_any_port(address: str) -> None:
    policies = policies_of(render(), SERVED)
    for egress in ("None", "Public"):
        for port in (*PORTS, Port(32526), Port(123, "UDP")):
            assert not allowed(policies, desktop(egress), Outside(address), port)


def test_name_servers_elsewhere_are_not_asked() -> None:
    policies = policies_of(render(), SERVED)
    for address in ("10.96.0.53", "169.254.20.10"):
        assert not allowed(policies, desktop("Public"), Outside(address), Port(53, "UDP"))
    assert not allowed(policies, desktop("Public"), Pod(UNSERVED, {"k8s-app": "kube-dns"}), Port(53, "UDP"))


def test_the_name_servers_are_a_value() -> None:
    chart = render(
        "networkPolicies.dns.to[0].ipBlock.cidr=169.254.20.10/32",
        "networkPolicies.dns.to[1].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=openshift-dns",
        "networkPolicies.dns.ports={5353}",
    )
    policies = policies_of(chart, SERVED)
    for sender in (desktop("Public"), *(component(name) for name in ("operator", "portal", "proxy", "guacd"))):
        assert allowed(policies, sender, Outside("169.254.20.10"), Port(5353, "UDP"))
        assert allowed(policies, sender, Pod("openshift-dns", {"dns": "default"}), Port(5353, "UDP"))
        assert not allowed(policies, sender, ENDPOINTS["name server"], Port(53, "UDP"))
    assert not allowed(policies, desktop("None"), Outside("169.254.20.10"), Port(5353, "UDP"))


def test_more_networks_may_be_closed() -> None:
    open_to = desktop("Public"), Outside(OFFICE), Port(443)
    assert allowed(policies_of(render(), SERVED), *open_to)
    assert not allowed(policies_of(render("networkPolicies.closedNetworks={203.0.113.0/24}"), SERVED), *open_to)


def test_private_networks_may_be_opened_for_urls_of_scenes_and_for_public_desktops_alone() -> None:
    policies = policies_of(render("desktops.fetch.allowedNetworks={10.77.0.0/16,fd77::/16}"), SERVED)
    for address in ("10.77.1.2", "fd77::7"):
        for port in (Port(443), Port(8443)):
            assert allowed(policies, desktop("Public"), Outside(address), port)
            assert not allowed(policies, desktop("None"), Outside(address), port)
            assert not allowed(policies_of(render(), SERVED), desktop("Public"), Outside(address), port)
        assert not allowed(policies, desktop("Public"), Outside(address), Port(53, "UDP"))
    for address in (*METADATA, "10.76.255.255", "10.78.0.1"):
        assert not allowed(policies, desktop("Public"), Outside(address), Port(443))


def test_no_network_opens_loopback_or_a_metadata_address_however_large_it_is() -> None:
    policies = policies_of(render("desktops.fetch.allowedNetworks={0.0.0.0/0,::/0}"), SERVED)
    for address in (*METADATA, "127.0.0.1", "::1", "fe80::1", "224.0.0.1", "64:ff9b::7f00:1"):
        assert not allowed(policies, desktop("Public"), Outside(address), Port(443)), address
    assert allowed(policies, desktop("Public"), Outside("10.77.0.1"), Port(443))


@pytest.mark.parametrize("closed", NEVER_OPEN)
def test_what_is_never_open_is_refused_with_words(closed: str) -> None:
    with pytest.raises(RefusedError, match="is never open, for it is loopback, link-local, multicast, or a cloud's"):
        render(f"desktops.fetch.allowedNetworks={{10.0.0.0/8,{closed}}}")


def test_the_portal_reaches_the_agents_of_its_own_namespace_alone() -> None:
    policies = policies_of(render("operator.namespaces={studio}"), SERVED, "studio")
    to_agent = component("portal"), desktop("None")
    assert allowed(policies, *to_agent, Port(8788))
    assert not allowed(policies, *to_agent, Port(5900))
    assert not allowed(policies, component("portal"), desktop("None", "studio"), Port(8788))
    for other in ("proxy", "guacamole", "guacd"):
        assert not allowed(policies, component(other), desktop("None"), Port(8788))
    without = policies_of(render("portal.enabled=false", f"operator.namespaces={{{SERVED}}}"), SERVED)
    assert not allowed(without, *to_agent, Port(8788))


@pytest.mark.parametrize("options", ["operator.namespaces={studio}", "operator.clusterWide=true"])
def test_no_policy_beyond_the_portals_own_namespace_names_the_portal(options: str) -> None:
    """Its own egress is closed there too; a desktop does not depend on that."""
    chart = render(options)
    assert '"portal"' in json.dumps(operators(chart, SERVED))
    assert '"portal"' not in json.dumps(operators(chart, "studio"))
    assert '"portal"' not in json.dumps(operators(render(options, "portal.enabled=false"), SERVED))


def test_the_api_servers_are_a_value() -> None:
    chart = render(
        "networkPolicies.apiServer.to[0].ipBlock.cidr=10.0.0.10/32", "networkPolicies.apiServer.ports={16443}"
    )
    policies = policies_of(chart, SERVED)
    for name in ("operator", "portal"):
        assert allowed(policies, component(name), ENDPOINTS["API server"], Port(16443))
        assert not allowed(policies, component(name), ENDPOINTS["API server"], Port(443))
        assert not allowed(policies, component(name), ENDPOINTS["internet"], Port(16443))


def test_the_metrics_are_read_by_whom_the_values_name() -> None:
    prometheus, operator = Pod("monitoring", {"app": "prometheus"}), component("operator")
    scrape = prometheus, operator, Port(8081)
    assert not allowed(policies_of(render()), *scrape)
    assert allowed(policies_of(render("operator.metrics.podMonitor.enabled=true")), *scrape)
    named = "networkPolicies.metrics.from[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name"
    policies = policies_of(render(f"{named}=monitoring", "operator.metrics.podMonitor.enabled=true"))
    assert allowed(policies, *scrape)
    assert not allowed(policies, ENDPOINTS["stranger"], operator, Port(8081))
    assert not allowed(policies, prometheus, operator, Port(8080))


def test_the_proxy_may_be_kept_for_an_ingress_controller() -> None:
    chart = render(
        "networkPolicies.proxy.from[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=ingress"
    )
    policies = policies_of(chart)
    assert allowed(policies, Pod("ingress", {}), component("proxy"), Port(8080))
    assert not allowed(policies, ENDPOINTS["stranger"], component("proxy"), Port(8080))


def test_without_the_proxy_your_own_reaches_guacamole_and_the_portal() -> None:
    policies = policies_of(render("proxy.enabled=false"))
    assert allowed(policies, ENDPOINTS["stranger"], component("guacamole"), Port(8080))
    assert allowed(policies, ENDPOINTS["stranger"], component("portal"), Port(8000))


def test_an_external_guacamole_is_where_the_values_say() -> None:
    external = (
        "guacamole.mode=external",
        "guacamole.external.url=http://guacamole.example.org/guacamole/",
        "guacamole.admin.existingSecret=our-admin",
    )
    policies = policies_of(render(*external), SERVED)
    for name in ("operator", "portal", "proxy"):
        assert allowed(policies, component(name), Outside(OFFICE), Port(80))
    assert allowed(policies, Outside(OFFICE), desktop("None"), Port(5900))
    assert not allowed(policies, Outside(OFFICE), desktop("None"), Port(8788))
    where = ("external.to", "external.vncFrom")
    named = (f"networkPolicies.{each}[0].ipBlock.cidr=203.0.113.0/24" for each in where)
    policies = policies_of(render(*external, *named), SERVED)
    for name in ("operator", "portal", "proxy"):
        assert allowed(policies, component(name), Outside(OFFICE), Port(80))
        assert not allowed(policies, component(name), ENDPOINTS["internet"], Port(80))
    assert allowed(policies, Outside(OFFICE), desktop("None"), Port(5900))
    assert not allowed(policies, ENDPOINTS["internet"], desktop("None"), Port(5900))


@pytest.mark.parametrize(
    ("options", "reached"),
    [
        ((), {SERVED}),
        (("operator.namespaces={studio}",), {SERVED, "studio"}),
        (("operator.namespaces={studio}", "portal.enabled=false"), {"studio"}),
        (("operator.clusterWide=true",), {SERVED, "studio", UNSERVED}),
    ],
)
def test_desktops_are_reached_where_they_are_served(options: tuple[str, ...], reached: set[str]) -> None:
    policies = policies_of(render(*options), SERVED, "studio", UNSERVED)
    for name, port in (("guacd", Port(5900)), ("operator", Port(8788))):
        found = {
            namespace
            for namespace in (SERVED, "studio", UNSERVED)
            if allowed(policies, component(name), desktop("None", namespace), port)
        }
        assert found == reached


@pytest.mark.parametrize("options", [(), ("guacamole.mode=standin",)])
def test_every_pod_of_the_release_has_a_policy_in_both_directions(options: tuple[str, ...]) -> None:
    chart = render(*options)
    policies: list[Any] = [d["spec"] for d in chart.documents if d["kind"] == "NetworkPolicy"]
    kinds = {"Deployment", "StatefulSet", "DaemonSet"}
    pods = [document for document in chart.documents if document["kind"] in kinds]
    assert len(pods) >= 5
    for pod in pods:
        spec: Any = pod["spec"]
        found = [each for each in policies if matches(each["podSelector"], spec["template"]["metadata"]["labels"])]
        assert [each["policyTypes"] for each in found] == [["Ingress", "Egress"]], pod["metadata"]


def test_policies_may_be_switched_off_as_a_whole() -> None:
    chart = render("networkPolicies.enabled=false")
    assert not chart.names("NetworkPolicy")
    environment = chart.environment("studio-operator")
    assert environment["BLENDERSESSIONS_NETWORK_POLICIES"] == "Off"
    assert "BLENDERSESSIONS_NETWORK_PEERS" not in environment
    assert "networkpolicies" not in str([d for d in chart.documents if d["kind"] in {"Role", "ClusterRole"}])


def test_every_value_of_the_policies_reaches_a_policy() -> None:
    policies = str(policies_of(render(values=EVERYTHING), "desktops"))
    for trace in ("node-local-dns", "198.51.100.0/24", "192.0.2.10/32", "'port': 5353", "'port': 16443", "prometheus"):
        assert trace in policies, trace
    assert "ingress-controller" in policies


@pytest.mark.parametrize(
    "wrong",
    [
        "networkPolicies.dns.to=",
        "networkPolicies.dns.ports=",
        "networkPolicies.closedNetworks={anything}",
        "networkPolicies.proxy.from[0].podSelectors.a=b",
        "desktops.fetch.allowedNetworks={anything}",
        "desktops.fetch.allowedNetwork={10.0.0.0/8}",
    ],
)
def test_a_value_that_opens_by_mistake_is_refused(wrong: str) -> None:
    with pytest.raises(RefusedError):
        render(wrong)
