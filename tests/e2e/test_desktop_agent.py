"""The agent in a real desktop: it saves work, distinguishes input from idleness, and shows notices on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2e.kubectl import TIMEOUT
from e2e.picture import difference, from_vnc, viewport
from waiting import Stopwatch, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image

    from e2e.agent import Agent
    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl

HOME = "/home/blender"
CART = f"{HOME}/shopping_cart.blend"
END_BLENDER = (
    'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = blender ] && kill -KILL ${p#/proc/} && exit 0; done; exit 1'
)
BANNER = (0.25, 0.11, 0.75, 0.16)
"""Where a notice appears, as fractions of the screen."""


def delete_an_object(agent: Agent) -> None:
    """As a person does: X, Enter, on the object that is selected in every scene at its start."""
    agent.give_input("move", "500", "350", "key", "x", "key", "enter")
    until("Blender says that the scene was changed", lambda: agent.status().get("dirty"))


def banner(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    left, top, right, bottom = BANNER
    return picture.crop((int(width * left), int(height * top), int(width * right), int(height * bottom)))


def on_screen(agent: Agent) -> bool:
    return bool(agent.status().get("ready"))


def test_no_sample_of_the_image_is_large(started: Callable[..., Desktop]) -> None:
    agent = started("samples", sample="shopping_cart.blend").agent
    listed = agent.run("cd /usr/share/blender-sessions/scenes && stat --format='%n %s' *.blend").splitlines()
    sizes = {name: int(size) for name, size in (line.split() for line in listed)}
    assert set(sizes) == {"shopping_cart.blend", "fire_extinguisher.blend", "watering_can.blend"}
    assert max(sizes.values()) < 2_000_000


def test_a_change_survives_the_end_of_the_container(started: Callable[..., Desktop], tmp_path: Path) -> None:
    desktop = started("kept", sample="shopping_cart.blend")
    agent = desktop.agent
    assert agent.status()["file"] == CART
    before = from_vnc(desktop, tmp_path / "before.png")
    delete_an_object(agent)
    changed = from_vnc(desktop, tmp_path / "changed.png")
    assert difference(viewport(before), viewport(changed)) > 1

    agent.run("kill -TERM 1")
    until("the container is back", lambda: agent.restarts() == 1)
    until("the scene is on screen", lambda: on_screen(agent), seconds=60)

    status = agent.status()
    assert (status["file"], status["dirty"]) == (CART, False)
    again = from_vnc(desktop, tmp_path / "again.png")
    assert difference(viewport(changed), viewport(again)) < difference(viewport(before), viewport(again)) / 4
    assert "ended unexpectedly" not in agent.log()


def test_a_scene_without_a_name_is_kept_too(started: Callable[..., Desktop]) -> None:
    agent = started("nameless").agent
    assert agent.status()["file"] == ""
    delete_an_object(agent)

    answer = agent.ask("/save", {})

    assert (answer.status_code, answer.json()) == (200, {"file": f"{HOME}/untitled.blend"})
    assert agent.status()["file"] == f"{HOME}/untitled.blend"
    # Blender sees by and by that nothing is left to save.
    until("nothing is left to save", lambda: agent.status().get("dirty") is False)


def test_input_and_idleness_are_distinguished(started: Callable[..., Desktop]) -> None:
    agent = started("idle", sample="watering_can.blend").agent
    until("nobody has touched it for a while", lambda: agent.status()["idle_seconds"] > 5)
    for action in (("move", "500", "300", "move", "520", "320"), ("key", "shift")):
        watch = Stopwatch()
        agent.give_input(*action)
        idle = agent.status()["idle_seconds"]
        assert idle <= watch.seconds, "no longer than since the input was begun"
        until("it grows while nobody does anything", lambda idle=idle: agent.status()["idle_seconds"] > idle + 3)


def test_a_render_is_seen_and_does_not_keep_from_saving(started: Callable[..., Desktop]) -> None:
    agent = started("render", sample="watering_can.blend").agent
    assert not agent.status()["work"]
    agent.give_input("move", "500", "350", "key", "f12")
    until("the render is seen", lambda: agent.status().get("work") == "Render")
    assert agent.ask("/save", {}).status_code == 200
    agent.give_input("key", "esc")
    until("the render is over", lambda: agent.status().get("work") == "", seconds=120)


def test_a_notice_is_on_the_screen_until_somebody_gives_input(started: Callable[..., Desktop], tmp_path: Path) -> None:
    desktop = started("notice", sample="fire_extinguisher.blend")
    agent = desktop.agent
    agent.give_input("move", "640", "500")
    before = banner(from_vnc(desktop, tmp_path / "before.png"))

    def shown() -> float:
        return difference(before, banner(from_vnc(desktop, tmp_path / "now.png")))

    message: dict[str, object] = {"message": "This desktop is suspended in 5 minutes. Move the mouse to keep it."}
    assert agent.ask("/notice", message | {"seconds": 600}).status_code == 200
    assert shown() > 20
    assert agent.ask("/notice", {"message": ""}).status_code == 200
    until("it is taken down", lambda: shown() < 2)

    assert agent.ask("/notice", message | {"seconds": 600}).status_code == 200
    assert shown() > 20
    agent.give_input("move", "642", "502")
    until("it has gone", lambda: shown() < 2)

    assert agent.ask("/notice", message | {"seconds": 2}).status_code == 200
    until("its time is over", lambda: shown() < 2)


def test_without_the_token_nothing_is_done(started: Callable[..., Desktop]) -> None:
    agent = started("token", sample="watering_can.blend").agent
    before = agent.run(f"sha256sum {HOME}/*.blend")
    assert agent.ask("/status", token="guess").status_code == 401
    assert agent.ask("/save", {}, token="").status_code == 401
    assert agent.ask("/notice", {"message": "x", "seconds": 1}, token=agent.token[:-1]).status_code == 401
    assert agent.ask("/save", {"file": f"{HOME}/other.blend"}).status_code == 400
    assert agent.ask("/notice", {"message": "x" * 5000, "seconds": 1}).status_code == 413
    assert agent.run(f"sha256sum {HOME}/*.blend") == before


@pytest.fixture
def small_desktop(started: Callable[..., Desktop], kubectl: Kubectl) -> Agent:
    """A desktop like the operator's, whose home folder has 2 MiB."""
    desktop = started("model", sample="shopping_cart.blend")
    spec: dict[str, Any] = kubectl.get("pod", desktop.name)["spec"]
    home = {"name": "home", "emptyDir": {"medium": "Memory", "sizeLimit": "2Mi"}}
    spec["volumes"] = [home if volume["name"] == "home" else volume for volume in spec["volumes"]]
    # What it asks of the node is another desktop's already.
    spec["containers"][0]["resources"] = {}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "small"}, "spec": spec})
    kubectl.run("wait", "--for=condition=Ready", "pod/small", TIMEOUT)
    return desktop.agent_of("small")


