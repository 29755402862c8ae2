"""Ready means that the window shows the file, whichever editors it has, and stays so while Blender works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waiting import until

if TYPE_CHECKING:
    from image.container import Container
    from image.desktops import RunDesktop

WINDOW = "bpy.context.window_manager.windows[0]"
TAB = WINDOW + ".workspace = bpy.data.workspaces['{0}']"
VIDEO_EDITING = "bpy.ops.wm.read_homefile(app_template='Video_Editing')"
MAXIMISED_OUTLINER = f"""
window = {WINDOW}
area = next(area for area in window.screen.areas if area.type == "OUTLINER")
with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
    bpy.ops.screen.screen_full_area(use_hide_panels=True)
"""
SECOND_WINDOW = f"with bpy.context.temp_override(window={WINDOW}): bpy.ops.wm.window_new()"
QUIT = f"with bpy.context.temp_override(window={WINDOW}): bpy.ops.wm.quit_blender()"
SHOWN = "[[area.ui_type for area in window.screen.areas] for window in bpy.context.window_manager.windows]"
LONG_RENDER = f"""
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 100_000
scene.cycles.use_adaptive_sampling = False
with bpy.context.temp_override(window={WINDOW}):
    bpy.ops.render.render("INVOKE_DEFAULT")
"""
POLLS = 200


@pytest.mark.parametrize(
    ("layout", "editor"),
    [
        (TAB.format("Rendering"), "IMAGE_EDITOR"),
        (TAB.format("Compositing"), "CompositorNodeTree"),
        (VIDEO_EDITING, "SEQUENCE_EDITOR"),
        (MAXIMISED_OUTLINER, "OUTLINER"),
        (SECOND_WINDOW, "VIEW_3D"),
    ],
    ids=["rendering", "compositing", "video-editing", "maximised-outliner", "second-window"],
)
def test_ready_with_any_layout(desktop: Container, layout: str, editor: str) -> None:
    """The next start opens the file as it was saved: with the editors of the layout."""
    desktop.blender("bpy.ops.wm.read_homefile()")
    before = desktop.blender(SHOWN)
    desktop.blender(layout)
    shown = until("the layout is on screen", lambda: now if (now := desktop.blender(SHOWN)) != before else None)
    assert any(editor in window for window in shown)
    assert desktop.agent.post("/save").status_code == 200
    blender = desktop.pid("blender")
    desktop.blender(f"bpy.app.timers.register(lambda: exec({QUIT!r}, {{'bpy': bpy}}))")
    desktop.wait_replaced("blender", blender)
    desktop.wait_ready()
    assert desktop.blender(SHOWN) == shown


def test_ready_stays_while_a_render_takes_all_processors(run_desktop: RunDesktop) -> None:
    container = run_desktop(scene="shopping_cart.blend")
    container.wait_ready()
    container.blender(LONG_RENDER)
    until("the render is seen", lambda: container.status()["work"] == "Render")
    assert {container.agent.get("/readyz").status_code for _ in range(POLLS)} == {200}
    status = container.status()
    assert (status["ready"], status["work"], status["stuck"]) == (True, "Render", False)
    assert status["work_message"].startswith("A render has run for")
