"""Text in any script arrives as it was typed, copied or pasted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from e2e.picture import difference
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from image.container import Container

LATIN = "Grün é ß"
SCRIPTS = (LATIN, "Ωλ", "Привет", "日本語", "שלום", "€✓")
ANY_SCRIPT = " ".join(SCRIPTS)
CLIPBOARD = "bpy.context.window_manager.clipboard"
TYPED = ("éß", "Ωλ", "Пр", "日本", "של")
NAME = "bpy.context.view_layer.objects.active.name"
ADD = "bpy.ops.object.empty_add(); bpy.context.object.name = 'Before'"


def changed(desktop: Container, before: Image.Image, folder: Path) -> Image.Image:
    """Wait until the screen shows something new, and return the picture."""
    pictures = [before]

    def is_new() -> bool:
        pictures.append(desktop.screenshot(folder / "now.png"))
        return bool(difference(pictures[-1], before))

    until("the screen shows something new", is_new)
    return pictures[-1]


@pytest.mark.parametrize("text", TYPED)
def test_text_that_is_typed(desktop: Container, tmp_path: Path, text: str) -> None:
    """A person renames an object: F2 over the 3D view, the name, Return."""
    desktop.blender(ADD)
    desktop.vnc("move", "500", "400")
    before = desktop.screenshot(tmp_path / "before.png")
    desktop.vnc("key", "f2")
    picture = changed(desktop, before, tmp_path)
    with desktop.viewer() as viewer:
        # One by one, as a person types: Xvnc gives the keys of a character that no key has away again.
        for character in text:
            viewer.type_text(character)
            picture = changed(desktop, picture, tmp_path)
    desktop.vnc("key", "enter")
    until(lambda: f"{desktop.blender(NAME)!r} is {text!r}", lambda: desktop.blender(NAME) == text)


def test_text_that_is_pasted(desktop: Container) -> None:
    with desktop.viewer() as viewer, ThreadPoolExecutor(1) as pool:
        offer = pool.submit(viewer.offer, ANY_SCRIPT)
        until("the clipboard has the text", lambda: desktop.blender(CLIPBOARD) == ANY_SCRIPT)
        offer.result()


def test_text_that_is_pasted_by_an_older_client(desktop: Container) -> None:
    with desktop.viewer() as viewer:
        viewer.copy_latin(LATIN)
        until("the clipboard has the text", lambda: desktop.blender(CLIPBOARD) == LATIN)
