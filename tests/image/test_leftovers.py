"""A run of the suite that is killed leaves nothing that the next one does not remove."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from image.leftovers import RUNS, remove_leftovers

KILLED = """
import json, os, signal
from image import built
from image.desktops import running
from image.leftovers import own_folder

with own_folder() as run, running(run, built.mount(run.name)) as start:
    container = start(home_bytes=2**26)
    container.wait_ready()
    print(json.dumps([run.name, [each.pid for each in container.processes()]]), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("image_run")
def test_a_run_that_was_killed_leaves_nothing() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    run, pids = json.loads(done.stdout)
    assert any(psutil.pid_exists(pid) for pid in pids)

    remove_leftovers()

    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not (RUNS / run).exists()
    assert run not in subprocess.check_output(["ip", "netns", "list"], text=True)
    assert run not in "".join(str(mount) for mount in psutil.disk_partitions(all=True))
