"""Pools of warm desktops, before a session takes one: they fill, roll, shrink, and leave nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.api import SESSIONS, ApiError
from apiserver.pool_kubelet import pool_kubelet, pool_of, until_full, waiting
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation
    from apiserver.pool_kubelet import PoolKubelet

pytestmark = pytest.mark.usefixtures("kubelet")


@pytest.fixture
def kubelet(installation: Installation) -> Iterator[PoolKubelet]:
    """A kubelet, and afterwards a namespace without classes and without their pools."""
    with pool_kubelet(installation) as kubelet:
        yield kubelet
        for each in installation.classes():
            installation.delete_class(each["metadata"]["name"])
        until(
            lambda: f"nothing is left of the pools; there is {installation.children()}, {connections(installation)}",
            lambda: not installation.children() and not connections(installation),
        )


def connections(installation: Installation) -> set[str]:
    return set(installation.guacamole.connection_keys())


def test_a_pool_fills_with_whole_desktops_that_nobody_may_open(installation: Installation) -> None:
    installation.create_class("warm", warmPool={"size": 3, "scene": "shopping_cart.blend"})
    names = until_full(installation, "warm", 3)
    for plural in ("pods", "services", "secrets"):
        assert {each.partition("/")[2] for each in installation.children() if each.startswith(plural)} == names
    assert connections(installation) == names
    assert installation.guacamole.users() == set()
    found = pool_of(installation, "warm")
    assert (found["reason"], found["wanted"], found["starting"]) == ("PoolFull", 3, 0)
    assert found["selector"] == "blendersessions.io/pool=warm,!blendersessions.io/session-uid"


def test_the_scale_changes_the_size_and_nothing_beyond_the_largest(installation: Installation) -> None:
    installation.create_class("warm", warmPool={"size": 1, "maxSize": 4})
    until_full(installation, "warm", 1)
    path = f"{SESSIONS}/namespaces/{installation.namespace}/blendersessionclasses/warm/scale"
    installation.api.request("PATCH", path, {"spec": {"replicas": 3}}, "application/merge-patch+json")
    until_full(installation, "warm", 3)
    for size in (5, 100_000, -1):
        with pytest.raises(ApiError):
            installation.api.request("PATCH", path, {"spec": {"replicas": size}}, "application/merge-patch+json")
    installation.api.request("PATCH", path, {"spec": {"replicas": 0}}, "application/merge-patch+json")
    until_full(installation, "warm", 0)
    until("Guacamole knows none of them", lambda: not connections(installation))


def test_the_scale_of_a_class_without_a_pool_gives_it_none(installation: Installation) -> None:
    installation.create_class("plain")
    path = f"{SESSIONS}/namespaces/{installation.namespace}/blendersessionclasses/plain/scale"
    for method, body in (("GET", None), ("PATCH", {"spec": {"replicas": 1}}), ("PATCH", {"spec": {"replicas": 0}})):
        with pytest.raises(ApiError):
            installation.api.request(method, path, body, "application/merge-patch+json")
    (found,) = installation.classes()
    assert "warmPool" not in found["spec"]


def test_another_image_replaces_all_of_them(installation: Installation) -> None:
    installation.create_class("warm", warmPool={"size": 2})
    former = until_full(installation, "warm", 2)
    installation.patch_class("warm", {"image": "blender-sessions/blender:next"})
    until("none of the former is left", lambda: not former & waiting(installation, "warm"))
    names = until_full(installation, "warm", 2)
    until("Guacamole knows the new ones alone", lambda: connections(installation) == names)


def test_a_guacamole_that_was_emptied_gets_its_connections_again(installation: Installation) -> None:
    installation.create_class("warm", warmPool={"size": 2})
    names = until_full(installation, "warm", 2)
    for identifier in installation.guacamole.connections():
        installation.guacamole.remove("connections", identifier)
    until("they are there again", lambda: connections(installation) == names)
    until_full(installation, "warm", 2)


def test_an_operator_that_was_killed_adopts_its_pool(installation: Installation) -> None:
    installation.create_class("warm", warmPool={"size": 2})
    names = until_full(installation, "warm", 2)
    installation.stop(kill=True)
    installation.start()
    installation.patch_class("warm", {"warmPool": {"size": 3, "maxSize": 3}})
    assert names < until_full(installation, "warm", 3)


def test_a_pool_beyond_the_quota_says_so_and_does_not_spin(installation: Installation) -> None:
    quotas = f"api/v1/namespaces/{installation.namespace}/resourcequotas"
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}}
    installation.api.request("POST", quotas, quota)
    # No controller counts here what there is, so the status says that nothing is left.
    status = {"status": {"hard": {"pods": "2"}, "used": {"pods": "0"}}}
    installation.api.request("PATCH", f"{quotas}/few/status", status, "application/merge-patch+json")
    installation.create_class("warm", warmPool={"size": 4})
    found = until(
        lambda: f"the pool is refused; it is {pool_of(installation, 'warm')}",
        lambda: (found := pool_of(installation, "warm")).get("reason") == "PoolRefused" and found,
    )
    assert "exceeded quota" in found["message"]
    assert "Make the pool smaller" in found["message"]
    tried = installation.log.count("No desktop is made")
    installation.patch_class("warm", {"limits": {"sessions": 9}})
    until("the change lets it try again", lambda: installation.log.count("No desktop is made") > tried)
    installation.api.request("DELETE", f"{quotas}/few")


def test_an_image_that_never_starts_keeps_a_few_pods_and_says_so(
    installation: Installation, kubelet: PoolKubelet
) -> None:
    kubelet.is_ready = False
    installation.create_class("warm", startDeadline="2s", warmPool={"size": 6})
    until(
        lambda: f"the pool fails; it is {pool_of(installation, 'warm')}",
        lambda: pool_of(installation, "warm").get("reason") == "PoolFailing",
    )
    assert len(waiting(installation, "warm")) <= 3
    kubelet.is_ready = True
    for name in waiting(installation, "warm"):
        kubelet.report(name)
    until_full(installation, "warm", 6)
