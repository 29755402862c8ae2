"""The rules of classes as pages show them. What is let through is decided by the store's own word, read anew."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from blendersessions.model.errors import DomainError
from blendersessions_portal.transfer_rules import TransferRules

if TYPE_CHECKING:
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView

logger = logging.getLogger(__name__)


async def rules_shown(store: SessionStore, session: SessionView) -> TransferRules:
    """Return the rules that the page of a session shows; none of them matter if it waits for no file."""
    return await class_rules_shown(store, session.class_name) if session.wants_file else TransferRules()


async def class_rules_shown(store: SessionStore, class_name: str) -> TransferRules:
    """Return the rules of a class; the defaults if they cannot be read."""
    try:
        return await store.rules(class_name, may_be_known=True)
    except DomainError as error:
        # The page is shown all the same. What a form asks for is checked again.
        logger.warning("The rules of the class %s cannot be read: %s", class_name, error)
        return TransferRules()
