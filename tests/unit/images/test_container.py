"""The operator and the Blender image state the same values for what they agree on."""

from __future__ import annotations

import re
from pathlib import Path

from blendersessions.model import container
from blendersessions_operator.resources.pod import pod
from entry import __main__ as entry
from entry import display, errors
from unit.operator.factories import session, settings

IMAGE = Path(__file__).parents[3] / "images" / "blender"


def test_ports_exit_code_and_secret_are_the_same_on_both_sides() -> None:
    # The agent's runner imports Blender's own modules, which are only in the image.
    runner = (IMAGE / "agent" / "runner.py").read_text()
    assert f"PORT: Final = {container.AGENT_PORT}\n" in runner
    assert f'TOKEN_FILE: Final = Path("{container.SECRET_PATH}/{container.AGENT_TOKEN}")\n' in runner
    assert container.VNC_PORT == display.RFB_PORT
    assert container.START_ERROR_EXIT_CODE == errors.EXIT_CODE
    assert Path(container.SECRET_PATH) == entry.SECRETS
    assert f'"{container.VNC_PASSWORD}"' in (IMAGE / "entry" / "__main__.py").read_text()


def test_the_dockerfile_has_the_ports_and_the_home() -> None:
    dockerfile = (IMAGE / "Dockerfile").read_text()
    assert f"EXPOSE {container.VNC_PORT} {container.AGENT_PORT}\n" in dockerfile
    assert f"ENV HOME={container.HOME} " in dockerfile


def test_the_image_reads_every_variable_that_the_pod_sets() -> None:
    [blender] = pod(session().desktop, session(), settings())["spec"]["containers"]
    entry_code = "".join((IMAGE / "entry" / name).read_text() for name in ("settings.py", "screen.py"))
    read = set(re.findall(r'"(BLENDER_[A-Z_]+)"', entry_code))
    assert {variable["name"] for variable in blender["env"]} == read
