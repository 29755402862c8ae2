"""Files go in and out of a desktop whole, whatever Blender, the disk, other users' files and the clients do."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from image.container import AGENT_PORT
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from image.container import Container
    from image.desktops import RunDesktop

MIB = 2**20
LARGE = 128 * MIB
FLAT = 32 * MIB
"""Far more than the blocks that four transfers have in memory, and far less than a file."""
AT_ONCE = 1000
UNFINISHED = ".blender-session-transfers"
OBJECTS = """
with bpy.data.libraries.load("/home/blender/{name}") as (found, _):
    names = list(found.objects)
len(names)
"""


@pytest.fixture(scope="module")
def small_desktop(run_module_desktop: RunDesktop) -> Container:
    """A desktop with a small disk, whose class lets nothing out, and in at most 12 MiB."""
    env = {"BLENDER_TRANSFER_DOWNLOAD": "false", "BLENDER_TRANSFER_MAX_BYTES": str(12 * MIB)}
    container = run_module_desktop(home_bytes=16 * MIB, env=env)
    container.wait_ready()
    return container


def connect(container: Container) -> socket.socket:
    return socket.create_connection((container.address, AGENT_PORT), timeout=DEADLINE_SECONDS)


def unfinished(container: Container) -> list[str]:
    """Return what lies in the folder of uploads."""
    folder = container.home / UNFINISHED
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def peak_memory(container: Container) -> int:
    """Return the most resident memory that the agent has had, in bytes. See proc_pid_status(5)."""
    lines = Path(f"/proc/{container.pid('agent')}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_a_scene_goes_out_and_in_again_and_blender_reads_it(desktop: Container) -> None:
    scene = desktop.agent.send("GET", "/files/shopping_cart.blend").content
    answer = desktop.agent.send("PUT", "/files/from%20home/%E6%A4%85%E5%AD%90.blend", scene)
    assert answer.status_code == 201
    objects = desktop.blender(OBJECTS.format(name="shopping_cart.blend"))
    assert desktop.blender(OBJECTS.format(name="from home/椅子.blend")) == objects > 1
    listed = desktop.agent.send("GET", "/files?path=from+home").json()["files"]
    assert [(each["name"], each["bytes"]) for each in listed] == [("椅子.blend", len(scene))]
    status = (desktop.home / "from home" / "椅子.blend").stat()
    assert (status.st_uid, status.st_mode & 0o777) == (1000, 0o644)


def test_a_large_file_goes_through_flat_memory_while_blender_computes(desktop: Container) -> None:
    block = os.urandom(MIB)
    with desktop.computing():
        before = peak_memory(desktop)
        with connect(desktop) as client:
            client.sendall(desktop.agent.head("PUT", "/files/large", f"Content-Length: {LARGE}"))
            for number in range(LARGE // MIB):
                client.sendall(block)
                if number % 32 == 0:
                    assert desktop.agent.get("/readyz").status_code == 200
            assert client.recv(64).startswith(b"HTTP/1.1 201")
        for path in ("/files/large", "/archive"):
            with desktop.agent.send("GET", path) as answer:
                received = 0
                for piece in answer.iter_content(MIB):
                    received += len(piece)
                assert received >= LARGE
            assert desktop.agent.get("/status").status_code == 200
        assert peak_memory(desktop) - before < FLAT
    assert desktop.agent.send("DELETE", "/files/large").status_code == 204


def test_other_users_files_are_refused_and_left_out_with_words(desktop: Container) -> None:
    theirs = desktop.home / "theirs"
    theirs.mkdir()
    for name, mode in (("secret", 0o600), ("folder", 0o700)):
        (theirs / name).touch() if name == "secret" else (theirs / name).mkdir()
        (theirs / name).chmod(mode)
    theirs.chmod(0o755)
    refused = [
        desktop.agent.send("GET", "/files/theirs/secret"),
        desktop.agent.send("GET", "/files?path=theirs/folder"),
        desktop.agent.send("PUT", "/files/theirs/new", b"x"),
        desktop.agent.send("DELETE", "/files/theirs/secret"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert all("Permission denied" in answer.json()["message"] for answer in refused)
    archive = zipfile.ZipFile(io.BytesIO(desktop.agent.send("GET", "/archive?path=theirs").content))
    assert archive.namelist() == ["not in this archive.txt"]
    assert b"secret: Permission denied." in archive.read(archive.namelist()[0])
    assert unfinished(desktop) == []


def cut_an_upload(container: Container, client: socket.socket) -> None:
    client.sendall(container.agent.head("PUT", "/files/cut.blend", f"Content-Length: {8 * MIB}") + bytes(MIB))


def leave_a_download(container: Container, client: socket.socket) -> None:
    client.sendall(container.agent.head("GET", "/files/shopping_cart.blend"))


def leave_an_archive(container: Container, client: socket.socket) -> None:
    client.sendall(container.agent.head("GET", "/archive"))
    client.recv(1)


def send_a_body_with_a_wrong_token(_container: Container, client: socket.socket) -> None:
    head = "PUT /files/x HTTP/1.1\r\nHost: desktop\r\nAuthorization: Bearer no\r\nContent-Length: 999999\r\n\r\n"
    client.sendall(head.encode() + bytes(MIB))


RUDE = [cut_an_upload, leave_a_download, leave_an_archive, send_a_body_with_a_wrong_token]


@pytest.mark.parametrize("be_rude", RUDE, ids=lambda kind: kind.__name__)
def test_clients_that_go_in_the_middle_leave_nothing(
    desktop: Container, be_rude: Callable[[Container, socket.socket], None]
) -> None:
    blender = desktop.pid("blender")
    before = sorted(path.name for path in desktop.home.iterdir() if path.name != UNFINISHED)

    def one(_number: int) -> None:
        # The agent may hang up first.
        with connect(desktop) as client, contextlib.suppress(ConnectionError):
            be_rude(desktop, client)

    with ThreadPoolExecutor(32) as pool:
        rude = pool.map(one, range(AT_ONCE // 4))
        assert desktop.agent.get("/readyz").status_code == 200
        list(rude)
    until("nothing unfinished is left", lambda: not unfinished(desktop))
    until("places are free again", lambda: desktop.agent.send("PUT", "/files/-", b"x").status_code in {201, 204})
    assert desktop.agent.send("DELETE", "/files/-").status_code == 204
    assert sorted(path.name for path in desktop.home.iterdir() if path.name != UNFINISHED) == before
    assert desktop.pid("blender") == blender


def test_a_thousand_calls_at_once_are_done_or_asked_to_come_again(desktop: Container) -> None:
    calls = [
        ("GET", "/files", None),
        ("GET", "/files/shopping_cart.blend", None),
        ("GET", "/archive", None),
        ("PUT", "/files/many.bin", os.urandom(1000)),
    ]

    def one(number: int) -> int:
        method, path, content = calls[number % len(calls)]
        with desktop.agent.send(method, path, content) as answer:
            assert answer.content or answer.status_code == 204 or method == "PUT"
            return answer.status_code

    with ThreadPoolExecutor(64) as pool:
        statuses = set(pool.map(one, range(AT_ONCE)))
    assert statuses <= {200, 201, 204, 429}
    assert 200 in statuses
    assert desktop.agent.get("/status").status_code == 200
    until("places are free again", lambda: desktop.agent.send("PUT", *calls[-1][1:]).status_code in {201, 204})
    assert (desktop.home / "many.bin").stat().st_size == 1000


def test_what_the_class_does_not_allow_is_refused(small_desktop: Container) -> None:
    refused = [
        small_desktop.agent.send("GET", "/archive"),
        small_desktop.agent.send("PUT", "/files/a", bytes(12 * MIB + 1)),
    ]
    assert [answer.status_code for answer in refused] == [403, 413]


def test_a_disk_that_fills_during_an_upload_is_told_and_freed(small_desktop: Container) -> None:
    filler = small_desktop.home / "filler"
    with connect(small_desktop) as client:
        client.sendall(small_desktop.agent.head("PUT", "/files/a", f"Content-Length: {8 * MIB}") + bytes(4 * MIB))
        until("the upload has begun", lambda: unfinished(small_desktop))
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(MIB // 4))
        client.sendall(bytes(4 * MIB))
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 507 ")
    assert b"the volume of the home folder is full" in answer
    early = small_desktop.agent.send("PUT", "/files/a", bytes(8 * MIB))
    assert (early.status_code, "There is no room" in early.json()["message"]) == (507, True)
    assert unfinished(small_desktop) == []
    filler.unlink()
    assert small_desktop.agent.send("PUT", "/files/a", bytes(8 * MIB)).status_code == 201
    assert small_desktop.agent.send("DELETE", "/files/a").status_code == 204


def test_uploads_at_the_same_time_never_fill_the_disk_together(small_desktop: Container) -> None:
    with connect(small_desktop) as client:
        client.sendall(small_desktop.agent.head("PUT", "/files/a", f"Content-Length: {9 * MIB}"))
        until("the upload has begun", lambda: unfinished(small_desktop))
        others = [small_desktop.agent.send("PUT", f"/{kind}", bytes(9 * MIB)) for kind in ("files/b", "scene/b.blend")]
        assert [other.status_code for other in others] == [507, 507]
        assert "left on the volume of the home folder, besides what Blender needs" in others[0].json()["message"]
        client.sendall(bytes(9 * MIB))
        assert client.recv(64).startswith(b"HTTP/1.1 201")
    assert small_desktop.agent.send("DELETE", "/files/a").status_code == 204


def test_an_upload_that_ends_with_the_agent_is_removed_at_its_next_start(small_desktop: Container) -> None:
    former = small_desktop.pid("agent")
    with connect(small_desktop) as client:
        client.sendall(small_desktop.agent.head("PUT", "/files/a.blend", f"Content-Length: {8 * MIB}") + bytes(2 * MIB))
        until("the upload has begun", lambda: unfinished(small_desktop))
        small_desktop.kill_process("agent")
        small_desktop.wait_replaced("agent", former)
    until("what was unfinished is gone", lambda: not unfinished(small_desktop))
    assert not (small_desktop.home / "a.blend").exists()
    small_desktop.wait_ready()
