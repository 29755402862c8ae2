"""A tenant's large objects do not fill the operator's memory, and lose nothing by what the operator writes."""

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from apiserver.api import SESSIONS
from blendersessions.clients.kubernetes.client import PAGE_BYTES, connect
from blendersessions.model.errors import Conflict
from blendersessions.model.labels import FINALIZER, MANAGED_BY, MANAGED_BY_VALUE, SELECTOR
from blendersessions.model.manifest import SESSION_KIND, Ref
from blendersessions.model.names import name_for
from blendersessions_operator.controller.informer import sync_caches
from unit.operator.contexts import context_of

if TYPE_CHECKING:
    from apiserver.installation import Installation

SECRETS, SESSION_COUNT = 40, 40
SECRET_BYTES, ANNOTATION_BYTES = 1_000_000, 250_000
LARGE = {"example.org/large": "x" * ANNOTATION_BYTES}
SECRET_DATA = base64.b64encode(b"x" * SECRET_BYTES).decode()


def fill(installation: Installation) -> list[str]:
    """Make large Secrets with our label and names of our form, and sessions with annotations; return the Secrets."""
    api, namespace = installation.api, installation.namespace
    data = {"large": SECRET_DATA}
    names = [name_for(str(uuid.UUID(int=number))) for number in range(SECRETS)]

    def add_secret(name: str) -> None:
        meta = {"name": name, "labels": {MANAGED_BY: MANAGED_BY_VALUE}}
        api.request("POST", f"api/v1/namespaces/{namespace}/secrets", {"metadata": meta, "data": data})

    def add_session(number: int) -> None:
        meta = {"name": f"large-{number}", "annotations": LARGE}
        api.create_session(namespace, {"metadata": meta, "spec": {"suspend": True}})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_secret, names))
        list(pool.map(add_session, range(SESSION_COUNT)))
    return names


async def test_large_objects_of_a_tenant_are_not_kept_and_not_changed(installation: Installation) -> None:
    strangers = fill(installation)
    kubernetes = await connect()
    try:
        context, _ = context_of(kubernetes)
        context.namespaces = [installation.namespace]
        await sync_caches(context)
        cache = context.cache
        known = {kind: cache.uids(kind) for kind in ("Secret", SESSION_KIND)}
        assert {kind: len(refs) for kind, refs in known.items()} == {"Secret": SECRETS, SESSION_KIND: SESSION_COUNT}
        assert all(cache.get(ref) is None for ref in known["Secret"]), "they belong to no session"
        in_memory = repr(vars(cache))
        assert "x" * 100 not in in_memory
        assert SECRET_DATA[:100] not in in_memory
        assert len(in_memory) < (SECRETS * SECRET_BYTES + SESSION_COUNT * ANNOTATION_BYTES) / 100
        async for page in kubernetes.pages("Secret", installation.namespace, SELECTOR):
            assert sum(len(repr(item)) for item in page.items) < PAGE_BYTES + 100_000

        ref = Ref(SESSION_KIND, installation.namespace, "large-1")
        installation.until_reason("Suspended", "Requested", ref.name)
        await context.reread(ref)
        session = cache.session(ref)
        assert session is not None
        with pytest.raises(Conflict):
            await context.write_finalizers(replace(session, resource_version="1"), [])
        written = await context.write_finalizers(session, [*session.finalizers, "example.org/theirs"])
        assert written["metadata"]["annotations"] == LARGE, "what the cache does not hold is not lost"
        assert written["metadata"]["finalizers"] == [FINALIZER, "example.org/theirs"]
        path = f"{SESSIONS}/namespaces/{installation.namespace}/blendersessions/{ref.name}"
        merge = "application/merge-patch+json"
        installation.api.request("PATCH", path, {"metadata": {"finalizers": [FINALIZER]}}, merge)
        installation.run_pod(installation.create())
        installation.until_ready()
    finally:
        await kubernetes.close()
        for name in strangers:
            installation.delete_child("secrets", name)
