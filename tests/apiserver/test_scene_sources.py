"""Sessions whose scene is brought in: from the refusal before any pod to the file on screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiserver.fake_agent import FakeAgent, bringing, fake_agent, opened, started
from apiserver.installation import desktop_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation, Object

URL = {"url": "https://example.org/kitchen.blend"}
VOLUME = {"volume": {"claimName": "scenes", "path": "kitchen/kitchen.blend"}}
UPLOAD: Object = {"upload": {}}
HOME = {"size": "1Gi"}


def classes(installation: Installation, **specs: Object) -> None:
    """Create classes, by their names."""
    for name, spec in specs.items():
        installation.create_class(name, **spec)


def delete_classes(installation: Installation, *names: str) -> None:
    for name in names:
        path = f"apis/blendersessions.io/v1alpha1/namespaces/{installation.namespace}/blendersessionclasses/{name}"
        installation.api.request("DELETE", path)


def environment_of(pod: Object | None) -> dict[str, str]:
    assert pod is not None
    return {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0]["env"]}


def events_with(installation: Installation, reason: str) -> list[tuple[str, str, str]]:
    return [event for event in installation.events() if event[1] == reason]


def test_a_url_is_fetched_shown_and_asked_for_no_more(installation: Installation, agent: FakeAgent) -> None:
    classes(installation, closed={}, web={"egress": "Public", "transfer": {"fetchTimeout": "5m"}})
    installation.create(scene=URL, className="closed")
    refused = installation.until_reason("Ready", "BeyondClass")["message"]
    assert refused.endswith("Classes of the namespace that allow it: web.")
    assert installation.children() == []
    installation.delete()
    installation.until_gone()

    agent.scene_reason, agent.scene_message = "SceneFetching", "12 of 40 MB."
    session = bringing(installation, agent, scene=URL, className="web")
    name = desktop_name(session)
    assert installation.until_reason("SceneReady", "SceneFetching")["message"] == "12 of 40 MB."
    until("Ready says the same", lambda: installation.condition("Ready")["message"] == "12 of 40 MB.")
    variables = environment_of(installation.child("pods", name))
    assert (variables["BLENDER_SCENE"], variables["BLENDER_FETCH_SECONDS"]) == ("", "300")
    assert variables["BLENDER_SCENE_URL"] == URL["url"]
    assert installation.status()["phase"] == "Starting"
    assert installation.status()["blender"] == {"version": "4.3.2"}
    agent.scene_message = "40 of 40 MB."
    until("the progress is told", lambda: installation.condition("SceneReady")["message"] == "40 of 40 MB.")

    opened(installation, agent, session, "kitchen.blend")
    until("the name is known", lambda: installation.status().get("scene") == {"name": "kitchen.blend"})
    version, polls = (installation.session() or {})["metadata"]["resourceVersion"], agent.polls
    with fake_agent() as slow:
        slow.scene_reason = "SceneFetching"
        bringing(installation, slow, "other", scene=URL, className="web")
        until("the other one is asked again and again", lambda: slow.polls >= 3)
    assert agent.polls == polls, "and the one that is ready is not"
    assert (installation.session() or {})["metadata"]["resourceVersion"] == version
    assert not events_with(installation, "SceneFetching"), "progress is no Event"
    delete_classes(installation, "closed", "web")


def test_a_failure_names_the_way_out_and_a_corrected_url_starts_the_desktop_anew(
    installation: Installation, agent: FakeAgent
) -> None:
    classes(installation, web={"egress": "Public"}, newest={"blenderVersion": "5.2"}, old={"blenderVersion": "4.5"})
    too_new = "Blender 5.1 saved the file, and this is Blender 4.3."
    agent.scene_reason, agent.scene_message, agent.scene_needs = "SceneTooNew", too_new, "5.1"
    session = bringing(installation, agent, scene=URL, className="web")
    message = installation.until_reason("Stalled", "SceneTooNew")["message"]
    assert message == f"{too_new} Create the session in a class that can open it: newest (5.2)."
    assert installation.condition("Ready")["message"] == message
    assert installation.status()["phase"] == "Failed"
    until("an Event tells it", lambda: len(events_with(installation, "SceneTooNew")) == 1)
    former = installation.child("pods", desktop_name(session))
    assert former is not None
    agent.scene_reason = agent.scene_message = agent.scene_needs = ""
    installation.patch("cart", {"spec": {"scene": {"url": "https://example.org/older.blend"}}})

    def replaced() -> bool:
        found = installation.child("pods", desktop_name(session))
        return found is not None and found["metadata"]["uid"] != former["metadata"]["uid"]

    until("another pod fetches the other file", replaced)
    variables = environment_of(installation.child("pods", desktop_name(session)))
    assert variables["BLENDER_SCENE_URL"] == "https://example.org/older.blend"
    opened(installation, agent, session, "older.blend")
    assert installation.condition("Stalled")["reason"] == "Progressing"
    delete_classes(installation, "web", "newest", "old")


def test_scenes_on_a_volume_need_its_annotation_and_leave_it_free_for_others(
    installation: Installation, agent: FakeAgent
) -> None:
    session = installation.create(owner="ann", scene=VOLUME)
    missing = installation.until_reason("SceneReady", "SceneNotFound")
    assert "has no PersistentVolumeClaim scenes" in missing["message"]
    assert installation.condition("Ready")["reason"] == "SceneNotFound"
    assert installation.condition("Stalled")["reason"] == "Progressing"
    installation.create_claim("scenes", "ann")
    refused = installation.until_reason("Stalled", "SceneNotAllowed")["message"]
    assert f"kubectl annotate pvc scenes -n {installation.namespace} blendersessions.io/scenes-for=ann" in refused
    assert installation.child("pods", desktop_name(session)) is None
    path = f"api/v1/namespaces/{installation.namespace}/persistentvolumeclaims/scenes"
    allowed = {"metadata": {"annotations": {"blendersessions.io/scenes-for": "ann, bo"}}}
    installation.api.request("PATCH", path, allowed, "application/merge-patch+json")
    agent.ready = False
    installation.run_pod(session, agent.address, ready=False)
    installation.until_reason("SceneReady", "SceneLoading")
    pod: Any = installation.child("pods", desktop_name(session))
    mounted = {"name": "scene", "persistentVolumeClaim": {"claimName": "scenes", "readOnly": True}}
    assert mounted in pod["spec"]["volumes"]
    assert environment_of(pod)["BLENDER_SCENE_PATH"] == "kitchen/kitchen.blend"
    # The same claim is ann's workspace in a second session, and bo reads it in a third one.
    started(installation, agent, "work", owner="ann", workspace={"claimName": "scenes"})
    started(installation, agent, "reader", owner="bo", scene=VOLUME)
    opened(installation, agent, session, "kitchen.blend")
    # Its agent saves, which ends with this test.
    installation.delete("work")
    installation.until_gone("work")
    installation.delete_child("persistentvolumeclaims", "scenes")


def test_another_sessions_workspace_is_no_source_unless_it_says_so(
    installation: Installation, agent: FakeAgent
) -> None:
    owner = started(installation, agent, "owner", owner="ann", workspace=HOME)
    claim = desktop_name(owner)
    scene = {"volume": {"claimName": claim, "path": "cart.blend"}}
    reader = installation.create("reader", owner="bo", scene=scene)
    installation.until_reason("Stalled", "SceneNotAllowed", "reader")
    path = f"api/v1/namespaces/{installation.namespace}/persistentvolumeclaims/{claim}"
    allowed = {"metadata": {"annotations": {"blendersessions.io/scenes-for": "bo"}}}
    installation.api.request("PATCH", path, allowed, "application/merge-patch+json")
    installation.run_pod(reader, agent.address)
    installation.until_ready("reader")
    assert installation.condition("Ready", "owner")["status"] == "True"


def test_an_upload_is_waited_for_suspended_resumed_and_opened(installation: Installation, agent: FakeAgent) -> None:
    classes(installation, default={"startDeadline": "1s", "transfer": {"uploadDeadline": "8760h"}})
    agent.scene_reason = "AwaitingUpload"
    session = bringing(installation, agent, owner="ann", scene=UPLOAD, workspace=HOME)
    message = installation.until_reason("SceneReady", "AwaitingUpload")["message"]
    assert f"blendersessions upload cart FILE -n {installation.namespace}" in message
    until("an Event tells it", lambda: [each[0] for each in events_with(installation, "AwaitingUpload")] == ["Normal"])
    assert installation.condition("Stalled")["reason"] == "Progressing", "the start deadline is over, its own is not"
    installation.patch("cart", {"spec": {"replicas": 0}})
    installation.until_reason("Suspended", "Requested")
    assert "blender" not in installation.status()
    installation.patch("cart", {"spec": {"replicas": 1}})
    installation.run_pod(session, agent.address, ready=False)
    installation.until_reason("SceneReady", "AwaitingUpload")
    agent.scene_reason, agent.scene_message = "UploadTimedOut", "No file came within an hour. One is still taken."
    stalled = installation.until_reason("Stalled", "UploadTimedOut")["message"]
    assert stalled.startswith("No file came within an hour. One is still taken.")
    opened(installation, agent, session, "mine.blend")
    until("the name is known", lambda: installation.status().get("scene") == {"name": "mine.blend"})
    installation.patch_class("default", {"transfer": {"upload": False}})
    installation.create("late", scene=UPLOAD)
    refused = installation.until_reason("Stalled", "BeyondClass", "late")["message"]
    assert "the class default takes none (transfer.upload: false)" in refused
    assert installation.condition("Ready")["status"] == "True", "what runs is kept"
    delete_classes(installation, "default")
