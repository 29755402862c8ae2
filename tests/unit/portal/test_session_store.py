"""Sessions in the cluster, by the requests that the portal's role allows."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from blendersessions.model.errors import Invalid, NotFound, Unauthorised, Unavailable
from blendersessions_portal.scene_choice import SceneChoice
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.session_store import KubernetesSessionStore
from blendersessions_portal.session_view import owner_hash, read_session
from blendersessions_portal.transfer_rules import TransferRules
from unit.api_server import answering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blendersessions.clients.agent import AgentEndpoint
    from blendersessions.model.manifest import Manifest
    from blendersessions_portal.session_view import SessionView

pytestmark = pytest.mark.asyncio(loop_scope="module")

SESSIONS = "/apis/blendersessions.io/v1alpha1/namespaces/blender/blendersessions"
CLASSES = "/apis/blendersessions.io/v1alpha1/namespaces/blender/blendersessionclasses"
SUCCESS = {"kind": "Status", "apiVersion": "v1", "status": "Success"}
SECRETS = "/api/v1/namespaces/blender/secrets"


class ApiServer:
    """Sends the answers of a test, in order, and records the requests."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[Manifest] = []
        self.answers: list[tuple[int, Manifest]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path))
        self.bodies.append(json.loads(await request.text() or "{}") | {"?": dict(request.query)})
        status, body = self.answers.pop(0)
        if status == 201:
            body = self.bodies[-1]
            body["metadata"] |= {"uid": "u-1", "creationTimestamp": "2026-11-24T12:00:00Z"}
        return web.json_response(body, status=status)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[tuple[ApiServer, KubernetesSessionStore]]:
    """One server for all tests of this file, since making a client takes longer than the tests."""
    api = ApiServer()
    async with answering(api.answer) as gateway:
        yield api, KubernetesSessionStore(gateway, "blender")


@pytest.fixture
def api(served: tuple[ApiServer, KubernetesSessionStore]) -> ApiServer:
    served[0].forget()
    return served[0]


@pytest.fixture
def store(served: tuple[ApiServer, KubernetesSessionStore]) -> KubernetesSessionStore:
    return served[1]


def stored(name: str, owner: str, created: str = "2026-11-24T12:00:00Z") -> Manifest:
    metadata = {"name": name, "namespace": "blender", "uid": f"uid-of-{name}", "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"owner": owner, "scene": {"sample": "shopping_cart.blend"}}}


def failure(message: str) -> Manifest:
    return {"kind": "Status", "message": message}


async def test_list_asks_for_the_owners_and_trusts_the_spec(api: ApiServer, store: KubernetesSessionStore) -> None:
    items = [
        stored("older", "guest-a", "2026-11-24T11:00:00Z"),
        stored("newer", "guest-a"),
        stored("mislabelled", "guest-b"),
    ]
    api.answers = [(200, {"items": items})]
    assert [session.name for session in await store.list("guest-a")] == ["newer", "older"]
    assert api.asked == [("GET", SESSIONS)]
    selector = api.bodies[0]["?"]["labelSelector"]
    assert selector == f"blendersessions.io/owner-hash={owner_hash('guest-a')}"


async def test_the_sessions_of_all_visitors_are_counted(api: ApiServer, store: KubernetesSessionStore) -> None:
    ending = stored("c", "guest-b")
    ending["metadata"]["deletionTimestamp"] = "2026-11-24T12:00:00Z"
    api.answers = [(200, {"metadata": {}, "items": [stored("a", "guest-a"), stored("b", "guest-b"), ending]})]
    assert await store.count() == 2
    assert api.bodies[0]["?"]["labelSelector"] == "blendersessions.io/owner-hash"


async def test_administrators_get_the_sessions_of_all_by_one_list(
    api: ApiServer, store: KubernetesSessionStore
) -> None:
    items: list[Manifest] = [stored("older", "a", "2026-11-24T11:00:00Z"), stored("newer", "b"), {"metadata": {}}]
    api.answers = [(200, {"metadata": {}, "items": items})]
    assert [session.name for session in await store.every()] == ["newer", "older"]
    assert api.asked == [("GET", SESSIONS)]
    assert "labelSelector" not in api.bodies[0]["?"]


async def test_a_watch_saves_administrators_the_list(api: ApiServer) -> None:
    cache = SessionCache()
    cache.sessions.listed()
    cache.replace([stored("theirs", "b"), stored("mine", "a", "2026-11-24T11:00:00Z")], "", 0)
    async with answering(api.answer) as gateway:
        watching = KubernetesSessionStore(gateway, "blender", cache)
        assert [session.name for session in await watching.every()] == ["theirs", "mine"]
        assert (await watching.find("mine")).owner == "a"
    assert not api.asked


CLASS = {"metadata": {"name": "large", "namespace": "blender"}, "spec": {}, "status": {"warmPool": {"ready": 3}}}


async def test_the_classes_come_by_one_list(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, {"metadata": {}, "items": [CLASS]})]
    (large,) = await store.classes()
    assert large.pool_status is not None
    assert (large.name, large.pool_status.ready) == ("large", 3)
    assert api.asked == [("GET", CLASSES)]


