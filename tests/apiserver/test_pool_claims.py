"""A session takes a desktop of its class's pool, or starts its own and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiserver.installation import desktop_name
from apiserver.pool_kubelet import SESSION_UID, pool_kubelet, pool_of, until_full, waiting
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.fake_agent import FakeAgent
    from apiserver.installation import Installation, Object
    from apiserver.pool_kubelet import PoolKubelet

CART = {"sample": "shopping_cart.blend"}
POOL = {"size": 2, "scene": CART["sample"]}

pytestmark = pytest.mark.usefixtures("kubelet")


@pytest.fixture
def kubelet(installation: Installation, agent: FakeAgent) -> Iterator[PoolKubelet]:
    """A kubelet, and afterwards a namespace without sessions, classes and their pools."""
    with pool_kubelet(installation, agent.address) as kubelet:
        yield kubelet
        for each in installation.sessions():
            installation.delete(each["metadata"]["name"])
        for each in installation.classes():
            installation.delete_class(each["metadata"]["name"])
        until(
            lambda: f"nothing is left; there is {installation.children()}, {installation.guacamole.connection_keys()}",
            lambda: not installation.children() and not installation.guacamole.connection_keys(),
        )


def filled(installation: Installation, **pool: object) -> set[str]:
    """Make a class with a pool, and wait until it is full; return the names of its desktops."""
    installation.create_class("warm", warmPool=POOL | pool)
    return until_full(installation, "warm", int(str((POOL | pool)["size"])))


def taken(installation: Installation, name: str = "cart", **spec: Any) -> Object:  # noqa: ANN401 - a spec
    """Create a session of the class, and wait until it is ready."""
    installation.create(name, className="warm", **({"scene": CART} | spec))
    return installation.until_ready(name)


def owner_of(installation: Installation, plural: str, name: str) -> tuple[str, str]:
    (owner,) = (installation.child(plural, name) or {})["metadata"]["ownerReferences"]
    return owner["kind"], owner["uid"]


def startup(session: Object) -> tuple[str, str]:
    found = session["status"]["startup"]
    return found["path"], found.get("reason", "")


def test_a_session_takes_a_desktop_whole_and_the_pool_makes_another(
    installation: Installation, agent: FakeAgent
) -> None:
    names = filled(installation)
    session = taken(installation, owner="ann")
    name, uid = session["status"]["desktop"]["name"], session["metadata"]["uid"]
    assert name in names
    assert startup(session) == ("Warm", "")
    assert agent.samples == [], "the scene was there"
    # The session has its pod at once, and the Secret of that a moment after it is ready. The Service stays the pod's.
    assert owner_of(installation, "services", name)[0] == "Pod"
    for plural in ("pods", "secrets"):
        until(
            f"the session has {plural}/{name}",
            lambda plural=plural: owner_of(installation, plural, name) == ("BlenderSession", uid),
        )
        found = installation.child(plural, name) or {}
        assert found["metadata"]["labels"][SESSION_UID] == uid
    (connection,) = installation.guacamole.named(name)
    assert connection["name"] == f"{installation.namespace}/cart ({name})"
    rights = installation.guacamole.get("users/ann/permissions")["connectionPermissions"]
    assert list(rights) == [connection["identifier"]], "this connection and no other"
    assert session["status"]["clientURL"]
    again = until_full(installation, "warm", 2)
    assert name not in again
    assert installation.condition("DesktopReady")["reason"] == "DesktopRunning", "no restart is needed"


def test_another_sample_is_opened_before_the_session_is_ready(installation: Installation, agent: FakeAgent) -> None:
    names = filled(installation)
    session = taken(installation, scene={"sample": "watering_can.blend"})
    assert session["status"]["desktop"]["name"] in names
    assert startup(session) == ("Warm", "")
    assert agent.samples == ["watering_can.blend"]


def test_a_desktop_that_does_not_open_the_scene_is_replaced_by_a_cold_start(
    installation: Installation, agent: FakeAgent
) -> None:
    filled(installation)
    agent.sample_answer = 503, {"message": "Blender is gone."}
    session = taken(installation, scene={"sample": "watering_can.blend"})
    assert startup(session) == ("Cold", "DesktopFailed")
    assert "lastTermination" not in session["status"]
    assert installation.condition("Stalled")["reason"] == "Progressing"
    pod = installation.child("pods", session["status"]["desktop"]["name"]) or {}
    (variable,) = [each for each in pod["spec"]["containers"][0]["env"] if each["name"] == "BLENDER_SCENE"]
    assert variable["value"] == "watering_can.blend"
    assert len(installation.guacamole.named(session["status"]["desktop"]["name"])) == 1


@pytest.mark.parametrize(
    ("reason", "spec"),
    [
        ("OwnDisplay", {"display": {"width": 800, "height": 600}}),
        ("OwnResources", {"resources": {"limits": {"cpu": "1"}}}),
        ("OtherSettings", {"input": {"emulateNumpad": True}}),
        ("Workspace", {"workspace": {"size": "1Gi"}}),
        ("OwnScene", {"scene": {}}),
    ],
)
def test_what_a_pool_cannot_give_starts_cold_at_once_and_says_why(
    installation: Installation, reason: str, spec: dict[str, Any]
) -> None:
    names = filled(installation)
    session = taken(installation, **spec)
    assert startup(session) == ("Cold", reason)
    assert session["status"]["startup"]["message"]
    assert session["status"]["desktop"]["name"] == desktop_name(session)
    assert waiting(installation, "warm") == names, "the pool was left alone"
    for each in installation.children():
        if each.startswith("persistentvolumeclaims/"):
            installation.delete_child(*each.split("/"))


def test_an_empty_pool_starts_cold_at_once(installation: Installation) -> None:
    filled(installation, size=0)
    assert startup(taken(installation)) == ("Cold", "PoolEmpty")


def test_a_class_without_a_pool_says_nothing_of_one(installation: Installation) -> None:
    installation.create_class("warm")
    assert startup(taken(installation)) == ("Cold", "")


def test_a_session_that_was_suspended_keeps_its_desktops_name(installation: Installation) -> None:
    filled(installation)
    session = taken(installation)
    name = session["status"]["desktop"]["name"]
    installation.patch("cart", {"spec": {"suspend": True}})
    installation.until_reason("Ready", "Suspended")
    assert installation.status()["desktop"]["name"] == name
    assert installation.child("pods", name) is None
    installation.patch("cart", {"spec": {"suspend": False}})
    session = installation.until_ready()
    assert session["status"]["desktop"]["name"] == name
    assert startup(session) == ("Cold", "Resumed")
    assert len(installation.guacamole.named(name)) == 1


def test_viewers_and_limits_apply_to_a_desktop_that_was_taken(installation: Installation) -> None:
    filled(installation)
    session = taken(installation, owner="ann", viewers=["vic"], connections={"max": 3})
    name = session["status"]["desktop"]["name"]
    (own,), (view,) = installation.guacamole.named(name), installation.guacamole.named(f"{name}-view")
    assert startup(session) == ("Warm", "")
    assert own["attributes"]["max-connections"] == "3"
    rights = installation.guacamole.get("users/vic/permissions")["connectionPermissions"]
    assert list(rights) == [view["identifier"]]
    assert session["status"]["viewURL"]


def test_a_class_that_is_deleted_leaves_taken_desktops_alone(installation: Installation) -> None:
    filled(installation)
    name = taken(installation)["status"]["desktop"]["name"]
    installation.delete_class("warm")
    until("the pool is gone", lambda: {pod["metadata"]["name"] for pod in installation.pods()} == {name})
    until("and its connections", lambda: set(installation.guacamole.connection_keys()) == {name})
    assert installation.condition("Ready")["status"] == "True"


def test_a_pool_makes_room_for_a_session_that_finds_none(installation: Installation, kubelet: PoolKubelet) -> None:
    names = filled(installation)
    kubelet.leaves_alone = True
    installation.create("large", className="warm", scene=CART, resources={"limits": {"cpu": "1"}})
    created = installation.session("large") or {}
    name = desktop_name(created)
    pod = until("its pod is made", lambda: installation.child("pods", name)) or {}
    full = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
        "lastTransitionTime": pod["metadata"]["creationTimestamp"],
    }
    installation.set_pod_status(name, {"phase": "Pending", "podIP": "", "conditions": [full]})
    until("one desktop has gone", lambda: len(waiting(installation, "warm") & names) == 1)
    until("the pool says so", lambda: pool_of(installation, "warm").get("reason") == "PoolWaiting")
    kubelet.report(name)
    kubelet.leaves_alone = False
    until_full(installation, "warm", 2)
