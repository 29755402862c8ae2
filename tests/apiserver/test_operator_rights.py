"""The real operator works with the rights that the chart gives it, and never asks for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.installation import installed
from apiserver.rights import create_restricted_namespace, grant, kubeconfig_of, withdraw
from blendersessions.model.names import name_for
from chart.rendering import Rendered, render
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from apiserver.api import Api
    from apiserver.installation import Installation


def one_namespace(namespace: str) -> Rendered:
    return render(f"operator.namespaces={{{namespace}}}", "portal.enabled=false")


def all_namespaces(namespace: str) -> Rendered:  # noqa: ARG001 - the same for every namespace
    return render("portal.enabled=false")


@pytest.fixture(params=[one_namespace, all_namespaces])
def restricted(request: pytest.FixtureRequest, api: Api, tmp_path: Path) -> Iterator[Installation]:
    """An installation whose operator has the rights of the chart's service account, in a restricted namespace."""
    with installed(api, tmp_path) as installation:
        create_restricted_namespace(api, installation.namespace)
        chart = request.param(installation.namespace)
        grant(api, chart)
        served = chart.environment("studio-operator")["BLENDERSESSIONS_NAMESPACES"]
        installation.settings["KUBECONFIG"] = str(kubeconfig_of(api, "studio-operator", tmp_path))
        installation.settings["BLENDERSESSIONS_NAMESPACES"] = str(served)
        lease = chart.environment("studio-operator")["BLENDERSESSIONS_LEASE"]
        installation.settings["BLENDERSESSIONS_LEASE"] = str(lease)
        installation.start()
        yield installation
    withdraw(api, chart)


def uid_of(installation: Installation, plural: str, name: str) -> str:
    return str((installation.child(plural, name) or {"metadata": {"uid": ""}})["metadata"]["uid"])


def test_a_session_lives_and_dies_by_the_rights_of_the_chart(restricted: Installation) -> None:
    # An operator of all namespaces also serves what other tests left. An owner belongs to the first namespace.
    restricted.create_class("small", lifetime={"maxAge": "8h"}, limits={"sessions": 1})
    owner = f"artist-of-{restricted.namespace}"
    session = restricted.ready(owner=owner, viewers=[f"{owner}-looks"], className="small", workspace={"size": "1Gi"})
    name = name_for(session["metadata"]["uid"])
    for plural in ("pods", "services", "secrets", "persistentvolumeclaims"):
        former = uid_of(restricted, plural, name)
        restricted.delete_child(plural, name)
        until(
            f"the {plural} are made again",
            lambda plural=plural, former=former: uid_of(restricted, plural, name) not in ("", former),
        )
    restricted.delete()
    restricted.until_gone()
    assert restricted.guacamole.named(name) == []
    assert "forbidden" not in restricted.log.lower()


def test_a_session_may_be_deleted_by_its_lifetime(restricted: Installation) -> None:
    # It expires while it starts, and may be gone before it was ready.
    restricted.run_pod(
        restricted.create(owner=f"guest-of-{restricted.namespace}", lifetime={"maxAge": "1s", "onExpiry": "Delete"})
    )
    restricted.until_gone()
    assert "forbidden" not in restricted.log.lower()