async def test_a_watch_shows_the_classes_as_they_are(api: ApiServer) -> None:
    cache = SessionCache()
    cache.classes.listed()
    cache.replace_classes([CLASS])
    async with answering(api.answer) as gateway:
        watching = KubernetesSessionStore(gateway, "blender", cache)
        cache.put_class(CLASS | {"status": {"warmPool": {"ready": 4}}}, gone=False)
        assert [each.pool_status and each.pool_status.ready for each in await watching.classes()] == [4]
        cache.put_class(CLASS, gone=True)
        assert not await watching.classes()
    assert not api.asked


async def test_get_reads_what_the_operator_reported(api: ApiServer, store: KubernetesSessionStore) -> None:
    body = stored("mine", "guest-a")
    body["status"] = {
        "phase": "Ready",
        "clientURL": "https://x/guacamole/#/client/a",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "SessionReady",
                "message": "It runs.",
                "lastTransitionTime": "2026-11-24T12:00:05Z",
            }
        ],
    }
    api.answers = [(200, body)]
    session = await store.get("guest-a", "mine")
    assert (session.ready, session.scene.sample, session.uid) == (True, "shopping_cart.blend", "uid-of-mine")
    assert session.created.utcoffset() is not None
    assert session.changed == session.created + timedelta(seconds=5)


async def test_a_session_of_somebody_else_does_not_exist(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, stored("theirs", "guest-b"))] * 2
    with pytest.raises(NotFound):
        await store.get("guest-a", "theirs")
    with pytest.raises(NotFound):
        await store.delete("guest-a", "theirs")
    assert [method for method, _ in api.asked] == ["GET", "GET"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "A", "a" * 254, "x?y", "-a"])
async def test_an_invalid_name_is_never_requested(api: ApiServer, store: KubernetesSessionStore, name: str) -> None:
    with pytest.raises(NotFound):
        await store.get("guest-a", name)
    with pytest.raises(NotFound):
        await store.find(name)
    assert not api.asked


async def test_create_names_the_session_after_its_scene(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(201, {})]
    session = await store.create("guest-a", SceneChoice(sample="fire_extinguisher.blend"), no_middle_button=False)
    assert api.asked == [("POST", SESSIONS)]
    assert "input" not in api.bodies[0]["spec"], "the class decides"
    assert session.name.startswith("fire-extinguisher-")
    assert session.owner == "guest-a"


async def test_create_takes_another_name_when_one_is_taken(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(409, failure("already exists")), (201, {})]
    await store.create("guest-a", SceneChoice(sample=""), no_middle_button=True)
    first, second = (body["metadata"]["name"] for body in api.bodies)
    assert first != second
    assert first.startswith("empty-scene-")
    assert api.bodies[1]["spec"]["input"] == {"emulateMiddleButton": True, "emulateNumpad": True}


async def test_duplicate_makes_another_session_like_the_one_that_was_seen(
    api: ApiServer, store: KubernetesSessionStore
) -> None:
    api.answers = [(200, stored("mine", "guest-a")), (409, failure("already exists")), (201, {})]
    session = await store.duplicate("guest-a", "mine")
    assert api.asked == [("GET", f"{SESSIONS}/mine"), ("POST", SESSIONS), ("POST", SESSIONS)]
    assert api.bodies[2]["spec"] == {"owner": "guest-a", "scene": {"sample": "shopping_cart.blend"}}
    assert (session.name, session.owner) == (api.bodies[2]["metadata"]["name"], "guest-a")


