"""A scene that a person made goes in by each way, shows in the browser, is changed, and comes out with the change."""

from __future__ import annotations

import base64
import re
import socket
from typing import TYPE_CHECKING

import pytest

from e2e.background import in_blender, made
from e2e.command import command
from e2e.connections import entered
from e2e.desktop import Desktop, manifest
from e2e.kubectl import TIMEOUT
from e2e.network import node_of, world_around
from e2e.picture import SAME, difference, from_tab, from_vnc, viewport
from file_choosers import catch_file_choosers
from localcluster import images
from tls_server import Answering, tls_server
from waiting import DEADLINE_MILLISECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from e2e.kubectl import Kubectl
    from localcluster.cluster import Cluster

MAKE = """
import bpy
image = bpy.data.images.new("wood", 64, 64)
image.pixels = [1, 0, 0, 1] * 4096
image.filepath_raw, image.file_format = "/tmp/made/wood.png", "PNG"
image.save()
cube = bpy.data.objects["Cube"]
material = bpy.data.materials.new("Wood")
material.use_nodes = True
texture = material.node_tree.nodes.new("ShaderNodeTexImage")
texture.image = image
material.node_tree.links.new(texture.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs[0])
cube.data.materials.clear()
cube.data.materials.append(material)
cube.scale = (3, 3, 3)
bpy.ops.wm.save_as_mainfile(filepath="/tmp/made/cart.blend", relative_remap=True, compress=True)
"""
DESCRIBE = """
import bpy
image = bpy.data.images["wood"]
print("FOUND", sorted(each.name for each in bpy.data.objects), image.size[0], image.packed_file is None)
"""
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "library", "annotations": {"blendersessions.io/scenes-for": "*"}},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.fixture
def scene(started: Callable[..., Desktop]) -> dict[str, bytes]:
    """A scene with a texture beside it, which was made in another desktop."""
    return made(started("maker"), MAKE)


def ready(kubectl: Kubectl, name: str) -> Desktop:
    kubectl.run("wait", "--for=condition=Ready", f"blendersession/{name}", TIMEOUT)
    return Desktop(kubectl, name)


def reason(desktop: Desktop) -> str:
    """Return why the scene of a session is on screen, or is not."""
    conditions = desktop.body.get("status", {}).get("conditions", [])
    return next((str(each["reason"]) for each in conditions if each["type"] == "SceneReady"), "")


def delete_the_cube(desktop: Desktop) -> None:
    """As a person does: X, Enter, on the object that is selected."""
    desktop.agent.give_input("move", "500", "350", "key", "x", "key", "enter")
    until("Blender says that the scene was changed", lambda: desktop.agent.status().get("dirty"))
    assert desktop.agent.ask("/save", {}).status_code == 200


def test_a_scene_goes_in_by_the_portal_and_comes_out_changed(
    portal_namespace: Kubectl, scene: dict[str, bytes], page: Page, public_url: str, tmp_path: Path, kubectl: Kubectl
) -> None:
    catch_file_choosers(page)
    page.goto(public_url)
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Choose a file").click()
    chooser.value.set_files({"name": "Mein Stuhl.zip", "mimeType": "application/zip", "buffer": scene["cart.zip"]})
    page.wait_for_url(re.compile(r"/guacamole/"), timeout=DEADLINE_MILLISECONDS)
    (name,) = portal_namespace.names("blendersessions")
    desktop = Desktop(portal_namespace, name.partition("/")[2])
    until("the tab shows Blender", lambda: difference(from_vnc(desktop, tmp_path / "vnc.png"), from_tab(page)) < SAME)
    assert desktop.agent.status()["file"] == "/home/blender/Mein Stuhl/cart.blend"
    until("the status names the file", lambda: desktop.body["status"].get("scene") == {"name": "cart.blend"})
    assert desktop.body["status"]["blender"]["version"].startswith("4.3")
    before = from_vnc(desktop, tmp_path / "before.png")
    delete_the_cube(desktop)
    assert difference(viewport(from_vnc(desktop, tmp_path / "after.png")), viewport(before)) > 1

    page.goto(f"{public_url}sessions/{desktop.session}/files?path=Mein%20Stuhl")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as .zip").click()
    download.value.save_as(tmp_path / "changed.zip")
    # What came out holds the change, and finds its texture.
    done = command(kubectl, tmp_path, "upload", "maker", "changed.zip", "--to", ".", "--no-open")
    assert done.returncode == 0, done.stderr
    maker = Desktop(kubectl, "maker")
    maker.agent.run("cd /tmp/made && rm -rf * && python3 -m zipfile -e /home/blender/changed.zip .")
    file = maker.agent.run("find /tmp/made -name cart.blend")
    assert "FOUND ['Camera', 'Light'] 64 True" in in_blender(maker, DESCRIBE, file)


def test_a_scene_goes_in_by_the_command(kubectl: Kubectl, scene: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "cart.zip").write_bytes(scene["cart.zip"])
    created = command(kubectl, tmp_path, "create", "chair", "--upload")
    assert created.returncode == 0, created.stderr
    waiting = Desktop(kubectl, "chair")
    until("the session waits for its file", lambda: reason(waiting) == "AwaitingUpload")
    (tmp_path / "broken.blend").write_bytes(scene["cart.blend"][:100])
    refused = command(kubectl, tmp_path, "upload", "chair", "broken.blend")
    assert (refused.returncode, "is cut off" in refused.stderr) == (1, True), refused.stderr
    sent = command(kubectl, tmp_path, "upload", "chair", "cart.zip")
    assert sent.returncode == 0, sent.stderr
    assert ready(kubectl, "chair").agent.status()["file"] == "/home/blender/cart/cart.blend"
    listed = command(kubectl, tmp_path, "files", "chair", "cart", "-o", "name").stdout.split()
    assert listed == ["cart/cart.blend", "cart/wood.png"]


