"""The portal watches a real API server with the rights that the chart gives it, and does without them too."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from apiserver.api import SESSIONS
from apiserver.rights import create_restricted_namespace, grant, kubeconfig_of, withdraw
from apiserver.tcp_proxy import TcpProxy
from blendersessions.clients.kubernetes.client import connect
from blendersessions.model.errors import Unauthorised
from blendersessions_portal.scene_choice import SceneChoice
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.session_store import KubernetesSessionStore
from blendersessions_portal.session_view import OWNER_HASH_LABEL, owner_hash
from blendersessions_portal.session_watch import WATCHES, SessionWatch
from blendersessions_portal.transfer_rules import TransferRules
from chart.rendering import Rendered, render
from tls_server import abort_connections
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from apiserver.api import Api

NAMESPACE = "portal-watch"
MERGE = "application/merge-patch+json"


class Portal:
    """The part of a portal that knows sessions."""

    def __init__(self, api: Api, cache: SessionCache, store: KubernetesSessionStore) -> None:
        self.api = api
        self.cache = cache
        self.store = store
        self._told = asyncio.Event()
        cache.listen(lambda _owner: self._told.set())

    async def until(self, what: str, probe: Callable[[], bool]) -> None:
        """Wait for what a change in the cache makes true."""
        while not probe():
            self._told.clear()
            await until_set(what, self._told)

    def names(self, owner: str = "alice") -> list[str]:
        return [session.name for session in self.cache.of(owner)]

    async def as_admin(self, method: str, path: str, body: object = None, **more: str) -> None:
        """Do something as an administrator, beside the portal."""
        kind = f"{SESSIONS}/namespaces/{NAMESPACE}/"
        await asyncio.to_thread(self.api.request, method, kind + path, body, **more)

    async def create(self, name: str) -> None:
        metadata = {"name": name, "labels": {OWNER_HASH_LABEL: owner_hash("alice")}}
        made = {"apiVersion": SESSIONS.removeprefix("apis/"), "kind": "BlenderSession", "metadata": metadata}
        await self.as_admin("POST", "blendersessions", made | {"spec": {"owner": "alice"}})


@pytest.fixture
def chart(api: Api) -> Iterator[Rendered]:
    """The chart, with its rights in force."""
    chart = render(f"sessionNamespace={NAMESPACE}")
    create_restricted_namespace(api, NAMESPACE)
    grant(api, chart)
    yield chart
    withdraw(api, chart)
    sessions: Any = api.request("GET", f"{SESSIONS}/namespaces/{NAMESPACE}/blendersessions")["items"]
    for each in sessions:
        api.request("DELETE", f"{SESSIONS}/namespaces/{NAMESPACE}/blendersessions/{each['metadata']['name']}")


@pytest.fixture
def way(api: Api) -> Iterator[TcpProxy]:
    """The way from the portal to the API server, which a test can cut."""
    proxy = TcpProxy(api.server)
    yield proxy
    proxy.close()


@pytest.fixture
async def portal(
    api: Api, chart: Rendered, way: TcpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Portal]:
    """A portal with the rights of the chart's service account."""
    assert chart
    written = kubeconfig_of(api, "studio-portal", tmp_path)
    config = yaml.safe_load(written.read_text())
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = way.url.replace("http://", "https://")
    written.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(written))
    kubernetes = await connect(watches=WATCHES)
    cache = SessionCache()
    watch = SessionWatch(kubernetes, NAMESPACE, cache)
    portal = Portal(api, cache, KubernetesSessionStore(kubernetes, NAMESPACE, cache))
    watch.start()
    try:
        yield portal
    finally:
        await watch.stop()
        await kubernetes.close()
        await abort_connections()


async def watched(portal: Portal) -> None:
    """Wait until the watch works."""
    with contextlib.suppress(Exception):
        await portal.as_admin("DELETE", "blendersessions/first")
    await portal.create("first")
    await portal.until("the first session is seen", lambda: "first" in portal.names())