async def test_a_session_of_somebody_else_is_not_duplicated(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, stored("theirs", "guest-b"))]
    with pytest.raises(NotFound):
        await store.duplicate("guest-a", "theirs")
    assert [method for method, _ in api.asked] == ["GET"]


async def test_delete_removes_exactly_the_session_that_was_seen(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, stored("mine", "guest-a")), (200, SUCCESS)]
    await store.delete("guest-a", "mine")
    assert api.asked == [("GET", f"{SESSIONS}/mine"), ("DELETE", f"{SESSIONS}/mine")]
    assert api.bodies[1]["preconditions"] == {"uid": "uid-of-mine"}


@pytest.mark.parametrize(("verb", "replicas"), [("suspend", 0), ("resume", 1)])
async def test_suspend_and_resume_scale_exactly_the_session_that_was_seen(
    api: ApiServer, store: KubernetesSessionStore, verb: str, replicas: int
) -> None:
    api.answers = [(200, stored("mine", "guest-a")), (200, {"kind": "Scale"})]
    await getattr(store, verb)("guest-a", "mine")
    assert api.asked == [("GET", f"{SESSIONS}/mine"), ("PUT", f"{SESSIONS}/mine/scale")]
    assert api.bodies[1]["kind"] == "Scale"
    assert api.bodies[1]["spec"] == {"replicas": replicas}
    assert api.bodies[1]["metadata"] == {"namespace": "blender", "name": "mine", "uid": "uid-of-mine"}


async def test_sessions_that_have_no_scale_yet_are_explained(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, stored("mine", "guest-a")), (404, {})]
    with pytest.raises(Unavailable, match="install the CRDs"):
        await store.resume("guest-a", "mine")


async def test_a_session_of_somebody_else_is_not_suspended(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, stored("theirs", "guest-b"))]
    with pytest.raises(NotFound):
        await store.suspend("guest-a", "theirs")
    assert [method for method, _ in api.asked] == ["GET"]


async def test_credentials_are_in_the_owners_secret(api: ApiServer, store: KubernetesSessionStore) -> None:
    data = {key: base64.b64encode(value).decode() for key, value in (("username", b"guest-a"), ("password", b"p w"))}
    api.answers = [(200, {"data": data})]
    found = await store.credentials("guest-a")
    assert (found.username, found.password) == ("guest-a", "p w")
    assert api.asked == [("GET", f"{SECRETS}/blender-user-{owner_hash('guest-a')}")]
    assert "p w" not in repr(found)


@pytest.mark.parametrize(
    "data",
    [{}, None, {"username": "Z3Vlc3QtYg==", "password": "cA=="}, {"username": "Z3Vlc3QtYQ=="}, {"username": "!"}],
)
async def test_a_secret_without_this_owners_credentials_is_ignored(
    api: ApiServer, store: KubernetesSessionStore, data: Manifest | None
) -> None:
    api.answers = [(200, {"data": data})]
    with pytest.raises(NotFound):
        await store.credentials("guest-a")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, Unauthorised, "exceeded quota"),
        (422, Invalid, "exceeded quota"),
        (404, Unavailable, "install the CRDs"),
        (503, Unavailable, "exceeded quota"),
    ],
)
async def test_refusals_keep_the_clusters_words(
    api: ApiServer, store: KubernetesSessionStore, status: int, kind: type[Exception], words: str
) -> None:
    api.answers = [(status, failure("exceeded quota: sessions"))]
    with pytest.raises(kind, match=words):
        await store.create("guest-a", SceneChoice(sample=""), no_middle_button=True)


async def test_an_object_that_is_not_a_session_is_a_domain_error(api: ApiServer, store: KubernetesSessionStore) -> None:
    api.answers = [(200, {"metadata": {}})]
    with pytest.raises(Unavailable):
        await store.get("guest-a", "odd")


async def test_a_spec_that_the_operator_refuses_still_has_its_owner(
    api: ApiServer, store: KubernetesSessionStore
) -> None:
    body = stored("odd", "guest-a")
    body["spec"]["display"] = {"width": 1}
    api.answers = [(200, body)]
    assert (await store.get("guest-a", "odd")).owner == "guest-a"


