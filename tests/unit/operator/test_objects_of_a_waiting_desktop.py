"""The objects of a desktop that waits in a pool, compared whole with tests/data/: nothing of a person is in them."""

from __future__ import annotations

from blendersessions.model.desktop import Desktop
from blendersessions_operator.resources.pod import pod
from blendersessions_operator.resources.pool_desktop import (
    pool_connection,
    pool_pod,
    pool_secret,
    pool_service,
    typical_session,
)
from unit.operator.factories import CREDENTIALS
from unit.operator.manifests import manifest
from unit.operator.pools import class_of, settings_of

NAME = "blender-" + "2" * 26
CLASS = class_of({"size": 3, "scene": "shopping_cart.blend"})
MADE = pool_pod(Desktop("art", NAME), CLASS, settings_of(CLASS))
WAITING = MADE | {"metadata": MADE["metadata"] | {"uid": "uid-of-pod", "resourceVersion": "1"}}


def test_a_pod_that_waits_is_made_as_written() -> None:
    metadata = dict(MADE["metadata"])
    digest = metadata["annotations"]["blendersessions.io/desktop"]
    assert len(digest) == 16
    expected = manifest("pool-pod")
    expected["metadata"]["annotations"]["blendersessions.io/desktop"] = digest
    assert expected == MADE | {"spec": {}}


def test_a_pod_that_waits_runs_what_a_session_would_have() -> None:
    of = typical_session(CLASS)
    assert MADE["spec"] == pod(Desktop("art", NAME), of, settings_of(CLASS))["spec"]
    [blender] = MADE["spec"]["containers"]
    assert blender["env"][0] == {"name": "BLENDER_SCENE", "value": "shopping_cart.blend"}


def test_the_secret_of_a_pod_that_waits_is_made_as_written() -> None:
    made = pool_secret(WAITING, CREDENTIALS)
    assert made == manifest("pool-secret")
    assert pool_connection(WAITING, CLASS, made).parameters["password"] == CREDENTIALS.vnc_password


def test_the_service_of_a_pod_that_waits_is_made_as_written() -> None:
    assert pool_service(WAITING, typical_session(CLASS)) == manifest("pool-service")
