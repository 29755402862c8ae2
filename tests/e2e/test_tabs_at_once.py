"""A whole class opens one link at once: every tab shows the desktop, and guacd is left with no process of theirs."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier, Event
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
import requests
from guapy import GuacamoleStatus
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from blendersessions.model.desktop import connection_key
from contract.browsing import VIEW, Tunnel
from localcluster import chart
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl

TABS = 40
ROUNDS = 2
COUNT_PROCESSES = "cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^guacd$' || true"
DRAWS = {"img", "rect", "copy", "png", "jpeg"}
TOO_SLOW = {
    str(status.guacamole_status_code) for status in (GuacamoleStatus.UPSTREAM_TIMEOUT, GuacamoleStatus.CLIENT_TIMEOUT)
}
"""Statuses of a tunnel in which guacd or its client took longer than the 15 seconds that the other one waits."""


def shows_a_frame(tunnel: Tunnel) -> bool:
    """Take part in a tunnel until it has shown a frame; tell whether it came to that before somebody was too slow."""
    seen: Counter[str] = Counter()
    while not (seen["sync"] and DRAWS & seen.keys()):
        try:
            instruction = tunnel.next()
        except ConnectionClosedError as closed:
            if closed.rcvd and closed.rcvd.reason in TOO_SLOW:
                return False
            raise
        if instruction.opcode == "error" and instruction.args[1] in TOO_SLOW:
            return False
        assert instruction.opcode != "error", instruction.args
        seen[instruction.opcode] += 1
        if instruction.opcode == "sync":
            tunnel.send("sync", *instruction.args[:1])
    return True


def open_tab(url: str, start: Barrier, delay_seconds: float, sockets: ExitStack) -> None:
    """Open a tunnel once all tabs are there, delayed as the load is to be spread, and wait for its first frame.

    The tunnel stays open until `sockets` ends. One that a slow machine ended is opened again, as Guacamole's page does.
    """
    start.wait(DEADLINE_SECONDS)
    Event().wait(delay_seconds)

    def opened() -> bool:
        socket = connect(url, subprotocols=["guacamole"], open_timeout=DEADLINE_SECONDS, proxy=None)  # type: ignore[list-item]
        return shows_a_frame(Tunnel(sockets.enter_context(socket)))

    until("the tab shows the desktop", opened)


@pytest.mark.parametrize("spread_seconds", [0.0, 0.2], ids=["the same moment", "within 200 ms"])
def test_every_tab_shows_the_desktop(
    started: Callable[..., Desktop], kubectl: Kubectl, public_url: str, spread_seconds: float
) -> None:
    many = {"max": 2 * TABS, "maxPerUser": 2 * TABS}
    desktop = started("class", sample="shopping_cart.blend", owner="e2e-class", connections=many)
    login = requests.post(f"{public_url}guacamole/api/tokens", data=desktop.owners_login(), timeout=DEADLINE_SECONDS)
    token, source = login.json()["authToken"], login.json()["dataSource"]
    connections = requests.get(
        f"{public_url}guacamole/api/session/data/{source}/connections",
        headers={"Guacamole-Token": token},
        timeout=DEADLINE_SECONDS,
    ).json()
    (identifier,) = [key for key, each in connections.items() if connection_key(each["name"]) == desktop.name]
    query = {"token": token, "GUAC_DATA_SOURCE": source, "GUAC_ID": identifier, "GUAC_TYPE": "c"} | VIEW
    url = f"{public_url.replace('http://', 'ws://')}guacamole/websocket-tunnel?{urlencode(query)}"

    def guacd_processes() -> int:
        target = [f"deployment/{chart.RELEASE}-guacd", f"--namespace={chart.NAMESPACE}"]
        return int(kubectl.run("exec", *target, "--", "sh", "-c", COUNT_PROCESSES))

    until("guacd is alone", lambda: guacd_processes() == 1)
    for _ in range(ROUNDS):
        start = Barrier(TABS)
        with ExitStack() as sockets, ThreadPoolExecutor(TABS) as threads:
            tabs = [threads.submit(open_tab, url, start, spread_seconds * tab / TABS, sockets) for tab in range(TABS)]
            for tab in tabs:
                tab.result()
    until("no process of a tab is left", lambda: guacd_processes() == 1)
