"""A long operation is work: it is named, a save waits for it, and only a Blender that does nothing is stuck."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from waiting import until

if TYPE_CHECKING:
    import requests

    from image.container import Container
    from image.desktops import RunDesktop

STUCK_SECONDS = 2 * 60.0
"""A deadline beyond the minute after which the agent calls Blender stuck."""
FIFO = "/run/blender-tests/fifo"
WAIT = f"open('{FIFO}').read()"
"""Waits without processor time until the other end of the pipe is closed."""
ADD = "bpy.ops.object.empty_add(); bpy.context.object.name = 'Made by a person'"
MADE = "'Made by a person' in bpy.data.objects"
BAKE = """
bpy.ops.mesh.primitive_grid_add(x_subdivisions=120, y_subdivisions=120)
bpy.context.object.modifiers.new("Cloth", "CLOTH").point_cache.frame_end = 100_000
bpy.context.scene.frame_end = 100_000
with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
    bpy.ops.ptcache.bake_all("INVOKE_DEFAULT", bake=True)
"""
BACKGROUND = """
import threading, hashlib
threading.Thread(target=lambda: [hashlib.sha256(bytes(10_000_000)).digest() for _ in iter(int, 1)], daemon=True).start()
"""
"""A thread that computes for ever without Python's lock, as Blender's own jobs do."""


def save(container: Container) -> requests.Response:
    return container.agent.post("/save")


def test_a_busy_blender_works_and_a_silent_one_is_stuck(run_desktop: RunDesktop) -> None:
    """Both at once, since each takes a minute."""
    busy, silent = run_desktop(scene="shopping_cart.blend"), run_desktop(scene="shopping_cart.blend")
    for container in (busy, silent):
        container.wait_ready()
    silent.run(f"mkfifo {FIFO}")
    silent.blender_begin(WAIT)
    with busy.computing(), ThreadPoolExecutor(1) as pool:
        until("the operation is seen", lambda: busy.status()["work"] == "Operation")
        answer = pool.submit(save, busy)
        assert busy.agent.get("/readyz").status_code == 200
        status = until("it is stuck", lambda: now if (now := silent.status())["stuck"] else None, STUCK_SECONDS)
        assert status["work"] == ""
        assert "its process does nothing" in status["work_message"]
        refused = answer.result()
        assert refused.status_code == 503
        assert refused.json()["message"].startswith("An operation has kept Blender busy for")
        status = busy.status()
        assert (status["work"], status["stuck"]) == ("Operation", False)
    assert save(busy).status_code == 200
    silent.run(f"echo > {FIFO}")
    assert save(silent).status_code == 200
    until("it is not stuck any more", lambda: not silent.status()["stuck"])


def test_a_bake_is_work_and_costs_nothing_that_was_made(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    container.blender(ADD)
    container.blender(BAKE)
    until("the bake is seen", lambda: container.status()["work"] == "Bake")
    answer = save(container)
    assert answer.status_code == 503, answer.text
    assert "bake" in answer.json()["message"]
    container.signal("TERM")
    assert container.exit().code == 0
    container.start_again(new_pod=True)
    container.wait_ready()
    assert container.blender(MADE)


def test_a_computation_in_the_background_is_work(desktop: Container) -> None:
    desktop.blender(BACKGROUND)
    status = until("it is seen", lambda: now if (now := desktop.status())["work"] else None)
    assert status["work"] == "Simulation"
    assert save(desktop).status_code == 200
