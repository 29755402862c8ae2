"""The real operator works with the rights that the chart gives it, and never asks for more."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.installation import GROUP, desktop_name, installed
from apiserver.pool_kubelet import pool_kubelet, until_full, waiting
from apiserver.rights import create_restricted_namespace, grant, kubeconfig_of, withdraw
from blendersessions.model.names import name_for, user_secret_name
from chart.rendering import NAMESPACE, Rendered, render
from chart.rights import rights_in, written_rights
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from apiserver.api import Api
    from apiserver.installation import Installation
    from chart.rights import Right
    from localcluster.controlplane import ControlPlane


STRAY = name_for("6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e")


def one_namespace(namespace: str) -> Rendered:
    return render(f"operator.namespaces={{{namespace}}}", "portal.enabled=false", f"operator.lease.name={namespace}")


def all_namespaces(namespace: str) -> Rendered:
    return render("portal.enabled=false", "operator.clusterWide=true", f"operator.lease.name={namespace}")


@contextlib.contextmanager
def with_rights_of(api: Api, folder: Path, of: Callable[[str], Rendered]) -> Iterator[tuple[Installation, Rendered]]:
    """An installation whose operator has the rights of the chart's service account, and is not started yet."""
    with installed(api, folder) as installation:
        create_restricted_namespace(api, installation.namespace)
        chart = of(installation.namespace)
        grant(api, chart)
        environment = chart.environment("studio-operator")
        installation.settings["KUBECONFIG"] = str(kubeconfig_of(api, "studio-operator", folder))
        for name in ("BLENDERSESSIONS_NAMESPACES", "BLENDERSESSIONS_LEASE"):
            installation.settings[name] = str(environment[name])
        yield installation, chart
    withdraw(api, chart)


@pytest.fixture(params=[one_namespace, all_namespaces])
def restricted(request: pytest.FixtureRequest, api: Api, tmp_path: Path) -> Iterator[Installation]:
    """An installation with the rights of the chart and a running operator, in a restricted namespace."""
    with with_rights_of(api, tmp_path, request.param) as (installation, _):
        installation.start()
        yield installation


def uid_of(installation: Installation, plural: str, name: str) -> str:
    return str((installation.child(plural, name) or {"metadata": {"uid": ""}})["metadata"]["uid"])


def test_a_session_lives_and_dies_by_the_rights_of_the_chart(restricted: Installation) -> None:
    # An operator of all namespaces also serves what other tests left. An owner belongs to the first namespace.
    restricted.create_class("small", lifetime={"maxAge": "8h"}, limits={"sessions": 1})
    owner = f"artist-of-{restricted.namespace}"
    session = restricted.ready(owner=owner, viewers=[f"{owner}-looks"], className="small", workspace={"size": "1Gi"})
    name = name_for(session["metadata"]["uid"])
    for plural in ("pods", "services", "secrets", "persistentvolumeclaims"):
        former = uid_of(restricted, plural, name)
        restricted.delete_child(plural, name)
        until(
            f"the {plural} are made again",
            lambda plural=plural, former=former: uid_of(restricted, plural, name) not in ("", former),
        )
    restricted.delete()
    restricted.until_gone()
    assert restricted.guacamole.named(name) == []
    assert "forbidden" not in restricted.log.lower()


def test_a_session_may_be_deleted_by_its_lifetime(restricted: Installation) -> None:
    # It expires while it starts, and may be gone before it was ready.
    restricted.run_pod(
        restricted.create(owner=f"guest-of-{restricted.namespace}", lifetime={"maxAge": "1s", "onExpiry": "Delete"})
    )
    restricted.until_gone()
    assert "forbidden" not in restricted.log.lower()