def test_a_full_disk_costs_no_work(small_desktop: Agent) -> None:
    agent = small_desktop
    delete_an_object(agent)
    before = agent.run(f"sha256sum {CART}")
    agent.run(f"cat /dev/zero > {HOME}/fill 2>/dev/null || true")

    answer = agent.ask("/save", {})

    assert answer.status_code == 507
    assert "the volume of /home/blender is full" in answer.json()["message"]
    assert agent.run(f"sha256sum {CART}") == before
    assert agent.status()["dirty"]

    agent.run(f"rm {HOME}/fill; chmod 444 {CART}")
    answer = agent.ask("/save", {})
    assert answer.status_code == 500
    assert "not writable" in answer.json()["message"]
    assert agent.run(f"sha256sum {CART}") == before

    agent.run(f"chmod 644 {CART}")
    assert agent.ask("/save", {}).json() == {"file": CART}
    assert agent.run(f"sha256sum {CART}") != before


def test_a_damaged_scene_is_kept_and_reported(small_desktop: Agent) -> None:
    agent = small_desktop
    agent.run(f"truncate --size=100000 {CART}")
    damaged = agent.run(f"sha256sum {CART}")
    # Nobody asked Blender to end, so it does not save.
    agent.run(END_BLENDER)
    until("the container is back", lambda: agent.restarts() == 1)
    until("a scene is on screen", lambda: on_screen(agent), seconds=60)

    assert agent.status()["file"] == f"{HOME}/shopping_cart-2.blend"
    assert agent.run(f"sha256sum {CART}") == damaged
    notice = "shopping_cart.blend cannot be read. The file is unchanged."
    until("the notice is shown", lambda: notice in agent.log())
