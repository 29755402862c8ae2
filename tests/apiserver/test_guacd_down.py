"""Without guacd no desktop can be opened: every session says so, old and new, and all are Ready when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from apiserver.tcp_proxy import TcpProxy
from contract.fake_guacd import fake_guacd
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation, Object

POD = "operator-0"


@pytest.fixture
def guacd(own_installation: Installation) -> Iterator[TcpProxy]:
    """A guacd that can be cut off, which the installation checks all the time."""
    with fake_guacd() as fake:
        proxy = TcpProxy(f"tcp://127.0.0.1:{fake.port}")
        own_installation.settings |= {
            "BLENDERSESSIONS_GUACD_ADDRESS": proxy.url.removeprefix("http://"),
            "BLENDERSESSIONS_GUACD_SECONDS": "0.1",
            "BLENDERSESSIONS_POD_NAME": POD,
            "BLENDERSESSIONS_POD_NAMESPACE": own_installation.namespace,
        }
        yield proxy
        own_installation.stop()
        proxy.close()


def versions(installation: Installation) -> dict[str, str]:
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in installation.sessions()}


def operator_events(installation: Installation) -> list[Object]:
    return installation.listed("events", fieldSelector=f"involvedObject.name={POD}")


def test_every_session_says_so_and_recovers(own_installation: Installation, guacd: TcpProxy) -> None:
    own_installation.start()
    own_installation.ready("old-a")
    own_installation.ready("old-b")
    guacd.cut()
    condition = own_installation.until_reason("ConnectionReady", "GuacdUnavailable", "old-a")
    assert guacd.url.removeprefix("http://") in condition["message"]
    for name in ("old-a", "old-b"):
        own_installation.until_reason("Ready", "GuacdUnavailable", name)
        assert "clientURL" not in own_installation.status(name)
    new = own_installation.create("new")
    own_installation.run_pod(new)
    own_installation.until_reason("Ready", "GuacdUnavailable", "new")

    until("it is reported", lambda: len(operator_events(own_installation)) == 1)
    before = versions(own_installation)
    checks = own_installation.log.count("A check of guacd failed")
    until("it was checked again", lambda: own_installation.log.count("A check of guacd failed") > checks + 1)
    assert versions(own_installation) == before, "no status is written while it stays so"

    guacd.restore()
    for name in ("old-a", "old-b", "new"):
        assert own_installation.until_ready(name)["status"]["clientURL"]
    until("both changes are reported, once", lambda: len(operator_events(own_installation)) == 2)
    assert [event["reason"] for event in operator_events(own_installation)] == ["GuacdUnavailable", "GuacdAvailable"]
    assert "GuacdUnavailable" not in [reason for _, reason, _ in own_installation.events("old-a")]


def test_a_restart_of_the_operator_meanwhile_claims_nothing_else(
    own_installation: Installation, guacd: TcpProxy
) -> None:
    own_installation.start()
    own_installation.ready()
    guacd.cut()
    own_installation.until_reason("Ready", "GuacdUnavailable")
    before = versions(own_installation)
    own_installation.stop()
    own_installation.start()
    own_installation.create("new")
    own_installation.until_reason("ConnectionReady", "GuacdUnavailable", "new")
    assert versions(own_installation)["cart"] == before["cart"], "the old session was never called Ready"