def test_every_right_is_used_and_none_is_missing(control_plane: ControlPlane, api: Api, tmp_path: Path) -> None:
    before = control_plane.audit_log.stat().st_size
    with with_rights_of(api, tmp_path, one_namespace) as (installation, chart):
        installation.settings |= {
            "BLENDERSESSIONS_POD_NAME": "studio-operator-0",
            "BLENDERSESSIONS_POD_NAMESPACE": NAMESPACE,
            "BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "0",
        }
        live_a_full_life(installation)

        def seen() -> dict[Right, int]:
            with control_plane.audit_log.open("rb") as log:
                log.seek(before)
                return requests_in(log.read())

        granted = rights_in(chart, "studio-operator")
        checked = {right for right, (_, how) in written_rights("The operator").items() if how == "checked"}
        until(
            lambda: f"all rights are used; not used: {granted - checked - seen().keys()}",
            lambda: granted - checked <= seen().keys(),
        )
    assert seen().keys() == granted - checked
    assert {right: code for right, code in seen().items() if code == 403} == {}


def requests_in(log: bytes) -> dict[Right, int]:
    """Return the requests for resources, each with the worst code that it was answered with."""
    found: dict[Right, int] = {}
    for line in log[: log.rfind(b"\n") + 1].splitlines():
        entry = json.loads(line)
        if about := entry.get("objectRef"):
            resource = "/".join(about[key] for key in ("resource", "subresource") if key in about)
            code = int((entry.get("responseStatus") or {}).get("code", 0))
            found[resource, entry["verb"]] = max(code if code == 403 else 0, found.get((resource, entry["verb"]), 0))
    return found


def create_stranger(installation: Installation, plural: str, name: str) -> None:
    """Create an object of this name that is not the operator's."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec = {"services": {"ports": [{"port": 1}]}, "persistentvolumeclaims": claim}.get(plural)
    path = f"api/v1/namespaces/{installation.namespace}/{plural}"
    installation.api.request("POST", path, {"metadata": {"name": name}} | ({"spec": spec} if spec else {}))


def change_labels(installation: Installation, plural: str, name: str) -> None:
    """Change a label of ours by hand, and wait until it is restored."""
    path = f"api/v1/namespaces/{installation.namespace}/{plural}/{name}"
    patch = {"metadata": {"labels": {"app.kubernetes.io/name": "something"}}}
    installation.api.request("PATCH", path, patch, "application/merge-patch+json")

    def is_restored() -> bool:
        found = installation.child(plural, name)
        return found is not None and found["metadata"]["labels"]["app.kubernetes.io/name"] == "blender-desktop"

    until(f"the label of {plural}/{name} is restored", is_restored)


def grow_volume(installation: Installation, name: str) -> None:
    """Let the workspace's claim be bound, and ask for a larger one."""
    path = f"api/v1/namespaces/{installation.namespace}/persistentvolumeclaims/{name}"
    bound = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    installation.api.request("PATCH", f"{path}/status", bound, "application/merge-patch+json")
    installation.patch("cart", {"spec": {"workspace": {"size": "2Gi"}}})

    def has_grown() -> bool:
        found: Any = installation.child("persistentvolumeclaims", name)
        return bool(found["spec"]["resources"]["requests"]["storage"] == "2Gi")

    until("the claim asks for the larger volume", has_grown)


def create_stray_connection(installation: Installation) -> None:
    """Make a connection in our group that leads to a namespace that was served before."""
    [group] = [key for key, each in installation.guacamole.get("connectionGroups").items() if each["name"] == GROUP]
    body = {"name": STRAY, "parentIdentifier": group, "protocol": "vnc", "attributes": {}}
    parameters = {"hostname": f"{STRAY}.formerly.svc", "port": "5900"}
    installation.guacamole.send("POST", "connections", body | {"parameters": parameters})


def is_told_of_the_former_namespace(api: Api) -> bool:
    """Return whether an Event on the operator's pod names the namespace that is not served."""
    events: Any = api.request("GET", f"api/v1/namespaces/{NAMESPACE}/events")["items"]
    return any(
        each["reason"] == "NamespaceNotServed" and "The namespace formerly is not served" in each["message"]
        for each in events
    )


