"""While guacd is away every session says so, and all are Ready when it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcluster import chart
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl


def ready(desktop: Desktop) -> dict[str, str]:
    """Read the condition Ready."""
    (found,) = [each for each in desktop.body["status"]["conditions"] if each["type"] == "Ready"]
    return dict(found)


def test_a_session_is_not_ready_while_guacd_is_away(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    desktop = started("cut")
    url = desktop.body["status"]["clientURL"]
    scale = ["scale", f"deployment/{chart.RELEASE}-guacd", f"--namespace={chart.NAMESPACE}"]
    kubectl.run(*scale, "--replicas=0")
    try:
        until("Ready names guacd", lambda: ready(desktop)["reason"] == "GuacdUnavailable")
        assert f"{chart.RELEASE}-guacd.{chart.NAMESPACE}.svc:4822" in ready(desktop)["message"]
        assert "clientURL" not in desktop.body["status"]
        assert desktop.agent_status()["ready"], "the desktop runs on"
    finally:
        kubectl.run(*scale, "--replicas=1")
    until("the session is Ready again", lambda: ready(desktop)["status"] == "True")
    assert desktop.body["status"]["clientURL"] == url
