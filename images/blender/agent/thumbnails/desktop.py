"""The pictures of one desktop."""

from collections.abc import Callable

from agent.thumbnails.files import FileThumbnails
from agent.thumbnails.making import FILE, SCREEN, make
from agent.thumbnails.screen import Screen


class DesktopThumbnails:
    """Has the pictures of the screen and of files made by the programs of the image.

    Args:
        is_drawn: whether Blender shows a scene.
    """

    def __init__(self, is_drawn: Callable[[], bool]) -> None:
        self.screen = Screen(lambda: make(SCREEN), is_drawn)
        self.files = FileThumbnails(lambda kind, descriptor: make((*FILE, kind), descriptor))