def without(chart: Rendered, verb: str) -> Rendered:
    """Return the chart with a role of the portal that lacks a verb on sessions and classes."""
    changed = copy.deepcopy(chart)
    rules: Any = changed.get("Role", f"studio-portal@{NAMESPACE}", "rules")
    for rule in rules:
        if rule["resources"][0] in ("blendersessions", "blendersessionclasses"):
            rule["verbs"].remove(verb)
    return changed


async def test_the_rights_of_the_chart_are_enough(portal: Portal) -> None:
    await watched(portal)
    patch = {"metadata": {"labels": {"seen": "yes"}}, "spec": {"scene": {"sample": "shopping_cart.blend"}}}
    await portal.as_admin("PATCH", "blendersessions/first", patch, content_type=MERGE)
    await portal.until("the change is seen", lambda: portal.cache.of("alice")[0].scene.sample != "")
    made = await portal.store.create("alice", SceneChoice(), no_middle_button=False)
    assert made.name in portal.names(), "before the watch shows it"
    await portal.store.suspend("alice", made.name)
    assert (await portal.store.get("alice", made.name)).suspend_requested
    await portal.store.delete("alice", made.name)
    await portal.until("it is gone", lambda: portal.names() == ["first"])
    await portal.as_admin("DELETE", "blendersessions/first")
    await portal.until("both are gone", lambda: portal.names() == [])


async def test_a_class_is_seen_and_its_status_is_no_news(portal: Portal) -> None:
    await watched(portal)
    spec = {"transfer": {"upload": False}}
    body = {"apiVersion": SESSIONS.removeprefix("apis/"), "kind": "BlenderSessionClass", "metadata": {"name": "quiet"}}
    await portal.as_admin("POST", "blendersessionclasses", body | {"spec": spec})
    try:
        rules = TransferRules(upload=False)
        await portal.until("the class is seen", lambda: portal.cache.rules("quiet") == rules)
        assert await portal.store.rules("quiet") == rules, "read, as for what is let through"
    finally:
        await portal.as_admin("DELETE", "blendersessionclasses/quiet")
    await portal.until("the class is gone", lambda: portal.cache.rules("quiet") is None)


async def test_an_api_server_that_is_away_makes_pages_old_and_they_recover(portal: Portal, way: TcpProxy) -> None:
    await watched(portal)
    state = portal.cache.sessions
    way.cut()
    await portal.until("the sessions are old", lambda: state.old_since is not None)
    assert [session.name for session in await portal.store.list("alice")] == ["first"]
    await portal.as_admin("DELETE", "blendersessions/first")
    await portal.create("second")
    way.restore()
    await portal.until("what happened meanwhile is seen", lambda: portal.names() == ["second"])
    await portal.until("the sessions are current", lambda: state.old_since is None)


async def test_without_the_right_to_watch_the_portal_reads(
    api: Api, chart: Rendered, portal: Portal, way: TcpProxy, caplog: pytest.LogCaptureFixture
) -> None:
    await watched(portal)
    state = portal.cache.sessions
    grant(api, without(chart, "watch"))
    # A watch that runs is not ended by a right that goes. The next one is refused.
    way.cut()
    way.restore()
    await portal.until("the watch is refused", lambda: state.refused)
    await portal.create("second")
    assert {session.name for session in await portal.store.list("alice")} == {"first", "second"}
    lines = [line for line in caplog.messages if 'cannot watch resource "blendersessions"' in line]
    assert len(lines) == 1
    assert "without the right to watch it reads them for each page" in lines[0]
    grant(api, chart)
    await portal.until("the watch works again", lambda: state.is_filled)
    assert len([line for line in caplog.messages if 'cannot watch resource "blendersessions"' in line]) == 1


async def test_the_portal_has_no_more_rights_than_it_uses(portal: Portal) -> None:
    await watched(portal)
    with pytest.raises(Unauthorised):
        await anext(portal.store._kubernetes.pages("Pod", NAMESPACE))
