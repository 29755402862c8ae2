"""The stand-in as a program: its start and end, its settings, and what its log and page contain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from websockets.sync.client import connect

from contract.browsing import Site
from contract.fake_guacd import fake_guacd
from contract.standins import Guacamole, running
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "planted-administrators-password"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "local" / "guacamole"),
        "STANDIN_ADMIN_PASSWORD_FILE": str(password),
        "STANDIN_HOST": "127.0.0.1",
        "STANDIN_PORT": "0",
        "STANDIN_GUACD_HOST": "127.0.0.1",
    }
    command = [sys.executable, "-m", "standin"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_program_logs_that_it_is_a_stand_in_and_stops_in_order(program: subprocess.Popen[str]) -> None:
    assert program.stderr is not None
    logged = program.stderr.readline()
    assert "stand-in for Apache Guacamole" in logged
    assert "never" in logged
    while "Serving /guacamole/" not in (line := program.stderr.readline()):
        assert line, "it ended before it served"
    program.send_signal(signal.SIGTERM)
    assert program.wait(DEADLINE_SECONDS) == 0, "it does not end in order"
    assert PASSWORD not in program.stderr.read()


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "local" / "guacamole"),
        "STANDIN_ADMIN_PASSWORD_FILE": str(tmp_path / "none"),
    }
    command = [sys.executable, "-m", "standin"]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert ended.returncode == 64
    assert "STANDIN_ADMIN_PASSWORD_FILE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        site.call("POST", "users", {"username": "ann", "password": "planted-user-password", "attributes": {}})
        tunnel = site.open()
        assert tunnel.next().opcode == ""
        guacd.next_connection()
        bad = guacamole.url.replace("http", "ws", 1) + "websocket-tunnel?token=planted-bad-token"
        with connect(bad, proxy=None, open_timeout=DEADLINE_SECONDS):
            pass
        requests.get(
            guacamole.url + "api/session/data/postgresql/users?token=planted-bad-token", timeout=DEADLINE_SECONDS
        )
        requests.delete(guacamole.url + f"api/tokens/{site.token}", timeout=DEADLINE_SECONDS)
        assert tunnel.closed() == (1000, "0")
    logged = caplog.text + "".join(capfd.readouterr())
    assert "POST /guacamole/api/session/data/postgresql/users 200" in logged, "the changes themselves are logged"
    for secret in (site.token, "planted", "s3cret"):
        assert secret not in logged


def test_the_page_names_itself_a_stand_in_and_forbids_foreign_scripts(guacamole_standin: Guacamole) -> None:
    page = requests.get(guacamole_standin.url, timeout=DEADLINE_SECONDS)
    assert "Stand-in for Apache Guacamole" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<style" not in page.text
    assert page.text.count("<script") == page.text.count("src=") == 1


def test_a_database_file_keeps_all_objects(tmp_path: Path) -> None:
    database = str(tmp_path / "guacamole.sqlite")
    for expected in (["desk"], ["desk", "desk2"]):
        with running(database=database) as guacamole, ExitStack() as sockets:
            if expected == ["desk"]:
                Site(guacamole, sockets)
                continue
            site = Site(guacamole, sockets, connection="desk2")
            assert sorted(entry["name"] for entry in site.call("GET", "connections").json().values()) == expected


def test_the_data_source_can_go_by_the_name_mysql() -> None:
    with running(data_source="mysql") as guacamole:
        body = {"username": guacamole.username, "password": guacamole.password}
        session = requests.post(guacamole.url + "api/tokens", data=body, timeout=DEADLINE_SECONDS).json()
        assert (session["dataSource"], session["availableDataSources"]) == ("mysql", ["mysql", "mysql-shared"])
        headers = {"Guacamole-Token": session["authToken"]}
        url = guacamole.url + "api/session/data/{}/connections"
        assert requests.get(url.format("mysql"), headers=headers, timeout=DEADLINE_SECONDS).json() == {}
        assert requests.get(url.format("postgresql"), headers=headers, timeout=DEADLINE_SECONDS).status_code == 404
