"""A real API server takes every object of the chart, and grants the parts exactly what they need."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.api import Api, ApiError
from apiserver.rights import OPERATOR, create_restricted_namespace, grant, placed, withdraw
from chart.rendering import EVERYTHING, NAMESPACE, ROOT, Rendered, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INSTALLATIONS: dict[str, Callable[[], Rendered]] = {
    "apache": render,
    "stand-in": lambda: render("guacamole.mode=standin"),
    "external": lambda: render(
        "guacamole.mode=external",
        "guacamole.external.url=http://guacamole.example.org/guacamole/",
        "guacamole.admin.existingSecret=our-admin",
    ),
    "ingress": lambda: render("proxy.ingress.enabled=true", "proxy.service.type=LoadBalancer"),
    "every option": lambda: render(values=EVERYTHING),
}
MANIFESTS = ROOT / "manifests"
EXAMPLES = [f"examples/{path.name}" for path in sorted((MANIFESTS / "examples").glob("*.yaml"))]
PORTAL = f"system:serviceaccount:{NAMESPACE}:studio-portal"
SESSIONS = "blender-desktops"


@pytest.fixture(scope="module")
def installed(api: Api) -> Iterator[None]:
    """The namespaces of the chart, and its rights."""
    for name in (SESSIONS, "desktops", "studio", "leases"):
        create_restricted_namespace(api, name)
    grant(api, render())
    yield
    withdraw(api, render())


def with_claims(spec: dict[str, Any]) -> dict[str, Any]:
    """Add the volumes that a StatefulSet would: of a claim for each mount that has none."""
    there = {volume["name"] for volume in spec["volumes"]}
    mounts = {mount["name"] for container in spec["containers"] for mount in container["volumeMounts"]}
    claims = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in sorted(mounts - there)]
    return {**spec, "volumes": [*spec["volumes"], *claims]}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_every_object_is_accepted(api: Api, installation: str) -> None:
    documents = INSTALLATIONS[installation]().documents
    assert len(documents) >= 15
    for document in documents:
        # The Prometheus operator's kinds are not there to check against.
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):
            api.apply(placed(document), dryRun="All", fieldValidation="Strict")


@pytest.mark.parametrize("file", ["install.yaml", *EXAMPLES])
def test_the_plain_manifests_are_accepted(api: Api, kubectl: list[str], namespace: str, file: str) -> None:
    """Applied for good: a dry run cannot place an object in a namespace that the same file makes."""
    where = ["--namespace", namespace] if file in EXAMPLES else []
    command = [*kubectl, "apply", "--server-side", "--force-conflicts", *where, "-f", str(MANIFESTS / file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    if file in EXAMPLES:
        kinds = ("blendersessions", "blendersessionclasses")
        address = f"apis/blendersessions.io/v1alpha1/namespaces/{namespace}"
        listed: Any = [item for kind in kinds for item in api.request("GET", f"{address}/{kind}")["items"]]
        assert len(listed) == 1
        # An operator of all namespaces would take it up in a later test.
        subprocess.run([*kubectl, "delete", *where, "-f", str(MANIFESTS / file)], check=True, timeout=60)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_every_pod_is_admitted_where_only_restricted_pods_are(api: Api, installation: str) -> None:
    for name, spec in INSTALLATIONS[installation]().pods().items():
        pod = {"metadata": {"name": name}, "spec": with_claims(spec)}
        api.request("POST", f"api/v1/namespaces/{NAMESPACE}/pods", pod, dryRun="All", fieldValidation="Strict")


@pytest.mark.usefixtures("installed")
def test_a_pod_that_is_not_restricted_would_be_refused_there(api: Api) -> None:
    name, spec = next(iter(render().pods().items()))
    pod = {"metadata": {"name": name}, "spec": {**spec, "hostNetwork": True}}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        api.request("POST", f"api/v1/namespaces/{NAMESPACE}/pods", pod, dryRun="All")


def may(api: Api, user: str, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
    """Ask the API server whether a user may do something; `resource` is [GROUP/]RESOURCE[:SUBRESOURCE]."""
    full, _, subresource = resource.partition(":")
    group, _, plural = full.rpartition("/")
    attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
    attributes |= {"namespace": namespace, "name": name}
    review = {"spec": {"user": user, "groups": ["system:authenticated"], "resourceAttributes": attributes}}
    answer: Any = api.request("POST", "apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


BS = "blendersessions.io/blendersessions"
CHILDREN = ("pods", "services", "secrets", "persistentvolumeclaims")
LEASES = "coordination.k8s.io/leases"
DELETED = ("pods", "secrets")
"""The kinds that the operator deletes. The others go with their session."""
POLICIES = "networking.k8s.io/networkpolicies"
CRDS = "apiextensions.k8s.io/customresourcedefinitions"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("verb", "resource", "expected"),
    [
        *((verb, BS, True) for verb in ("get", "list", "watch", "patch", "delete")),
        *((verb, BS, False) for verb in ("create", "deletecollection", "update")),
        *((verb, f"{BS[:-1]}classes", True) for verb in ("list", "watch")),
        *((verb, f"{BS[:-1]}classes", False) for verb in ("get", "create", "patch", "delete")),
        ("update", f"{BS}:status", True),
        ("patch", f"{BS}:status", False),
        ("update", f"{BS}:finalizers", True),
        ("update", f"{BS}:scale", True),
        ("patch", f"{BS}:scale", False),
        *((verb, kind, True) for kind in CHILDREN for verb in ("get", "list", "watch", "create", "patch")),
        *(("delete", kind, kind in DELETED) for kind in CHILDREN),
        *((verb, POLICIES, True) for verb in ("list", "watch", "create", "patch")),
        *((verb, POLICIES, False) for verb in ("get", "update", "delete")),
        *(("update", kind, False) for kind in CHILDREN),
        ("create", "pods:exec", False),
        ("get", "pods:log", False),
        ("create", "events", True),
        ("list", "events", False),
        ("get", "configmaps", True),
        *((verb, "configmaps", False) for verb in ("list", "watch", "create", "patch", "delete")),
        ("create", "rbac.authorization.k8s.io/rolebindings", False),
        ("create", "serviceaccounts:token", False),
        ("create", LEASES, False),
    ],
)
def test_the_rights_of_the_operator_where_it_serves(api: Api, verb: str, resource: str, expected: bool) -> None:
    assert may(api, OPERATOR, verb, resource, SESSIONS) is expected
    assert not may(api, OPERATOR, verb, resource, "elsewhere")


@pytest.mark.usefixtures("installed")
def test_the_operator_has_no_right_on_the_releases_namespace_but_events(api: Api) -> None:
    assert may(api, OPERATOR, "create", "events", NAMESPACE)
    for resource in (BS, *CHILDREN, POLICIES):
        for verb in ("get", "list", "watch", "create", "patch", "delete"):
            assert not may(api, OPERATOR, verb, resource, NAMESPACE)


@pytest.mark.usefixtures("installed")
def test_the_rights_of_the_operator_on_the_cluster(api: Api) -> None:
    for resource in ("namespaces", CRDS, "nodes"):
        for verb in ("get", "list", "watch", "patch", "delete"):
            assert not may(api, OPERATOR, verb, resource)


@pytest.mark.usefixtures("installed")
def test_the_rights_of_the_operator_on_its_lease(api: Api) -> None:
    assert may(api, OPERATOR, "create", LEASES, "kube-system", "blender-sessions")
    for verb in ("get", "update"):
        assert may(api, OPERATOR, verb, LEASES, "kube-system", "blender-sessions")
        assert not may(api, OPERATOR, verb, LEASES, "kube-system", "kube-scheduler")
    for verb in ("list", "watch", "patch", "delete"):
        assert not may(api, OPERATOR, verb, LEASES, "kube-system", "blender-sessions")


@pytest.mark.usefixtures("installed")
def test_the_rights_of_the_portal(api: Api) -> None:
    classes = f"{BS[:-1]}classes"
    for verb in ("get", "list", "watch", "create", "delete"):
        assert may(api, PORTAL, verb, BS, SESSIONS)
        assert may(api, PORTAL, verb, classes, SESSIONS) is (verb in {"get", "list", "watch"})
        # By its name alone: the address of an agent.
        assert may(api, PORTAL, verb, "pods", SESSIONS) is (verb == "get")
        for resource in (BS, classes, "pods"):
            assert not may(api, PORTAL, verb, resource, "elsewhere")
    for verb in ("patch", "update"):
        assert not may(api, PORTAL, verb, BS, SESSIONS), "it may neither change an owner nor viewers"
        assert not may(api, PORTAL, verb, f"{BS}:status", SESSIONS)
    assert may(api, PORTAL, "update", f"{BS}:scale", SESSIONS)
    assert may(api, PORTAL, "get", "secrets", SESSIONS)
    assert not may(api, PORTAL, "list", "secrets", SESSIONS)
    assert not may(api, PORTAL, "get", "secrets", NAMESPACE, "studio-guacamole-admin")
