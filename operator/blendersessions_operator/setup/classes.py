"""Applies the release's classes of sessions. Helm cannot: it does not know the kind in the run that brings the CRD."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import KindUnknown, NotFound
from blendersessions.model.manifest import API_VERSION, CLASS_KIND, Ref, ref_of
from blendersessions_operator.setup.labels import labels_of, selector_of

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.setup.wanted import Wanted

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS: Final = 1.0
LOOKS: Final = 120
"""How often the API server is asked for the kind. It is served some seconds after the CRD is applied."""


async def apply_classes(kubernetes: Kubernetes, wanted: Wanted) -> None:
    """Apply the wanted classes, and delete the release's other ones. A class that somebody else made stays as it is.

    Raises:
        KindUnknown: the API server does not get to know the kind.
    """
    if not wanted.class_namespaces:
        return
    await _await_kind(kubernetes)
    for each in wanted.classes:
        await _apply(kubernetes, wanted, _manifest(wanted, each.namespace, each.name) | {"spec": each.spec})
    kept = {(each.namespace, each.name) for each in wanted.classes}
    for namespace in wanted.class_namespaces:
        async for found in kubernetes.list(CLASS_KIND, namespace, selector_of(wanted)):
            if (namespace, found["metadata"]["name"]) not in kept:
                await kubernetes.delete(ref_of(found), found["metadata"]["uid"])
                logger.info("The class %s is not wanted any more, and was deleted.", ref_of(found))


async def _await_kind(kubernetes: Kubernetes) -> None:
    for look in range(1, LOOKS + 1):
        try:
            await kubernetes.check_served(CLASS_KIND)
        except KindUnknown:
            if look == LOOKS:
                raise
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        else:
            return


async def _apply(kubernetes: Kubernetes, wanted: Wanted, manifest: Manifest) -> None:
    ref = ref_of(manifest)
    if not await _may_apply(kubernetes, wanted, ref):
        logger.warning("%s was made by somebody else, and stays as it is.", ref)
        return
    await kubernetes.apply(manifest)
    logger.info("%s is as the release wants it.", ref)


async def _may_apply(kubernetes: Kubernetes, wanted: Wanted, ref: Ref) -> bool:
    try:
        found = await kubernetes.get(ref)
    except NotFound:
        return True
    return labels_of(wanted).items() <= (found["metadata"].get("labels") or {}).items()


def _manifest(wanted: Wanted, namespace: str, name: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": labels_of(wanted)}
    return {"apiVersion": API_VERSION, "kind": CLASS_KIND, "metadata": metadata}
