"""A class brings extensions, a start-up file and preferences into the desktops of a real cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.background import made
from e2e.desktop import Desktop, manifest
from e2e.kubectl import TIMEOUT
from image.extensions import REFUSED, extension, packed, write_repository
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.kubectl import Kubectl

MAKE = """
import bpy, shutil
from pathlib import Path
bpy.data.objects["Cube"].name = "StudioLogo"
bpy.ops.wm.save_homefile()
bpy.context.preferences.inputs.drag_threshold = 17
bpy.ops.wm.save_userpref()
config = Path(bpy.utils.user_resource("CONFIG"))
shutil.copy(config / "startup.blend", "/tmp/made/start.blend")
shutil.copy(config / "userpref.blend", "/tmp/made/userpref.blend")
"""
WITNESS = """
import json, os, bpy
def tell():
    names = [each.module for each in bpy.context.preferences.addons]
    told = {
        "extensions": sorted(name.rpartition(".")[2] for name in names if ".session_class." in name),
        "objects": sorted(each.name for each in bpy.data.objects),
        "drag": bpy.context.preferences.inputs.drag_threshold,
    }
    with open("/tmp/told.part", "w") as file:
        json.dump(told, file)
    os.replace("/tmp/told.part", "/tmp/told.json")
    return 0.5
def register():
    bpy.app.timers.register(tell, persistent=True)
def unregister():
    bpy.app.timers.unregister(tell)
"""
"""An extension that tells what there is in the Blender of the desktop."""
FILES = {
    "extensions": {"configMap": "add-ons"},
    "startupFile": {"configMap": "studio-files", "key": "start.blend"},
    "preferences": {"configMap": "studio-files", "key": "userpref.blend"},
}
OBJECTS = ["Camera", "Light", "StudioLogo"]


def create_config_map(kubectl: Kubectl, name: str, files: dict[str, bytes], folder: Path) -> None:
    """Make a ConfigMap of files, as an administrator does."""
    folder = folder / name
    folder.mkdir()
    for key, content in files.items():
        (folder / key).write_bytes(content)
    kubectl.run("create", "configmap", name, f"--from-file={folder}")


@pytest.fixture
def studio(kubectl: Kubectl, started: Callable[..., Desktop], tmp_path: Path) -> None:
    """A class that names files, of which the start-up file and the preferences are there."""
    files = made(started("maker"), MAKE)
    del files["cart.zip"]
    create_config_map(kubectl, "studio-files", files, tmp_path)
    kubectl.apply(
        {
            "apiVersion": "blendersessions.io/v1alpha1",
            "kind": "BlenderSessionClass",
            "metadata": {"name": "studio"},
            "spec": FILES,
        },
    )
    kubectl.run("delete", "blendersession/maker", TIMEOUT)


def ready(kubectl: Kubectl, name: str) -> Desktop:
    """Make a session of the class, wait until it is Ready, and check that its status has nothing against it."""
    kubectl.apply(manifest(name, className="studio"))
    kubectl.run("wait", "--for=condition=Ready", f"blendersession/{name}", TIMEOUT)
    desktop = Desktop(kubectl, name)
    reasons = {each["type"]: (each["status"], each["reason"]) for each in desktop.body["status"]["conditions"]}
    assert reasons["DesktopReady"][0] == reasons["SceneReady"][0] == "True", reasons
    assert reasons["Stalled"][0] == "False", reasons
    return desktop


def until_told(desktop: Desktop, extensions: list[str]) -> None:
    """Wait until Blender has these extensions enabled, and the class's scene and preferences."""
    wanted = {"extensions": extensions, "objects": OBJECTS, "drag": 17}
    told = "cat /tmp/told.json 2>/dev/null || echo null"
    until(
        lambda: f"Blender tells {wanted}, not {desktop.agent.run(told)}: {desktop.agent.log()}",
        lambda: json.loads(desktop.agent.run(told)) == wanted,
    )


@pytest.mark.usefixtures("studio")
def test_a_session_has_what_its_class_brings(kubectl: Kubectl, tmp_path: Path) -> None:
    create_config_map(kubectl, "add-ons", {"witness.zip": packed(extension("witness", WITNESS))}, tmp_path)
    desktop = ready(kubectl, "chair")
    until_told(desktop, ["witness"])
    assert "session class" not in desktop.agent.log()
    assert "extension" not in desktop.agent.log()


@pytest.mark.usefixtures("studio")
def test_broken_extensions_are_named_and_keep_nobody_out(kubectl: Kubectl, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    write_repository(repository)
    files = {path.name: path.read_bytes() for path in repository.iterdir()}
    files["witness.zip"] = packed(extension("witness", WITNESS))
    create_config_map(kubectl, "add-ons", files, tmp_path)
    desktop = ready(kubectl, "table")
    until_told(desktop, ["good", "with_wheel", "witness"])
    until(
        lambda: f"the log names what was not installed: {desktop.agent.log()}",
        lambda: all(sentence in desktop.agent.log() for sentence in REFUSED),
    )
    assert desktop.agent.restarts() == 0
