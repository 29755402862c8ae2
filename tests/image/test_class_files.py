"""A class brings extensions, a start-up file and preferences along, and a person's own choice stands above them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from image.extensions import REFUSED, extension, packed, write_repository
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from image.desktops import RunDesktop

ENVIRONMENT = {
    "BLENDER_EXTENSIONS": ".",
    "BLENDER_STARTUP_FILE": "studio/start.blend",
    "BLENDER_PREFERENCES": "userpref.blend",
}
MAKE = """
bpy.data.objects["Cube"].name = "StudioLogo"
bpy.ops.wm.save_homefile()
preferences = bpy.context.preferences
preferences.filepaths.use_scripts_auto_execute = True
preferences.system.use_online_access = True
preferences.inputs.use_mouse_continuous = False
preferences.inputs.drag_threshold = 17
bpy.ops.wm.save_userpref()
"""
STATE = """
import addon_utils
preferences = bpy.context.preferences
def loaded(name):
    return addon_utils.check(f"bl_ext.session_class.{name}")[1]
[
    sorted(each.module.rpartition(".")[2] for each in preferences.addons if "session_class" in each.module),
    [loaded("good"), loaded("with_wheel"), hasattr(bpy.types, "STUDIO_OT_good")],
    "StudioLogo" in bpy.data.objects,
    [preferences.inputs.use_mouse_continuous, preferences.inputs.drag_threshold],
    [preferences.filepaths.use_scripts_auto_execute, preferences.system.use_online_access],
]
"""
ALL, ENFORCED = ["good", "with_wheel"], [False, False]


@pytest.mark.every_blender
def test_a_class_brings_its_files_and_the_person_decides(run_desktop: RunDesktop, tmp_path: Path) -> None:
    extensions, startup, preferences = (tmp_path / name for name in ("extensions", "startup", "preferences"))
    for folder in (extensions, startup / "studio", preferences):
        folder.mkdir(parents=True)
    mounts = {"/run/extensions": extensions, "/run/startup": startup, "/run/preferences": preferences}
    container = run_desktop(env=ENVIRONMENT, read_only=mounts)
    container.wait_ready()
    container.wait_log("studio/start.blend is not there, though the session class names it.")
    container.wait_log("The session class names extensions, and there are none.")
    container.blender(MAKE)
    config = container.home / ".config/blender"
    shutil.move(config / "startup.blend", startup / "studio" / "start.blend")
    shutil.move(config / "userpref.blend", preferences / "userpref.blend")
    write_repository(extensions)

    container.start_again(new_pod=True)
    container.wait_ready()
    for notice in REFUSED:
        container.wait_log(notice)
    assert container.blender(STATE) == [ALL, [True, True, True], True, [False, 17], ENFORCED]
    assert not list(container.tmp.rglob("escaped.py"))
    # The person disables one and chooses otherwise, and saves nothing by hand.
    container.blender(
        "bpy.ops.preferences.addon_disable(module='bl_ext.session_class.good');"
        "bpy.context.preferences.inputs.drag_threshold = 23"
    )
    until("the choice is noted", (config / "class-extensions.json").exists)
    assert container.agent.post("/save").status_code == 200

    container.start_again(new_pod=True)
    container.wait_ready()
    assert container.blender(STATE) == [["with_wheel"], [False, True, False], True, [False, 23], ENFORCED]
    # What goes with all preferences is no choice. The bridge looks for outputs and for choices in one go.
    container.blender("bpy.ops.wm.read_factory_settings(); bpy.context.scene.render.filepath = '/tmp/looked-for'")
    assert container.blender(STATE)[0] == []
    until(
        "the bridge has looked",
        lambda: container.blender("bpy.context.scene.render.filepath") != "/tmp/looked-for",
    )
    assert json.loads((config / "class-extensions.json").read_text()) == {"disabled": ["good"]}


def test_an_extension_that_ends_blender_is_left_out(run_desktop: RunDesktop, tmp_path: Path) -> None:
    extensions = tmp_path / "extensions"
    extensions.mkdir()
    (extensions / "ends.zip").write_bytes(packed(extension("ends", "import os\ndef register():\n    os.abort()\n")))
    container = run_desktop(env={"BLENDER_EXTENSIONS": "."}, read_only={"/run/extensions": extensions})
    for _ in range(2):
        assert container.exit().reason == "BlenderFailed"
        container.start_again()
    container.wait_ready()
    container.wait_log("The extensions of the session class were left out too.")
