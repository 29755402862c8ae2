"""Two processes of the operator on one API server: one works, and the other takes over however the first one fails."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from apiserver.installation import installed
from apiserver.replicas import replicated
from blendersessions_operator.handlers.kopf_handlers import LEASE_LOST
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.api import Api
    from apiserver.installation import Installation
    from apiserver.replicas import Replica, Replicas

LEASE_SECONDS = 6


@pytest.fixture(scope="module")
def shared_replicas(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Two members for all tests of the file."""
    with (
        installed(api, tmp_path_factory.mktemp("replicas")) as installation,
        replicated(installation, installation.tcp_proxy.url, LEASE_SECONDS) as replicas,
    ):
        # No list is due when a stopped process goes on.
        installation.settings["BLENDERSESSIONS_RESYNC_SECONDS"] = "3600"
        yield replicas


@pytest.fixture
def replicas(shared_replicas: Replicas) -> Iterator[Replicas]:
    """Both members run, and one of them leads. Nothing of the test is left afterwards."""
    shared_replicas.until_whole()
    yield shared_replicas
    shared_replicas.until_whole()
    shared_replicas.installation.delete_all_and_assert_nothing_left()


def works(installation: Installation, name: str) -> None:
    """Check that somebody works: a new session becomes Ready, and has one connection."""
    session = installation.create(name)
    installation.run_pod(session)
    installation.until_ready(name)
    assert len(installation.guacamole.connections()) == len(installation.sessions())


def leads(replica: Replica) -> None:
    until(f"{replica.name} leads", lambda: replica.metric("blendersessions_leader") == 1)


def test_the_standby_is_healthy_and_does_nothing(replicas: Replicas) -> None:
    leader, standby = replicas.until_whole()
    leads(leader)
    assert standby.metric("blendersessions_leader") == 0
    assert f"the operator {replicas.lease['holderIdentity']} leads" in standby.log
    before = standby.guacamole_proxy.bytes_sent
    works(replicas.installation, "cart")
    assert standby.guacamole_proxy.bytes_sent == before, "it asks Guacamole nothing"
    assert standby.is_healthy


def test_an_operator_that_ends_in_order_hands_over(replicas: Replicas) -> None:
    leader, standby = replicas.until_whole()
    leads(leader)
    held = replicas.lease["holderIdentity"]
    assert leader.end(signal.SIGTERM) == 0
    assert replicas.lease["holderIdentity"] != held, "it gave the Lease back"
    leads(standby)
    works(replicas.installation, "cart")


def test_a_killed_leader_is_followed(replicas: Replicas) -> None:
    leader, standby = replicas.until_whole()
    works(replicas.installation, "before")
    leader.end(signal.SIGKILL)
    works(replicas.installation, "after")
    leads(standby)


def test_a_stopped_leader_is_followed_and_writes_nothing_when_it_goes_on(replicas: Replicas) -> None:
    leader, standby = replicas.until_whole()
    works(replicas.installation, "before")
    leader.send(signal.SIGSTOP)
    works(replicas.installation, "after")
    leads(standby)
    held = replicas.lease["holderIdentity"]
    sent = leader.api_proxy.bytes_sent, leader.guacamole_proxy.bytes_sent
    # It has work when it goes on: two sessions changed meanwhile.
    replicas.installation.delete("before")
    replicas.installation.until_gone("before")
    leader.send(signal.SIGCONT)
    assert leader.until_ended() == LEASE_LOST
    assert (leader.api_proxy.bytes_sent, leader.guacamole_proxy.bytes_sent) == sent
    assert replicas.lease["holderIdentity"] == held


def test_a_leader_that_is_cut_off_from_the_api_server_ends_and_is_followed(replicas: Replicas) -> None:
    leader, standby = replicas.until_whole()
    works(replicas.installation, "before")
    leader.api_proxy.cut()
    assert leader.until_ended() == LEASE_LOST
    works(replicas.installation, "after")
    leads(standby)
    leader.api_proxy.restore()
