"""A session takes a desktop that waits in its class's pool, and a browser shows the scene that it asked for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.api import SESSIONS, Api
from e2e.chromium import SIZE, close
from e2e.desktop import Desktop, manifest
from e2e.kubectl import CHILDREN, MANAGED, TIMEOUT
from e2e.picture import SAME, difference, from_tab, from_vnc, viewport
from waiting import Stopwatch, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PIL import Image
    from playwright.sync_api import Browser

    from e2e.guacamole import Guacamole
    from e2e.kubectl import Kubectl
    from localcluster.cluster import Cluster

CART, CAN = "shopping_cart.blend", "watering_can.blend"
WAITING = "--selector=blendersessions.io/pool=warm,!blendersessions.io/session-uid"


@pytest.fixture
def pool(kubectl: Kubectl, guacamole: Guacamole) -> Iterator[str]:
    """A class whose pool has one desktop, which shows the cart. With the class all goes, on both sides."""
    before = guacamole.connections()
    kubectl.apply(
        {
            "apiVersion": "blendersessions.io/v1alpha1",
            "kind": "BlenderSessionClass",
            "metadata": {"name": "warm"},
            "spec": {"warmPool": {"size": 1, "scene": CART}},
        }
    )
    yield "warm"
    kubectl.run("delete", "blendersessions", "--all", TIMEOUT)
    kubectl.run("delete", "blendersessionclass", "warm", TIMEOUT)
    until(
        lambda: f"no child is left of {kubectl.names(CHILDREN, MANAGED)}",
        lambda: not kubectl.names(CHILDREN, MANAGED),
    )
    until(
        lambda: f"no connection is left of {guacamole.connections() - before}",
        lambda: guacamole.connections() <= before,
    )


def until_full(kubectl: Kubectl, former: str = "") -> str:
    """Wait until a desktop waits that can be taken, and return its name.

    Args:
        kubectl: the client.
        former: the desktop that was taken last. The class's status may still tell of it.
    """

    def full() -> str:
        status = kubectl.get("bsc", "warm").get("status", {}).get("warmPool", {})
        ready = [each["metadata"]["name"] for each in kubectl.objects("pods", WAITING) if is_ready(each)]
        is_full = (status.get("ready"), status.get("reason")) == (1, "PoolFull")
        return str(ready[0]) if is_full and len(ready) == 1 and ready != [former] else ""

    return until(lambda: f"the pool is full: {kubectl.get('bsc', 'warm').get('status')}", full)


def is_ready(found: dict[str, Any]) -> bool:
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def seconds_to_ready(api: Api, kubectl: Kubectl, session: dict[str, Any]) -> float:
    """Create a session, and return the seconds until it is Ready. A program such as kubectl would take longer."""
    name = session["metadata"]["name"]
    path = f"{SESSIONS}/namespaces/{kubectl.namespace}/blendersessions/{name}"
    watch = Stopwatch()
    api.create_session(kubectl.namespace, session)
    until(
        lambda: f"the session is Ready: {api.request('GET', path).get('status')}",
        lambda: is_ready(api.request("GET", path)),
    )
    return watch.seconds


def startup(desktop: Desktop) -> tuple[str, str]:
    found = desktop.body["status"]["startup"]
    return found["path"], found.get("reason", "")


def shown_in_a_tab(browser: Browser, desktop: Desktop, public_url: str, file: Path) -> Image.Image:
    """Open the session as its owner, and return what the tab shows once it is what VNC shows."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(desktop.link(public_url))
    whole = from_vnc(desktop, file)
    until("the tab shows what VNC shows", lambda: difference(whole, from_tab(page)) < SAME)
    picture = viewport(from_tab(page))
    close(context)
    return picture


def test_sessions_take_the_desktop_that_waits_and_see_their_scenes(
    pool: str,
    cluster: Cluster,
    kubectl: Kubectl,
    guacamole: Guacamole,
    browser: Browser,
    public_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    api = Api(cluster.kubeconfig, cluster.kubeconfig.parent)
    waiting = until_full(kubectl)
    assert waiting in guacamole.connections()
    of_class = partial(manifest, className=pool)

    # It shows the sample that the pool shows.
    warm_seconds = seconds_to_ready(api, kubectl, of_class("warm-cart", sample=CART, owner="e2e-warm"))
    cart = Desktop(kubectl, "warm-cart")
    assert (cart.name, startup(cart)) == (waiting, ("Warm", ""))
    assert cart.agent_status()["scene"] == CART

    # The pool has another one, which opens another sample.
    refilled = until_full(kubectl, waiting)
    opened_seconds = seconds_to_ready(api, kubectl, of_class("warm-can", sample=CAN, owner="e2e-warm"))
    can = Desktop(kubectl, "warm-can")
    assert (can.name, startup(can)) == (refilled, ("Warm", ""))
    assert can.agent_status()["scene"] == CAN
    until_full(kubectl, refilled)

    # One that asks for what no desktop of the pool has starts one of its own, at once.
    larger = {"requests": {"memory": "600Mi"}}
    cold_seconds = seconds_to_ready(
        api, kubectl, of_class("cold-cart", sample=CART, owner="e2e-warm", resources=larger)
    )
    cold = Desktop(kubectl, "cold-cart")
    assert startup(cold) == ("Cold", "OwnResources")

    warm, opened = warm_seconds / cold_seconds, opened_seconds / cold_seconds
    record_property(
        "figure",
        f"created to Ready: cold {cold_seconds:.2f} s; warm {warm_seconds:.2f} s, {warm:.2f} of it; warm with another "
        f"sample {opened_seconds:.2f} s, {opened:.2f} of it",
    )

    shown = {
        name: shown_in_a_tab(browser, desktop, public_url, tmp_path / f"{name}.png")
        for name, desktop in (("cart", cart), ("can", can), ("cold", cold))
    }
    assert difference(shown["cart"], shown["cold"]) < SAME
    assert difference(shown["can"], shown["cold"]) > 2 * SAME
