"""The real operator works with the rights that the chart gives it, and never asks for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.rights import create_restricted_namespace, grant, kubeconfig_of, withdraw
from apiserver.stage import world
from blendersessions.model.names import name_for
from chart.rendering import Rendered, render
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api
    from apiserver.lifecycle import Stage


def one_namespace(namespace: str) -> Rendered:
    return render(f"operator.namespaces={{{namespace}}}", "portal.enabled=false")


def all_namespaces(namespace: str) -> Rendered:  # noqa: ARG001 - the same for every namespace
    return render("portal.enabled=false")


@pytest.fixture(params=[one_namespace, all_namespaces])
def limited(request: pytest.FixtureRequest, api: Api, tmp_path: Path) -> Iterator[Stage]:
    """A world whose operator runs as the chart's service account, in a namespace as the chart makes for sessions."""
    with world(api, tmp_path) as stage:
        create_restricted_namespace(api, stage.namespace)
        chart = request.param(stage.namespace)
        grant(api, chart)
        served = chart.environment("studio-operator")["BLENDERSESSIONS_NAMESPACES"]
        stage.settings["KUBECONFIG"] = str(kubeconfig_of(api, "studio-operator", tmp_path))
        stage.settings["BLENDERSESSIONS_NAMESPACES"] = str(served)
        stage.start()
        yield stage
    withdraw(api, chart)


def uid_of(stage: Stage, plural: str, name: str) -> str:
    return str((stage.child(plural, name) or {"metadata": {"uid": ""}})["metadata"]["uid"])


def test_a_session_lives_and_dies_by_the_rights_of_the_chart(limited: Stage) -> None:
    # An operator of all namespaces also serves what other tests left, and an owner belongs to the first namespace.
    limited.create_class("small", lifetime={"maxAge": "8h"}, limits={"sessions": 1})
    owner = f"artist-of-{limited.namespace}"
    session = limited.ready(owner=owner, viewers=[f"{owner}-looks"], className="small", workspace={"size": "1Gi"})
    name = name_for(session["metadata"]["uid"])
    for plural in ("pods", "services", "secrets", "persistentvolumeclaims"):
        former = uid_of(limited, plural, name)
        limited.delete_child(plural, name)
        until(
            f"the {plural} are made again",
            lambda plural=plural, former=former: uid_of(limited, plural, name) not in ("", former),
        )
    limited.delete()
    limited.until_gone()
    assert limited.guacamole.named(name) == []
    assert "forbidden" not in limited.log.lower()


def test_a_session_may_be_deleted_by_its_lifetime(limited: Stage) -> None:
    # It lives as long as it starts, and may be gone before anybody has seen it ready.
    limited.run_pod(
        limited.create(owner=f"guest-of-{limited.namespace}", lifetime={"maxAge": "1s", "onExpiry": "Delete"})
    )
    limited.until_gone()
    assert "forbidden" not in limited.log.lower()
