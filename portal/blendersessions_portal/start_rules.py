"""What a start is refused for: a class that is not the visitor's, what the class does not let in, or no room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.errors import Invalid, System
from blendersessions_portal import wording
from blendersessions_portal.problems import FullError

if TYPE_CHECKING:
    from blendersessions_portal.identity import Visitor
    from blendersessions_portal.scene_choice import SceneChoice
    from blendersessions_portal.session_store import SessionStore


def check_class(visitor: Visitor, class_name: str) -> None:
    """Refuse a class that the visitor may not choose.

    Raises:
        Invalid: it is none of the visitor's.
    """
    if class_name not in (visitor.classes or (visitor.class_name,)):
        raise Invalid(f"You may not start sessions of the class “{class_name}”. Choose another one.", System.OWN)


async def check_scene(store: SessionStore, scene: SceneChoice, class_name: str) -> None:
    """Refuse a scene that the class does not let in.

    Raises:
        Invalid: the class takes no uploads, or its desktops have no way to the internet.
    """
    if scene.upload and not (await store.rules(class_name)).upload:
        raise Invalid(f"{wording.NO_UPLOADS} Choose one of the scenes.", System.OWN)
    if scene.url and not (await store.rules(class_name)).addresses:
        raise Invalid(wording.NO_ADDRESSES, System.OWN)


async def check_room(store: SessionStore, most: int) -> None:
    """Refuse a start when all visitors together have as many sessions as there may be.

    Raises:
        FullError: they have.
    """
    if await store.count() >= most:
        raise FullError(
            "All places for sessions of this page are taken. Try again when somebody has stopped a session, or"
            " when one has ended by itself. If you have one that you no longer need, please stop it.",
            System.OWN,
        )
