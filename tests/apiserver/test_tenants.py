"""People of one namespace who do not trust each other: what one has, another cannot take, with the rights of the docs.

The operator has the rights of the chart's service account, and the chart's admission policy holds.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import requests

from apiserver.api import SESSIONS, ApiError
from apiserver.installation import desktop_name, installed
from apiserver.rights import POLICIES, create_restricted_namespace, grant, kubeconfig_of, withdraw
from blendersessions.model.names import user_secret_name
from chart.rendering import NAMESPACE, render
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.api import Api
    from apiserver.fake_agent import FakeAgent
    from apiserver.installation import Installation
    from chart.rendering import Rendered

Object = dict[str, Any]
POLICY = ("portal.enabled=false", "admissionPolicy.enabled=true")
MERGE = "application/merge-patch+json"


def let_people_work(api: Api, namespace: str) -> None:
    """Give people rights on all sessions of a namespace, and on nothing else."""
    rbac: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "people", "namespace": namespace},
    }
    verbs = ["get", "list", "create", "update", "patch", "delete"]
    rule = {"apiGroups": ["blendersessions.io"], "resources": ["blendersessions"], "verbs": verbs}
    api.apply(rbac | {"kind": "Role", "rules": [rule]})
    group = {"kind": "Group", "name": "system:authenticated", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "Role", "name": "people", "apiGroup": "rbac.authorization.k8s.io"}
    api.apply(rbac | {"kind": "RoleBinding", "roleRef": role, "subjects": [group]})


def create_as(api: Api, user: str, namespace: str, name: str, **spec: object) -> Object:
    body = {"metadata": {"name": name}, "spec": spec}
    return dict(api.impersonating(user).create_session(namespace, body))


def policies(chart: Rendered, suffix: str = "here") -> list[Object]:
    """Return the chart's policy and its binding under a name of their own, since both belong to the whole cluster."""
    found: list[Object] = [copy.deepcopy(each) for each in chart.documents if each["kind"] in POLICIES]
    for document in found:
        document["metadata"]["name"] += f"-{suffix}"
    [binding] = [each for each in found if each["kind"].endswith("Binding")]
    binding["spec"]["policyName"] += f"-{suffix}"
    return found


def enforce(api: Api, documents: list[Object], namespace: str) -> None:
    """Apply a policy, and wait until the API server asks it."""
    for document in documents:
        api.apply(document)

    def refused() -> bool:
        body = {"metadata": {"name": "probe"}, "spec": {"owner": "nobody"}}
        try:
            api.impersonating("mallory").create_session(namespace, body, dryRun="All")
        except ApiError as error:
            return error.status == requests.codes.forbidden
        return False

    until("the policy is enforced", refused)


def lift(api: Api, documents: list[Object]) -> None:
    """Delete a policy."""
    for document in documents:
        api.request("DELETE", api.path(document))


