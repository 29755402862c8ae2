"""The chart has the API server give new sessions the operator's finalizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.api import Api
from apiserver.crds import serve_all
from apiserver.rights import ADMISSION
from chart.rendering import render
from localcluster import controlplane
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FINALIZER = "blendersessions.io/finalizer"


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Api]:
    """An API server of the test's own with the chart's policy, which holds for the whole of it."""
    plane = controlplane.start(tmp_path, 0)
    try:
        api = Api(plane.kubeconfig, tmp_path)
        serve_all(api)
        for document in render().documents:
            if document["kind"] in ADMISSION:
                api.apply(document)
        yield api
    finally:
        plane.stop()


def test_a_new_session_has_the_finalizer_beside_those_of_others(governed: Api) -> None:
    namespace = governed.create_namespace()

    def finalizers(*others: str) -> list[str]:
        session = {"metadata": {"generateName": "cart-", "finalizers": list(others)}, "spec": {}}
        made = governed.create_session(namespace, session)["metadata"]
        assert isinstance(made, dict)
        return sorted(made.get("finalizers", []))

    until("the policy is in force", lambda: FINALIZER in finalizers())
    assert finalizers() == [FINALIZER]
    assert finalizers(FINALIZER) == [FINALIZER]
    assert finalizers("example.org/theirs") == [FINALIZER, "example.org/theirs"]