def live_a_full_life(installation: Installation) -> None:
    """Let a session live through all that the operator does for one."""
    api, namespace = installation.api, installation.namespace
    storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": f"grows-{namespace}"}}
    api.apply(storage | {"provisioner": "example.org/none", "allowVolumeExpansion": True})
    workspace = {"size": "1Gi", "storageClassName": f"grows-{namespace}"}
    session = installation.create(owner="artist", viewers=["viewer"], workspace=workspace)
    name = desktop_name(session)
    strangers = ("services", "secrets", "persistentvolumeclaims")
    for plural in strangers:
        create_stranger(installation, plural, name)
    installation.start()
    installation.until_reason("Stalled", "NameTaken")
    for plural in strangers:
        installation.delete_child(plural, name)
    installation.run_pod(session)
    installation.until_ready()
    # A second session of the owner becomes an owner of the Secret. Its class brings files along.
    api.request("POST", f"api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "add-ons"}})
    installation.create_class("equipped", extensions={"configMap": "add-ons"})
    installation.ready("second", owner="artist", className="equipped")
    for plural in ("pods", "services", "secrets"):
        change_labels(installation, plural, name)
    grow_volume(installation, name)
    create_stray_connection(installation)
    until("the operator tells of it on its own pod", lambda: is_told_of_the_former_namespace(api))
    # It has no workspace to save to, so its pod is stopped at once.
    installation.patch("second", {"spec": {"lifetime": {"maxAge": "1s", "onExpiry": "Suspend"}}})
    installation.until_reason("Ready", "Suspended", "second")
    installation.run_pod(installation.create("short", owner="guest", lifetime={"maxAge": "1s", "onExpiry": "Delete"}))
    installation.until_gone("short")
    until(
        "the Secret of a user whom nobody needs is gone",
        lambda: installation.child("secrets", user_secret_name("guest")) is None,
    )
    for each in ("cart", "second"):
        installation.delete(each)
        installation.until_gone(each)
    take_from_a_pool(installation)
    assert installation.guacamole.named(STRAY), "the sweep leaves it alone"


def take_from_a_pool(installation: Installation) -> None:
    """Let a session take a desktop of a pool, and end both."""
    with pool_kubelet(installation):
        installation.create_class("pooled", warmPool={"size": 1})
        until_full(installation, "pooled", 1)
        installation.create("taker", className="pooled")
        assert installation.until_ready("taker")["status"]["startup"]["path"] == "Warm"
        installation.delete("taker")
        installation.until_gone("taker")
        installation.delete_class("pooled")
        until("the pool is gone", lambda: not waiting(installation, "pooled"))


def without_policies(namespace: str) -> Rendered:
    """The chart with a Role that lets the operator see network policies, and not make them."""
    chart = copy.deepcopy(one_namespace(namespace))
    rules: Any = chart.get("Role", f"studio-operator@{namespace}", "rules")
    [rule] = [each for each in rules if each["resources"] == ["networkpolicies"]]
    rule["verbs"] = ["list", "watch"]
    return chart


def test_no_desktop_is_started_where_the_operator_may_not_confine_it(api: Api, tmp_path: Path) -> None:
    with with_rights_of(api, tmp_path, without_policies) as (installation, _):
        installation.start()
        session = installation.create()
        installation.until_reason("Stalled", "Unconfined")
        ready = installation.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("False", "Unconfined")
        assert "cannot patch resource" in ready["message"]
        assert "networkPolicies.enabled=false" in ready["message"]
        assert installation.child("pods", desktop_name(session)) is None
        assert installation.guacamole.users() == set(), "users are made once there is a pod"
        grant(api, one_namespace(installation.namespace))
        installation.run_pod(session)
        installation.until_ready()


def test_without_policies_the_operator_asks_for_none(api: Api, tmp_path: Path) -> None:
    def open_namespace(namespace: str) -> Rendered:
        options = (f"operator.namespaces={{{namespace}}}", "portal.enabled=false", f"operator.lease.name={namespace}")
        return render(*options, "networkPolicies.enabled=false")

    with with_rights_of(api, tmp_path, open_namespace) as (installation, chart):
        setting = chart.environment("studio-operator")["BLENDERSESSIONS_NETWORK_POLICIES"]
        installation.settings["BLENDERSESSIONS_NETWORK_POLICIES"] = str(setting)
        installation.start()
        installation.ready()
        assert "forbidden" not in installation.log.lower()
