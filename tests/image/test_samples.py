"""A desktop that runs opens another sample, as one of a pool does for the session that has taken it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from e2e.picture import ALIKE, difference, viewport
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from image.container import Container
    from image.desktops import RunDesktop

HOME = "/home/blender"
CART, EXTINGUISHER, CAN = SAMPLES = ("shopping_cart.blend", "fire_extinguisher.blend", "watering_can.blend")
"""As the portal shows them."""
ROOM = 2**28
"""Bytes of a folder. A disk of this machine that is nearly full would be told on the screen."""
MADE = "Made by a person"
ADD = f"bpy.ops.object.empty_add(); bpy.context.object.name = {MADE!r}; bpy.ops.ed.undo_push()"
IS_MADE = f"{MADE!r} in bpy.data.objects"
CONTENT = f"""
with bpy.data.libraries.load("{HOME}/untitled.blend") as (found, _):
    names = list(found.objects)
names
"""
COUNT = """
import os
from bpy.app.handlers import persistent
@persistent
def opening(*_):
    with open("/tmp/openings", "a") as file:
        file.write("x")
    if os.path.exists("/tmp/gate"):
        open("/tmp/gate").read()
bpy.app.handlers.load_pre.append(opening)
"""
"""Counts openings, and holds each up that meets a gate."""
CRASH = "import os, signal; bpy.app.handlers.load_pre.append(lambda *_: os.kill(os.getpid(), signal.SIGSEGV))"
RENDER = """
scene = bpy.context.scene
scene.render.engine, scene.cycles.samples, scene.cycles.use_adaptive_sampling = "CYCLES", 100_000, False
bpy.ops.render.render("INVOKE_DEFAULT")
"""


def ask(container: Container, name: str) -> requests.Response:
    return container.agent.post("/sample", {"name": name})


def open_sample(container: Container, name: str) -> None:
    """Open a sample. The answer comes when it is on screen, so nothing is waited for."""
    answer = ask(container, name)
    assert (answer.status_code, answer.json()) == (200, {"file": f"{HOME}/{name}"}), answer.text
    ready = container.agent.get("/readyz")
    assert (ready.status_code, ready.json()["reason"]) == (200, "SceneOnScreen")
    status = container.status()
    assert (status["file"], status["scene"], status["dirty"]) == (f"{HOME}/{name}", name, False)
    assert container.blender("bpy.data.filepath") == f"{HOME}/{name}"


def scenes(container: Container) -> list[str]:
    return sorted(path.name for path in container.home.glob("*.blend"))


@pytest.fixture
def waiting(run_desktop: RunDesktop) -> Container:
    """A desktop of a pool that shows no sample."""
    container = run_desktop()
    container.wait_ready()
    return container


def test_each_sample_opens_as_a_start_shows_it(run_desktop: RunDesktop, tmp_path: Path) -> None:
    without, *others = [run_desktop(scene=name, home_bytes=ROOM, tmp_bytes=ROOM) for name in ("", *SAMPLES)]
    for container in (without, *others):
        container.wait_ready()
    started = [viewport(each.screenshot(tmp_path / f"started-{number}.png")) for number, each in enumerate(others)]
    assert min(difference(started[one], started[other]) for one, other in ((0, 1), (0, 2), (1, 2))) > ALIKE
    for number, container in enumerate(others):
        wanted = (number + 1) % len(SAMPLES)
        open_sample(container, SAMPLES[wanted])
        shown = viewport(container.screenshot(tmp_path / f"opened-{number}.png"))
        assert difference(shown, started[wanted]) < ALIKE

    # Nobody made anything, so nothing was saved beside it.
    open_sample(without, EXTINGUISHER)
    assert scenes(without) == [EXTINGUISHER]

    # A later start opens what was open last.
    without.start_again()
    without.wait_ready()
    assert without.status()["scene"] == EXTINGUISHER


def test_two_requests_at_once_are_one_opening(waiting: Container) -> None:
    waiting.blender(COUNT)
    waiting.run("mkfifo /tmp/gate")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, waiting, CART)
        until("Blender begins to open it", (waiting.tmp / "openings").exists)
        second = pool.submit(ask, waiting, CART)
        other = ask(waiting, CAN)
        waiting.run("exec 3> /tmp/gate; rm /tmp/gate")
        answers = [each.result() for each in (first, second)]
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"file": f"{HOME}/{CART}"})] * 2
    assert (other.status_code, other.json()["message"]) == (
        409,
        f"{CART} is being opened. Ask for {CAN} when it is on screen.",
    )
    open_sample(waiting, CART)
    assert (waiting.tmp / "openings").read_text() == "x"
    assert scenes(waiting) == [CART]


def test_what_is_no_sample_is_refused_with_the_list(desktop: Container) -> None:
    before = desktop.status()["file"], scenes(desktop)
    for name in ("teapot.blend", "../scenes/shopping_cart.blend", f"{HOME}/untitled.blend"):
        answer = ask(desktop, name)
        listed = ", ".join(sorted(SAMPLES))
        assert (answer.status_code, answer.json()) == (
            404,
            {"message": f"There is no sample {name!r}. The image has: {listed}."},
        )
    answer = desktop.agent.post("/sample", {"scene": CART})
    assert (answer.status_code, "the file name of a sample" in answer.json()["message"]) == (400, True)
    assert (desktop.status()["file"], scenes(desktop)) == before


def test_work_is_saved_before_another_sample_is_opened(waiting: Container) -> None:
    waiting.blender(ADD)
    open_sample(waiting, CART)
    assert scenes(waiting) == [CART, "untitled.blend"]
    assert MADE in waiting.blender(CONTENT)

    # The sample that is open stays as the person has changed it.
    waiting.blender(ADD)
    until("the change is seen", lambda: waiting.status()["dirty"])
    assert ask(waiting, CART).status_code == 200
    assert waiting.status()["dirty"]
    open_sample(waiting, CAN)
    open_sample(waiting, CART)
    assert waiting.blender(IS_MADE)
    assert scenes(waiting) == [CART, "untitled.blend", CAN]

    # A render is not ended.
    waiting.blender(RENDER)
    until("the render runs", lambda: waiting.status()["work"] == "Render")
    answer = ask(waiting, CAN)
    assert (answer.status_code, answer.json()["message"]) == (
        503,
        f"{CAN} was not opened. A render runs. Opening another scene would end it. Wait for it, or stop it with Esc.",
    )
    assert waiting.blender("bpy.app.is_job_running('RENDER')")


def test_a_blender_that_crashes_while_it_opens_is_told_and_opens_it_when_asked_again(waiting: Container) -> None:
    waiting.blender(CRASH)
    answer = ask(waiting, CART)
    assert (answer.status_code, answer.json()["message"]) == (503, f"{CART} was not opened. Blender ended.")
    end = waiting.exit()
    assert (end.code, end.reason) == (64, "BlenderFailed")
    waiting.start_again()
    waiting.wait_ready()
    open_sample(waiting, CART)
    assert scenes(waiting) == [CART]