def of_the_desktop(kind: str, uid: str, **more: object) -> tuple[int, Manifest]:
    owners = [{"kind": "BlenderSession", "name": "mine", "uid": uid}]
    return 200, {"kind": kind, "metadata": {"name": "blender-d", "uid": "u", "ownerReferences": owners}, **more}


def of_guest_a() -> SessionView:
    session = stored("mine", "guest-a")
    session["metadata"]["uid"] = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
    return read_session(session)


def pod_and_secret(uid: str, address: str) -> list[tuple[int, Manifest]]:
    secret = {"agent-token": base64.b64encode(b"the-token").decode()}
    return [of_the_desktop("Pod", uid, status={"podIP": address}), of_the_desktop("Secret", uid, data=secret)]


async def test_the_rules_come_from_the_class_by_its_name(api: ApiServer, store: KubernetesSessionStore) -> None:
    spec = {"transfer": {"upload": False}, "egress": "Public"}
    api.answers = [
        (200, {"kind": "BlenderSessionClass", "metadata": {"namespace": "blender", "name": "c"}, "spec": spec})
    ]
    assert await store.rules("c") == TransferRules(upload=False, addresses=True)
    assert api.asked == [("GET", "/apis/blendersessions.io/v1alpha1/namespaces/blender/blendersessionclasses/c")]
    api.answers = [(404, {"kind": "Status", "reason": "NotFound", "message": "no such class"})]
    assert await store.rules("c") == TransferRules(), "the built-in class"


@pytest.mark.parametrize(("address", "host"), [("10.1.2.3", "10.1.2.3"), ("fd00::7", "[fd00::7]")])
async def test_the_agent_is_reached_at_the_pods_address(
    api: ApiServer, store: KubernetesSessionStore, monkeypatch: pytest.MonkeyPatch, address: str, host: str
) -> None:
    made: list[tuple[str, str, str]] = []
    monkeypatch.setattr("blendersessions_portal.session_store.AgentFiles", lambda *parts: made.append(parts))
    session = of_guest_a()
    api.answers = pod_and_secret(session.uid, address)
    await store.desktop_files(session)
    assert made == [("blender-d", f"http://{host}:8788", "the-token")]
    name = session.session.desktop.name
    assert api.asked == [("GET", f"/api/v1/namespaces/blender/pods/{name}"), ("GET", f"{SECRETS}/{name}")], (
        "by name, and no list"
    )


async def test_the_pictures_of_a_page_read_the_pod_and_its_secret_once(
    api: ApiServer, store: KubernetesSessionStore
) -> None:
    body = stored("gallery", "guest-a")
    body["metadata"]["uid"] = "8f9619ff-8b86-4011-b42d-00c04fc964ff"
    session = read_session(body)
    api.answers = pod_and_secret(session.uid, "10.1.2.3") + pod_and_secret(session.uid, "10.1.2.4")
    async with await store.desktop_files(session, may_be_known=True) as first:
        async with await store.desktop_files(session, may_be_known=True) as second:
            assert second.is_like(first)
        assert len(api.asked) == 2
        async with await store.desktop_files(session) as now:
            assert not now.is_like(first)
    assert len(api.asked) == 4


@pytest.mark.parametrize("uid", ["another", ""])
async def test_a_pod_of_another_session_is_none(api: ApiServer, store: KubernetesSessionStore, uid: str) -> None:
    api.answers = pod_and_secret(uid, "10.1.2.3")
    with pytest.raises(Unavailable, match="no desktop"):
        await store.desktop_files(of_guest_a())


async def test_a_message_is_a_notice_on_the_desktop_of_the_session(
    api: ApiServer, store: KubernetesSessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, str, float]] = []

    async def notify(_client: object, desktop: AgentEndpoint, message: str, seconds: float) -> None:
        shown.append((desktop.address, message, seconds))

    monkeypatch.setattr("blendersessions_portal.session_store.AgentClient.notify", notify)
    session = of_guest_a()
    api.answers = pod_and_secret(session.uid, "10.1.2.3")
    await store.tell(session, "Save now")
    assert shown == [("10.1.2.3", "Save now", 600.0)]
    api.answers = pod_and_secret("another", "10.1.2.3")
    with pytest.raises(Unavailable):
        await store.tell(session, "Save now")
    assert len(shown) == 1
