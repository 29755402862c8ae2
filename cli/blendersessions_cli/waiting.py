"""Waiting until a session is ready, or gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from blendersessions.model.conditions import ConditionType
from blendersessions.model.errors import System, Unavailable
from blendersessions_cli.openable_session import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions_cli.cluster import Cluster
    from blendersessions_cli.openable_session import OpenableSession

_POLL_SECONDS = 1.0
"""Seconds between two reads of a session."""


async def until_ready(
    cluster: Cluster, name: str, seconds: float, report: Callable[[str], None], *, or_upload: bool = False
) -> OpenableSession:
    """Wait until a session is ready, and return it.

    Args:
        cluster: where the session is.
        name: the session's name.
        seconds: longest wait.
        report: gets each new reason why the session is not ready.
        or_upload: whether the wait ends too when the session waits for its scene.

    Raises:
        NotReadyError: the session is not ready in time, or does not become ready by itself.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    reported = ""
    while True:
        openable = await cluster.session(name)
        if openable.links.get(openable.session.username):
            return openable
        if or_upload and openable.awaits_upload:
            return openable
        check_can_become_ready(openable)
        if (reason := f"{openable.ready.reason}: {openable.ready.message}") != reported:
            report(reason)
            reported = reason
        if asyncio.get_running_loop().time() >= deadline:
            raise NotReadyError(f"{openable.label} is not ready after {seconds:.0f} s. {reason}", System.KUBERNETES)
        await asyncio.sleep(_POLL_SECONDS)


def check_can_become_ready(openable: OpenableSession) -> None:
    """Check that a session is ready or can become ready by itself.

    Raises:
        NotReadyError: nothing changes until somebody acts.
    """
    session = openable.session
    if session.deleting:
        raise NotReadyError(f"{openable.label} is being deleted.", System.KUBERNETES)
    if session.suspend_requested:
        way_back = openable.why_held if session.held else f"Start it again with the command resume {session.name}."
        raise NotReadyError(f"{openable.label} is suspended. {way_back}", System.KUBERNETES)
    if session.status.holds(ConditionType.STALLED):
        raise NotReadyError(
            f"{openable.label} cannot become ready. {openable.ready.reason}: {openable.ready.message}",
            System.KUBERNETES,
        )


async def until_gone(cluster: Cluster, openable: OpenableSession, seconds: float) -> None:
    """Wait until a session is gone.

    Args:
        cluster: where the session is.
        openable: the session. Another one of its name is not waited for.
        seconds: longest wait.

    Raises:
        Unavailable: it is there still.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while await cluster.is_there(openable):
        if asyncio.get_running_loop().time() >= deadline:
            raise Unavailable(
                f"{openable.label} is not gone after {seconds:.0f} s. It goes on ending.", System.KUBERNETES
            )
        await asyncio.sleep(_POLL_SECONDS)