def fill(kubectl: Kubectl, image: str, folder: str, files: dict[str, bytes]) -> None:
    """Write files to a folder of the claim, as whoever keeps the library does."""
    mounts = [{"name": "from", "mountPath": "/from"}, {"name": "to", "mountPath": "/to"}]
    container = {
        "name": "shell",
        "image": image,
        "command": ["/bin/sh", "-ec", f"mkdir -p /to/{folder} && cp -L /from/* /to/{folder}"],
        "volumeMounts": mounts,
    }
    volumes = [
        {"name": "from", "configMap": {"name": "files"}},
        {"name": "to", "persistentVolumeClaim": {"claimName": "library"}},
    ]
    data = {name: base64.b64encode(content).decode() for name, content in files.items()}
    security = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000}
    kubectl.apply(
        CLAIM,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "files"}, "binaryData": data},
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "librarian"},
            "spec": {
                "restartPolicy": "Never",
                "securityContext": security,
                "containers": [container],
                "volumes": volumes,
            },
        },
    )
    kubectl.run("wait", "pod/librarian", "--for=jsonpath={.status.phase}=Succeeded", TIMEOUT)


def test_a_scene_comes_from_a_volume(kubectl: Kubectl, scene: dict[str, bytes]) -> None:
    maker = kubectl.get("pod", Desktop(kubectl, "maker").name)
    image = maker["spec"]["containers"][0]["image"]
    fill(kubectl, image, "chairs", {name: scene[name] for name in ("cart.blend", "wood.png")})
    kubectl.apply(manifest("shelf", scene={"volume": {"claimName": "library", "path": "chairs"}}))
    desktop = ready(kubectl, "shelf")
    assert desktop.agent.status()["file"] == "/home/blender/chairs/cart.blend"
    assert desktop.agent.run("ls /home/blender/chairs").split() == ["cart.blend", "wood.png"]
    kubectl.apply(manifest("nothing", scene={"volume": {"claimName": "library", "path": "tables"}}))
    nothing = Desktop(kubectl, "nothing")
    until("the path that is not there is told", lambda: reason(nothing) == "SceneNotFound")


def test_a_scene_comes_from_an_address_of_the_internet(
    cluster: Cluster, kubectl: Kubectl, scene: dict[str, bytes], tmp_path: Path
) -> None:
    async def script(answering: Answering) -> None:
        if answering.asked[""].startswith("/cart.zip"):
            await answering.respond("200 OK", scene["cart.zip"])
        elif answering.asked[""] == "/away":
            await answering.respond("302 Found", b"", "Location: https://169.254.169.254/latest/meta-data")
        else:
            await answering.respond("404 Not Found")

    with world_around(node_of(cluster)) as world:
        place = world["internet"]
        with entered(place.namespace):
            listener = socket.create_server((place.address, 443))
        with tls_server(tmp_path, script, place.address, listener=listener) as server:
            authority = {"ca.crt": server.ca_file.read_text()}
            kubectl.apply(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}, "data": authority},
                {
                    "apiVersion": "blendersessions.io/v1alpha1",
                    "kind": "BlenderSessionClass",
                    "metadata": {"name": "public"},
                    "spec": {"egress": "Public", "transfer": {"caConfigMap": "authority"}},
                },
                manifest("fetched", className="public", scene={"url": server.url("/cart.zip?secret=1")}),
                manifest("away", className="public", scene={"url": server.url("/away")}),
            )
            assert ready(kubectl, "fetched").agent.status()["file"] == "/home/blender/cart/cart.blend"
            away = Desktop(kubectl, "away")
            until("the redirect to a metadata address is refused", lambda: reason(away) == "SceneUnreachable")
            told = [each["message"] for each in away.body["status"]["conditions"] if each["type"] == "SceneReady"]
            assert "169.254.169.254" in told[0]


def test_a_file_of_a_newer_blender_needs_a_newer_class(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    built = images.build(["blender-5.2"])["blender-5.2"]
    image = f"docker.io/{built.repository}:{built.tag}"
    cluster.import_images([(image, built.archive)])
    kubectl.apply(
        {
            "apiVersion": "blendersessions.io/v1alpha1",
            "kind": "BlenderSessionClass",
            "metadata": {"name": "blender-5"},
            "spec": {"image": image, "blenderVersion": "5.2"},
        },
        manifest("newer", className="blender-5", scene={"upload": {}}),
        manifest("older", scene={"upload": {}}),
    )
    newer, older = Desktop(kubectl, "newer"), Desktop(kubectl, "older")
    for each in (newer, older):
        until("the session waits for its file", lambda each=each: reason(each) == "AwaitingUpload")
    (tmp_path / "cart.blend").write_bytes(made(newer, MAKE)["cart.blend"])
    refused = command(kubectl, tmp_path, "upload", "older", "cart.blend")
    assert refused.returncode == 1
    assert re.search(r"saved by Blender 5\.2 .* This desktop has Blender 4\.3", refused.stderr), refused.stderr
    opened = command(kubectl, tmp_path, "upload", "newer", "cart.blend")
    assert opened.returncode == 0, opened.stderr
    assert ready(kubectl, "newer").agent.status()["scene"] == "cart.blend"
    until("the version is told", lambda: newer.body["status"].get("blender", {}).get("version", "").startswith("5.2"))
