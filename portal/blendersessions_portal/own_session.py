"""The session of an address, if it is the visitor's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.errors import NotFound, System

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions_portal.identity import Identifier, Visitor
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView


async def own_session(request: Request, identifier: Identifier, store: SessionStore) -> tuple[Visitor, SessionView]:
    """Return the visitor, and the session that the address names.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    visitor = identifier.identify(request)
    name = request.path_params["name"]
    if not visitor.known:
        raise NotFound(f"There is no session “{name}”.", System.OWN)
    return visitor, await store.get(visitor.owner, name)
