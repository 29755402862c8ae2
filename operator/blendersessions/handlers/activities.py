"""What is known of life in the desktops: the tunnels by one poll for all, and what each said when it was asked."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from blendersessions.gateways.agent import Desktop
from blendersessions.model.errors import DomainError, Unavailable
from blendersessions.model.secret_data import decode
from blendersessions.planning.lifetime import Activity
from blendersessions.resources.secret import AGENT_TOKEN

if TYPE_CHECKING:
    from blendersessions.gateways.agent import DesktopStatus
    from blendersessions.handlers.context import World
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session

logger = logging.getLogger(__name__)


@dataclass
class Activities:
    """By the session's UID; what a restart forgets is asked for again."""

    opened: dict[str, tuple[datetime, ...]] = field(default_factory=dict)
    said: dict[str, Activity] = field(default_factory=dict)
    warned: dict[str, datetime] = field(default_factory=dict)

    def of(self, session: Session) -> Activity:
        """Return what is known of a session."""
        status = session.status
        known = self.said.get(session.uid, Activity())
        ready_at = _moment(status.get("readyAt"))
        reported = _moment((status.get("activity") or {}).get("lastActiveAt"))
        if known.last_input_at is None and ready_at is not None and reported is not None and reported > ready_at:
            # Before a restart somebody was seen to be active then.
            known = replace(known, last_input_at=reported)
        return replace(
            known,
            started_at=_moment(status.get("startedAt")),
            ready_at=ready_at,
            opened_at=self.opened.get(session.uid, ()),
        )

    def take(self, session: Session, said: DesktopStatus, now: datetime) -> None:
        """Note what a desktop said."""
        former = self.said.get(session.uid, Activity())
        self.said[session.uid] = Activity(
            last_input_at=now - timedelta(seconds=said.idle_seconds),
            rendering=said.rendering,
            last_render_at=now if said.rendering else former.last_render_at,
            asked_at=now,
        )

    def forget(self, uid: str) -> None:
        """Forget a session that is gone, or a run of it that is over."""
        for known in (self.opened, self.said, self.warned):
            known.pop(uid, None)


def desktop_of(pod: Manifest | None, secret: Manifest | None) -> Desktop:
    """Name the agent of a desktop.

    Raises:
        Unavailable: it has no address yet, or no token.
    """
    address = str(((pod or {}).get("status") or {}).get("podIP") or "")
    token = decode(secret, AGENT_TOKEN) if secret is not None else ""
    if pod is None or not address or not token:
        raise Unavailable("The desktop has no address or no token yet; it is asked when it has.", "Agent")
    return Desktop(pod["metadata"]["name"], address, token)


async def watch_tunnels(world: World, seconds: float) -> None:
    """Look for ever which browsers are connected, by one request a turn."""
    while True:
        try:
            await count_tunnels(world)
        except DomainError as error:
            logger.info("Who is connected is not known: %s", error)
        except Exception:
            # An answer that nobody thought of must not end the watch for the rest of the process's life.
            logger.exception("Looking for tunnels failed unexpectedly; it is tried again.")
        await asyncio.sleep(seconds)


async def count_tunnels(world: World) -> None:
    """Note the tunnels of each session, and have those looked at for which they changed."""
    tunnels = await world.registry.tunnels()
    names = {record.identifier: name for name, record in world.registry.known_connections().items()}
    opened: dict[str, list[datetime]] = {}
    for tunnel in tunnels:
        ref = world.store.session_named(names.get(tunnel.connection, ""))
        session = world.store.session(ref) if ref is not None else None
        if session is not None:
            opened.setdefault(session.uid, []).append(datetime.fromtimestamp(tunnel.opened_at, UTC))
    former, world.activities.opened = (
        world.activities.opened,
        {uid: tuple(sorted(moments)) for uid, moments in opened.items()},
    )
    for uid in former.keys() | opened.keys():
        if former.get(uid) != world.activities.opened.get(uid) and (ref := world.store.session_with(uid)) is not None:
            world.wake(ref)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
