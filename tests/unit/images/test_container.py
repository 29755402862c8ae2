"""The operator and the Blender image state the same values for what they agree on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from blendersessions.model import container
from blendersessions_operator.resources.pod import pod
from entry import __main__ as entry
from entry import display, errors
from unit.operator.factories import session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

IMAGE = Path(__file__).parents[3] / "images" / "blender"
BETWEEN_OUR_PROCESSES = (
    "BLENDER_SESSION_EXTENSIONS",
    "BLENDER_SESSION_HOME",
    "BLENDER_SESSION_NOTICE",
    "BLENDER_SESSION_SOCKET",
    "BLENDER_SESSION_UNREADABLE",
    "BLENDER_USER_",
)


def test_ports_exit_code_and_secret_are_the_same_on_both_sides() -> None:
    # The agent's program loads X libraries, which may be only in the image.
    agent = (IMAGE / "agent" / "__main__.py").read_text()
    assert f"PORT: Final = {container.AGENT_PORT}\n" in agent
    assert f'TOKEN_FILE: Final = Path("{container.SECRET_PATH}/{container.AGENT_TOKEN}")\n' in agent
    assert container.VNC_PORT == display.RFB_PORT
    assert container.START_ERROR_EXIT_CODE == errors.EXIT_CODE
    assert Path(container.SECRET_PATH) == entry.SECRETS
    assert f'"{container.VNC_PASSWORD}"' in (IMAGE / "entry" / "__main__.py").read_text()


def test_the_dockerfile_has_the_ports_and_the_home() -> None:
    dockerfile = (IMAGE / "Dockerfile").read_text()
    assert f"EXPOSE {container.VNC_PORT} {container.AGENT_PORT}\n" in dockerfile
    assert f"ENV HOME={container.HOME} " in dockerfile


def test_the_image_reads_every_variable_that_the_pod_sets() -> None:
    # Without a workspace, and with both preferences, a pod sets all of them but those of its scene.
    scenes: list[Manifest] = [
        {"url": "https://example.org/a.blend", "sha256": "0" * 64},
        {"volume": {"claimName": "scenes", "path": "a.blend"}},
        {"upload": {}},
    ]
    variables = set()
    for scene in scenes:
        of = session({"scene": scene, "input": {"emulateMiddleButton": True, "emulateNumpad": False}})
        files: Manifest = {"configMap": "files", "key": "a.blend"}
        of_class: Manifest = {"extensions": {"configMap": "files"}, "startupFile": files, "preferences": files}
        made = settings(of, {"egress": "Public", "transfer": {"caConfigMap": "ca"}} | of_class)
        [blender] = pod(of.desktop, of, made)["spec"]["containers"]
        variables |= {variable["name"] for variable in blender["env"]}
    code = "".join(path.read_text() for path in IMAGE.rglob("*.py"))
    read = {name for name in re.findall(r'"(BLENDER_[A-Z0-9_]+)"', code) if not name.startswith(BETWEEN_OUR_PROCESSES)}
    assert variables == read


def test_the_dockerfile_copies_every_package_that_runs_in_the_container() -> None:
    packages = {path.parent.name for path in IMAGE.glob("*/__init__.py")}
    dockerfile = (IMAGE / "Dockerfile").read_text()
    copied = set(re.findall(r"COPY images/blender/(\w+) /usr/lib/blender-sessions/\1\n", dockerfile))
    assert packages == {"agent", "bridge", "class_files", "entry", "limits", "scene", "workspace"}
    assert copied == packages
