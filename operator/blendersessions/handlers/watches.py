"""Watch what belongs to sessions, from where its list ended: nothing falls into a gap between the two.

Kopf watches sessions and classes. Of the rest there are four objects a session, and Kopf's way from a watch to a
handler costs more than all that is then done here: see docs/decisions/0005-watches-of-our-own.md.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from blendersessions.handlers.listing import list_anew, note
from blendersessions.handlers.workqueue import backoff
from blendersessions.model.errors import DomainError, Expired, Unauthorised
from blendersessions.model.labels import SELECTOR

if TYPE_CHECKING:
    from blendersessions.handlers.context import World
    from blendersessions.handlers.listing import Place

logger = logging.getLogger(__name__)

LONGEST_DELAY = 10.0
"""Seconds between two attempts to watch: what happens meanwhile is seen late."""
SHORTEST_DELAY = 0.1
"""Seconds before a watch that told something and ended in order goes on."""
ATTEMPTS = 3
"""After so many in vain the version may be what is wrong, or what is between us and the API server."""


async def keep_watch(world: World, place: Place, version: str) -> None:
    """Note what happens in a collection for ever, and have the sessions that it concerns looked at."""
    attempt, told = 0, ""
    while True:
        attempt += 1
        try:
            if not version:
                version = await list_anew(world, place)
            async with aclosing(world.kubernetes.watch(*place, SELECTOR, version)) as changes:
                async for change in changes:
                    if change.manifest is not None:
                        note(world, change.manifest, gone=change.gone)
                    attempt, version, told = 0, change.version, ""
        except Expired:
            version = ""
        except DomainError as error:
            # One that breaks is nothing to read about, but nobody may wonder why sessions stand still.
            lasting = attempt >= ATTEMPTS or isinstance(error, Unauthorised)
            if lasting and str(error) != told:
                told = str(error)
                logger.warning("What happens to each %s is not seen; it is tried further on. %s", place.kind, error)
        except Exception:
            # An answer that nobody thought of must not end the watch for the rest of the process's life.
            logger.exception("The watch of %s failed unexpectedly; it is begun anew.", place.kind)
            version = ""
        if attempt >= ATTEMPTS:
            version = ""
        await asyncio.sleep(min(backoff(attempt), LONGEST_DELAY) if attempt else SHORTEST_DELAY)