@pytest.fixture(scope="module")
def town(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with the policy, in whose namespace Alice and Mallory have rights."""
    folder = tmp_path_factory.mktemp("tenants")
    with installed(api, folder) as installation:
        create_restricted_namespace(api, installation.namespace)
        chart = render(f"operator.namespaces={{{installation.namespace}}}", *POLICY)
        documents = policies(chart)
        grant(api, chart)
        let_people_work(api, installation.namespace)
        enforce(api, documents, installation.namespace)
        installation.settings["KUBECONFIG"] = str(kubeconfig_of(api, "studio-operator", folder))
        installation.start()
        yield installation
    lift(api, documents)
    withdraw(api, chart)


@pytest.fixture
def tenants(town: Installation, agent: FakeAgent) -> Iterator[Installation]:
    """The installation, without sessions and claims after the test. The agent is there until they are gone."""
    del agent
    yield town
    for plural, _, name in (each.partition("/") for each in town.children()):
        if plural == "persistentvolumeclaims" and not name.startswith("blender-"):
            town.delete_child(plural, name)
    town.delete_all_and_assert_nothing_left()
    assert "forbidden" not in town.log.lower()
    town.statuses.check()


def create(installation: Installation, user: str, name: str, **spec: object) -> Object:
    return create_as(installation.api, user, installation.namespace, name, **spec)


def change(installation: Installation, user: str, name: str, patch: Object) -> None:
    path = f"{SESSIONS}/namespaces/{installation.namespace}/blendersessions/{name}"
    installation.api.impersonating(user).request("PATCH", path, patch, MERGE)


def refusal_of(installation: Installation, user: str, name: str, patch: Object) -> str:
    with pytest.raises(ApiError) as refused:
        change(installation, user, name, patch)
    return refused.value.message


def alices(installation: Installation, agent: FakeAgent, **spec: object) -> Object:
    """Alice's session, which is ready."""
    installation.run_pod(create(installation, "alice", "cart", owner="alice", **spec), agent.address)
    return installation.until_ready()


def unharmed(installation: Installation, session: Object) -> None:
    """Check that Alice's session is as it was, and open for her alone."""
    now = installation.session()
    assert now is not None
    assert now["spec"] == session["spec"]
    assert now["metadata"].get("ownerReferences") is None
    assert installation.condition("Ready")["status"] == "True"
    identifier = session["status"]["connection"]["identifier"]
    grants = {user: installation.guacamole.get(f"users/{user}/permissions") for user in installation.guacamole.users()}
    assert [user for user, held in grants.items() if identifier in held["connectionPermissions"]] == ["alice"]


GONE = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-4000-8000-000000000001"}
TAKE_OVERS: list[Object] = [
    {"spec": {"viewers": ["mallory"]}},
    {"spec": {"suspend": True}},
    {"spec": {"replicas": 0}},
    {"metadata": {"finalizers": []}},
    {"metadata": {"finalizers": ["blendersessions.io/finalizer", "example.org/mallory"]}},
    {"metadata": {"labels": {"blendersessions.io/owner-hash": "mallory"}}},
    # The garbage collector would delete it with an owner that does not exist.
    {"metadata": {"ownerReferences": [GONE]}},
]


def test_only_the_owner_changes_a_session(tenants: Installation, agent: FakeAgent) -> None:
    session = alices(tenants, agent)
    for patch in TAKE_OVERS:
        message = refusal_of(tenants, "mallory", "cart", patch)
        assert "the session cart belongs to alice, and you are mallory: only its owner or an administrator" in message
    message = refusal_of(tenants, "mallory", "cart", {"spec": {"owner": "mallory"}})
    assert "owner can neither be changed, added nor removed later" in message
    change(tenants, "mallory", "cart", {"metadata": {"labels": {"example.org/floor": "2"}}})
    unharmed(tenants, session)


def test_only_the_owner_deletes_a_session_and_nobody_gives_it_away(tenants: Installation, agent: FakeAgent) -> None:
    session = alices(tenants, agent)
    path = f"{SESSIONS}/namespaces/{tenants.namespace}/blendersessions"
    for address in (f"{path}/cart", path):
        with pytest.raises(ApiError, match=r"belongs to alice, and you are mallory|cannot deletecollection"):
            tenants.api.impersonating("mallory").request("DELETE", address)
    assert "owner can neither be changed" in refusal_of(tenants, "alice", "cart", {"spec": {"owner": "mallory"}})
    with pytest.raises(ApiError, match="owner can neither be changed, added nor removed later"):
        tenants.patch("cart", {"spec": {"owner": "mallory"}})
    unharmed(tenants, session)
    change(tenants, "alice", "cart", {"spec": {"viewers": ["bob"]}})
    until("bob may look", lambda: "bob" in tenants.guacamole.users())
    tenants.api.impersonating("alice").request("DELETE", f"{path}/cart")
    tenants.until_gone()


def test_nobody_creates_a_session_for_somebody_else_or_for_nobody(tenants: Installation, agent: FakeAgent) -> None:
    with pytest.raises(ApiError, match=r"spec\.owner must be mallory, .* it is alice; change it"):
        create(tenants, "mallory", "mine", owner="alice")
    with pytest.raises(ApiError, match=r"spec\.owner must be mallory, .* set spec.owner"):
        create(tenants, "mallory", "mine")
    tenants.run_pod(create(tenants, "mallory", "mine", owner="mallory"), agent.address)
    tenants.until_ready("mine")


def test_invented_owners_do_not_pass_the_limit_of_one_person(tenants: Installation, agent: FakeAgent) -> None:
    tenants.create_class("one", limits={"sessionsPerOwner": 1})
    tenants.run_pod(create(tenants, "mallory", "first", owner="mallory", className="one"), agent.address)
    tenants.until_ready("first")
    for owner in ("mallory-2", "Mallory"):
        with pytest.raises(ApiError, match=r"spec\.owner must be mallory"):
            create(tenants, "mallory", "second", owner=owner, className="one")
    second = create(tenants, "mallory", "second", owner="mallory", className="one")
    tenants.until_reason("Ready", "Queued", "second")
    # An administrator is exempt from the policy, and not from the class.
    nobodys = tenants.create("nobodys", className="one")
    message = tenants.until_reason("Stalled", "BeyondClass", "nobodys")["message"]
    assert "The session has no owner, and the class one counts the sessions of each owner" in message
    for each in (second, nobodys):
        assert tenants.child("pods", desktop_name(each)) is None


def test_a_claim_of_somebody_else_is_neither_mounted_nor_held_up(tenants: Installation, agent: FakeAgent) -> None:
    tenants.create_claim("alices-home", "alice")
    home = {"workspace": {"claimName": "alices-home"}}
    thief = create(tenants, "mallory", "thief", owner="mallory", **home)
    condition = tenants.until_reason("Stalled", "WorkspaceNotAllowed", "thief")
    assert "The volume claim alices-home of the workspace does not allow mallory" in condition["message"]
    path = f"api/v1/namespaces/{tenants.namespace}/persistentvolumeclaims/alices-home"
    allowed = {"metadata": {"annotations": {"blendersessions.io/workspace-for": "mallory"}}}
    with pytest.raises(ApiError, match="cannot patch resource"):
        tenants.api.impersonating("mallory").request("PATCH", path, allowed, MERGE)
    alices(tenants, agent, **home)
    for plural in ("pods", "services", "secrets"):
        assert tenants.child(plural, desktop_name(thief)) is None
    assert tenants.child("secrets", user_secret_name("mallory")) is None


def test_a_volume_of_another_session_stays_with_it(tenants: Installation, agent: FakeAgent) -> None:
    session = alices(tenants, agent, workspace={"size": "1Gi"})
    claim = session["status"]["workspace"]["claimName"]
    thief = create(tenants, "mallory", "thief", owner="mallory", workspace={"claimName": claim})
    condition = tenants.until_reason("Stalled", "WorkspaceNotAllowed", "thief")
    assert f"The volume claim {claim} of the workspace was made for the session cart" in condition["message"]
    assert tenants.child("pods", desktop_name(thief)) is None
    unharmed(tenants, session)


def test_a_claim_that_is_opened_to_a_person_is_used_without_a_change_of_the_session(
    tenants: Installation, agent: FakeAgent
) -> None:
    tenants.create_claim("ours", "")
    session = create(tenants, "alice", "cart", owner="alice", workspace={"claimName": "ours"})
    tenants.until_reason("Stalled", "WorkspaceNotAllowed")
    path = f"api/v1/namespaces/{tenants.namespace}/persistentvolumeclaims/ours"
    allowed = {"metadata": {"annotations": {"blendersessions.io/workspace-for": "bob,alice"}}}
    tenants.api.request("PATCH", path, allowed, MERGE)
    tenants.run_pod(session, agent.address)
    tenants.until_ready()


def test_a_viewer_whom_the_class_does_not_allow_is_not_let_in(tenants: Installation, agent: FakeAgent) -> None:
    tenants.create_class("ours", owners=["alice"], viewers=["*@example.org"])
    session = alices(tenants, agent, className="ours", viewers=["bob@example.org"])
    change(tenants, "alice", "cart", {"spec": {"viewers": ["bob@example.org", "eve@example.com"]}})
    message = tenants.until_reason("ConnectionReady", "ViewerRefused")["message"]
    assert "spec.viewers has eve@example.com, and the class ours allows as viewers *@example.org" in message
    assert tenants.guacamole.users() == {"alice", "bob@example.org"}
    mallorys = create(tenants, "mallory", "mine", owner="mallory", className="ours")
    message = tenants.until_reason("Stalled", "BeyondClass", "mine")["message"]
    assert "spec.owner is mallory, and the class ours allows as owner alice" in message
    assert tenants.child("pods", desktop_name(mallorys)) is None
    assert tenants.child("pods", desktop_name(session)) is not None


def test_the_name_may_be_a_claim_of_the_sign_on(api: Api) -> None:
    namespace = api.create_namespace()
    let_people_work(api, namespace)
    by_claim = "admissionPolicy.owner=request.userInfo.?extra['example.org/email'][?0].orValue('')"
    where = ("operator.namespaces={elsewhere}", f"sessionNamespace={namespace}")
    documents = policies(render(*where, "admissionPolicy.enabled=true", by_claim), "by-claim")
    enforce(api, documents, namespace)
    try:
        ann = api.impersonating("oidc:4711", email="ann@example.org")
        made = ann.create_session(namespace, {"metadata": {"name": "mine"}, "spec": {"owner": "ann@example.org"}})
        assert made["spec"]["owner"] == "ann@example.org"  # type: ignore[index]
        for who, words in (
            (ann, r"spec\.owner must be ann@example\.org, .* it is bo@example.org"),
            (api.impersonating("oidc:4712"), "you, oidc:4712, have no name by which you could own a session"),
        ):
            with pytest.raises(ApiError, match=words):
                who.create_session(namespace, {"metadata": {"name": "other"}, "spec": {"owner": "bo@example.org"}})
        for name, exempt in (
            ("others", api.impersonating("robot", "system:masters")),
            ("guests", api.impersonating(f"system:serviceaccount:{NAMESPACE}:studio-portal")),
        ):
            exempt.create_session(namespace, {"metadata": {"name": name}, "spec": {"owner": f"of-{name}"}})
    finally:
        lift(api, documents)
