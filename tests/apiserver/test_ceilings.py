"""Generated pairs of a class and a session: no pod that the API server stores is above its class."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings

from apiserver.installation import desktop_name
from class_pairs import above_class, pairs
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation, Object
    from class_pairs import Spec

PAIRS = 30


def generated() -> list[tuple[Spec, Spec]]:
    """The same pairs in each run."""
    found: list[tuple[Spec, Spec]] = []

    @settings(
        max_examples=PAIRS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pair=pairs())
    def collect(pair: tuple[Spec, Spec]) -> None:
        found.append(pair)

    collect()
    return found


def test_no_stored_pod_is_above_its_class(installation: Installation) -> None:
    classes = {f"class-{number}": pair for number, pair in enumerate(generated())}

    def start(name: str) -> Object:
        of_class, spec = classes[name]
        installation.create_class(name, **of_class)
        return installation.create(f"of-{name}", className=name, **spec)

    with ThreadPoolExecutor(8) as threads:
        sessions = dict(zip(classes, threads.map(start, classes), strict=True))
    pods: dict[str, Object] = {}

    def undecided() -> list[str]:
        pods.update({pod["metadata"]["name"]: pod for pod in installation.pods()})
        refused = {
            session["metadata"]["name"]
            for session in installation.sessions()
            for entry in session.get("status", {}).get("conditions", ())
            if entry["type"] == "Stalled" and entry["status"] == "True"
        }
        return [
            name
            for name, session in sessions.items()
            if desktop_name(session) not in pods and session["metadata"]["name"] not in refused
        ]

    until(lambda: f"each has a pod or is refused; neither: {undecided()}", lambda: not undecided(), pause=0.3)
    allowed = 0
    for name, session in sessions.items():
        of_class, spec = classes[name]
        pod = pods.get(desktop_name(session))
        if pod is not None:
            allowed += 1
            assert above_class(pod, of_class) == [], (of_class, spec, pod["spec"]["containers"][0]["resources"])
        else:
            stalled = installation.condition("Stalled", session["metadata"]["name"])
            assert stalled["reason"] in ("BeyondClass", "Invalid"), (of_class, spec, stalled)
            assert "spec." in stalled["message"]
    assert 0 < allowed < len(sessions), "some pairs fit, and some do not"


def test_a_claim_is_not_grown_above_the_ceiling_and_connections_stay_below_theirs(
    installation: Installation, growing: str
) -> None:
    installation.create_class("small", workspace={"maxSize": "2Gi"}, limits={"connections": 3, "viewers": 1})
    session = installation.ready(
        className="small", workspace={"size": "2Gi", "storageClassName": growing}, viewers=["ann"]
    )
    name = desktop_name(session)
    claim = f"api/v1/namespaces/{installation.namespace}/persistentvolumeclaims/{name}"
    bound = {"status": {"phase": "Bound", "capacity": {"storage": "2Gi"}}}
    installation.api.request("PATCH", f"{claim}/status", bound, "application/merge-patch+json")
    asks = {"workspace": {"size": "20Gi"}, "connections": {"max": 500}, "viewers": ["ann", "bo"]}
    installation.patch("cart", {"spec": asks})
    until(
        "the session says what it does not get",
        lambda: "allows 2Gi" in installation.condition("DesktopReady")["message"],
    )
    message = installation.condition("DesktopReady")["message"]
    assert "spec.viewers has 2 names, and the class small allows 1: take 1 off." in message
    assert "spec.connections.max is 500, and the class small allows 3" in message
    [connection] = installation.guacamole.named(name)
    path = f"connections/{connection['identifier']}"
    assert installation.guacamole.get(path)["attributes"]["max-connections"] == "3"
    assert installation.guacamole.users() == {name, "ann"}
    found = installation.child("persistentvolumeclaims", name)
    assert found is not None
    assert found["spec"]["resources"]["requests"]["storage"] == "2Gi"
    installation.patch_class("small", {"workspace": {"maxSize": "20Gi"}})
    until(
        "the claim grows",
        lambda: (
            (installation.child("persistentvolumeclaims", name) or found)["spec"]["resources"]["requests"]["storage"]
            == "20Gi"
        ),
    )
