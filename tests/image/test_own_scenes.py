"""A person's own scene comes on screen from a volume, a URL and an upload; what cannot be opened is told in words."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import zipfile
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from e2e.picture import difference, viewport
from tls_server import Answering, tls_server
from unit.scene.blends import new_blend
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from image.container import Container
    from image.desktops import RunDesktop

MAKE = """
import os
folder = "/home/blender/made"
os.makedirs(folder)
image = bpy.data.images.new("wood", 8, 8)
image.pixels = [1, 0, 0, 1] * 64
image.filepath_raw, image.file_format = folder + "/wood.png", "PNG"
image.save()
material = bpy.data.materials.new("Wood")
material.use_nodes = True
texture = material.node_tree.nodes.new("ShaderNodeTexImage")
texture.image = image
material.node_tree.links.new(texture.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs[0])
cube = bpy.data.objects["Cube"].data
cube.materials.clear()
cube.materials.append(material)
bpy.context.scene.name = "日本"
text = bpy.data.texts.new("hostile.py")
text.write("open('/tmp/ran', 'w')")
text.use_module = True
bpy.ops.wm.save_as_mainfile(filepath=folder + "/cart.blend", relative_remap=True, compress=True)
bpy.ops.wm.read_homefile()
"""
TEXTURE = "[image.has_data or bool(image.pixels[0]) for image in bpy.data.images if image.name == 'wood']"
SCENE = "bpy.context.scene.name"
QUIT = "with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]): bpy.ops.wm.quit_blender()"


def reason(container: Container) -> str:
    return str(container.status().get("scene_reason", "?"))


def visible(container: Container) -> list[str]:
    return sorted(path.name for path in container.home.iterdir() if not path.name.startswith("."))


def wait_reason(container: Container, wanted: str) -> str:
    """Wait until the agent has this reason, and return its sentence."""
    until(lambda: f"{wanted} and not {container.status()}", lambda: reason(container) == wanted)
    return str(container.status()["scene_message"])


@pytest.fixture(scope="module")
def upload(run_module_desktop: RunDesktop) -> Container:
    """A desktop that waited for an upload and got the scene of these tests, as an archive."""
    container = run_module_desktop(env={"BLENDER_SCENE_UPLOAD": "true"})
    message = wait_reason(container, "AwaitingUpload")
    assert "waits for a scene" in message
    until("Blender's version is known", lambda: container.status()["blender_version"])
    assert container.agent.get("/readyz").json()["reason"] == "AwaitingUpload"
    return container


@pytest.fixture(scope="module")
def made(upload: Container) -> Path:
    """The folder with the scene and its texture."""
    until("Blender is on screen", lambda: upload.status()["draws"])
    upload.blender(MAKE)
    return upload.home / "made"


@pytest.fixture(scope="module")
def archive(made: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.write(made / "cart.blend", "cart/cart.blend")
        file.write(made / "wood.png", "cart/wood.png")
    return packed.getvalue()


def refuse_bad_uploads(container: Container, scene: bytes, archive: bytes) -> None:
    for name, content, status, words in (
        ("cart.blend", b"garbage", 415, "is no .blend file"),
        ("cart.blend", scene[:100], 415, "is cut off"),
        ("cart.blend", scene[:20_000], 415, "Blender cannot read the file"),
        (
            "new.blend",
            new_blend("0909", (9, 7, 0)),
            415,
            "saved by Blender 9.9 and needs Blender 9.7 or newer. This desktop has Blender",
        ),
        ("cart.obj", b"x", 400, "Name a scene"),
        ("cart.zip", archive[:-30], 415, "damaged .zip"),
    ):
        answer = container.agent.send("PUT", f"/scene/{name}", content)
        assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text
        assert reason(container) == "AwaitingUpload"
    assert visible(container) == ["autosave", "made"]


def put(container: Container, name: str, content: bytes, expected: str) -> None:
    answer = container.agent.send("PUT", f"/scene/{name}", content)
    assert (answer.status_code, answer.json()) == (200, {"file": expected})
    container.wait_ready()
    assert (container.status()["file"], reason(container)) == (f"/home/blender/{expected}", "")


def test_an_upload_is_awaited_and_opened_and_another_one_too(
    upload: Container, archive: bytes, made: Path, tmp_path: Path
) -> None:
    scene = (made / "cart.blend").read_bytes()
    refuse_bad_uploads(upload, scene, archive)
    empty = upload.screenshot(tmp_path / "empty.png")
    put(upload, "My%20%E6%97%A5.zip", archive, "My 日/cart.blend")
    assert (upload.blender(SCENE), upload.blender(TEXTURE)) == ("日本", [True])
    assert difference(viewport(upload.screenshot(tmp_path / "cart.png")), viewport(empty)) > 1
    assert not (upload.tmp / "ran").exists()

    # What is open is saved before the next one is opened, and a scene alone lacks its texture.
    upload.blender("bpy.context.scene.name = 'Changed'; bpy.ops.ed.undo_push()")
    put(upload, "cart.blend", scene, "cart.blend")
    upload.wait_log("cart.blend links to files that are missing: wood.png.")
    assert sorted(path.name for path in upload.home.glob("untitled*")) == []

    # A later start opens what was open last.
    upload.start_again()
    upload.wait_ready()
    assert (upload.status()["scene"], reason(upload)) == ("cart.blend", "")
    upload.blender("bpy.ops.wm.open_mainfile(filepath='/home/blender/My 日/cart.blend')")
    assert upload.blender(SCENE) == "Changed"

    # No upload ends a render.
    upload.blender(
        "scene = bpy.context.scene; scene.render.engine = 'CYCLES'; scene.cycles.samples = 4096;"
        "bpy.ops.render.render('INVOKE_DEFAULT')"
    )
    until("the render runs", lambda: upload.status()["work"] == "Render")
    answer = upload.agent.send("PUT", "/scene/cart.blend", scene)
    assert (answer.status_code, "A render or a bake runs" in answer.json()["message"]) == (409, True)
    assert upload.blender("bpy.app.is_job_running('RENDER')")


def test_a_volumes_folder_is_opened_and_no_link_is_followed(
    made: Path, run_desktop: RunDesktop, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    for name in ("cart.blend", "wood.png"):
        (volume / name).write_bytes((made / name).read_bytes())
    (volume / "link.png").symlink_to("/etc/passwd")
    tmp_path.chmod(0o755)
    container = run_desktop(env={"BLENDER_SCENE_PATH": "scenes/cart"}, read_only={"/run/scene/scenes/cart": volume})
    container.wait_ready()
    assert container.status()["file"] == "/home/blender/cart/cart.blend"
    assert container.blender(TEXTURE) == [True]
    assert visible(container) == ["autosave", "cart"]
    container.wait_log("Links and the like in the volume were not copied: link.png.")


class Server:
    """A server that gives another answer each time the agent starts."""

    def __init__(self, archive: bytes, other: bytes) -> None:
        self.archive, self.other = archive, other
        self.step = "too large"
        self.go_on = threading.Event()

    async def script(self, answering: Answering) -> None:
        """Answer one request."""
        match self.step:
            case "too large":
                await answering.respond("200 OK", length=10_000_000_000)
                await answering.hang()
            case "metadata":
                await answering.respond("302 Found", b"", "Location: https://169.254.169.254/latest/meta-data")
            case "changed":
                await answering.respond("200 OK", self.other)
            case _:
                half = len(self.archive) // 2
                await answering.respond("200 OK", self.archive[:half], length=len(self.archive))
                await asyncio.to_thread(self.go_on.wait)
                await answering.send(self.archive[half:])


def test_a_url_is_fetched_and_opened_and_what_goes_wrong_is_told(
    archive: bytes, run_desktop: RunDesktop, tmp_path: Path
) -> None:
    folder = tmp_path / "ca"
    folder.mkdir()
    server = Server(archive, b"other")
    with ExitStack() as stack:

        def environment(host: str) -> dict[str, str]:
            running = stack.enter_context(tls_server(folder, server.script, host))
            return {
                "BLENDER_SCENE_URL": running.url("/cart.zip?token=secret"),
                "BLENDER_SCENE_SHA256": hashlib.sha256(archive).hexdigest(),
                "BLENDER_FETCH_NETWORKS": f"{host}/32",
                "BLENDER_FETCH_CA_FILE": "/run/fetch-ca/ca.crt",
                "BLENDER_FETCH_SECONDS": "30",
            }

        container = run_desktop(env=environment, read_only={"/run/fetch-ca": folder})
        for step, wanted, words in (
            ("too large", "SceneTooLarge", "larger than the 2.1 GB that the session class allows (it has 10.0 GB"),
            ("metadata", "SceneUnreachable", "169.254.169.254 is not a public address"),
            ("changed", "SceneChecksumMismatch", "has the SHA-256 checksum"),
            ("fetched", "SceneFetching", "/cart.zip is being fetched: 0 of 1 MB."),
        ):
            if step != server.step:
                server.step = step
                container.kill_process("agent")
            until(
                lambda words=words: f"{words} and not {container.status()}",
                lambda words=words: words in container.status().get("scene_message", ""),
            )
            assert (reason(container), container.agent.get("/readyz").status_code) == (wanted, 503)
            if wanted != "SceneFetching":
                container.wait_log(f"The scene was not opened. {container.status()['scene_message']}")
        assert container.agent.send("PUT", "/scene/cart.zip", archive).status_code == 409

        # Somebody quits Blender while the scene is on its way.
        blender = container.pid("blender")
        until("Blender is on screen", lambda: container.status()["draws"])
        container.blender(f"bpy.app.timers.register(lambda: exec({QUIT!r}, {{'bpy': bpy}}))")
        container.wait_replaced("blender", blender)
        server.go_on.set()
        container.wait_ready()
        assert container.status()["file"] == "/home/blender/cart/cart.blend"
        assert (reason(container), container.blender(TEXTURE)) == ("", [True])
        assert visible(container) == ["autosave", "cart"]
        assert "secret" not in container.log()
        assert list((container.home / ".blender-session-transfers").iterdir()) == []

    # The server is gone, and a new pod with this home folder needs it no more.
    container.start_again(new_pod=True)
    container.wait_ready()
    assert container.status()["file"] == "/home/blender/cart/cart.blend"


def test_nobody_uploads_and_a_path_is_missing(run_desktop: RunDesktop, tmp_path: Path) -> None:
    late = run_desktop(env={"BLENDER_SCENE_UPLOAD": "true", "BLENDER_UPLOAD_SECONDS": "0"})
    assert "No scene was uploaded within 0 seconds" in wait_reason(late, "UploadTimedOut")
    # The desktop's user must be able to look into it.
    tmp_path.chmod(0o755)
    missing = run_desktop(env={"BLENDER_SCENE_PATH": "scenes/cart.blend"}, read_only={"/run/scene": tmp_path})
    assert "scenes is not in the volume" in wait_reason(missing, "SceneNotFound")
