"""A person's preferences outlive the pod, and what the session asks for stands above them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from image.container import Container
    from image.desktops import RunDesktop

USERPREF = ".config/blender/userpref.blend"
CHANGE = """
preferences = bpy.context.preferences
preferences.inputs.use_emulate_numpad = True
preferences.themes[0].view_3d.space.gradients.high_gradient = (1, 0, 0)
bpy.ops.preferences.addon_enable(module="node_wrangler")
keymap = bpy.context.window_manager.keyconfigs.user.keymaps["Object Mode"]
keymap.keymap_items["object.delete"].type = "F"
"""
CHANGED = """
preferences = bpy.context.preferences
keymap = bpy.context.window_manager.keyconfigs.user.keymaps["Object Mode"]
[
    preferences.inputs.use_emulate_numpad,
    list(preferences.themes[0].view_3d.space.gradients.high_gradient),
    "node_wrangler" in preferences.addons,
    keymap.keymap_items["object.delete"].type,
]
"""
EMULATED = "[inputs.use_mouse_emulate_3_button, inputs.use_emulate_numpad]"


@pytest.mark.parametrize("save", ["", "bpy.ops.wm.save_userpref()"], ids=["unsaved", "saved"])
def test_preferences_are_kept(run_desktop: RunDesktop, save: str) -> None:
    container = run_desktop()
    container.wait_ready()
    container.blender(CHANGE)
    container.blender(f"{save or None}")
    expected = container.blender(CHANGED)
    assert expected == [True, [1, 0, 0], True, "F"]
    container.start_again(new_pod=True)
    container.wait_ready()
    assert container.blender(CHANGED) == expected


def test_the_sessions_input_stands_above_the_persons(run_desktop: RunDesktop) -> None:
    container = run_desktop(env={"BLENDER_EMULATE_MIDDLE_BUTTON": "true", "BLENDER_EMULATE_NUMPAD": "true"})
    container.wait_ready()
    assert container.blender(f"inputs = bpy.context.preferences.inputs; {EMULATED}") == [True, True]
    again = run_desktop(env={"BLENDER_EMULATE_NUMPAD": "false"}, home=container.home)
    again.wait_ready()
    assert again.blender(f"inputs = bpy.context.preferences.inputs; {EMULATED}")[1] is False


def fail_to_start(container: Container) -> None:
    """End Blender before it has shown the scene."""
    blender = container.wait_replaced("blender", 0)
    assert blender
    container.kill_process("blender")
    assert container.exit().reason == "BlenderFailed"


def test_preferences_that_stop_the_start_are_left_away(run_desktop: RunDesktop) -> None:
    preferences = os.urandom(5000)
    container = run_desktop(files={USERPREF: preferences})
    fail_to_start(container)
    container.start_again()
    fail_to_start(container)
    assert json.loads((container.home / ".blender-session.json").read_text())["failed_starts"] == 2
    container.start_again()
    container.wait_ready()
    container.wait_log("Blender was started without your preferences")
    container.blender("bpy.context.preferences.inputs.use_emulate_numpad = True")
    assert container.agent.post("/save").status_code == 200
    container.signal("TERM")
    assert container.exit().code == 0
    assert (container.home / USERPREF).read_bytes() == preferences
