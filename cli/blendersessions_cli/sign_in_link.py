"""From a session to a link that signs a person in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions.model.conditions import ConditionType
from blendersessions.model.errors import Invalid, System, Unauthorised, Unavailable
from blendersessions_cli import file_token_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_cli.cluster import Cluster
    from blendersessions_cli.openable_session import OpenableSession

_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Link:
    """What to open in a browser, and what a person should know before."""

    address: str = field(repr=False)
    notes: tuple[str, ...] = ()


class NotReadyError(Invalid):
    """The session cannot be opened now."""


async def until_ready(cluster: Cluster, name: str, seconds: float, say: Callable[[str], None]) -> OpenableSession:
    """Wait until a session is ready, and tell each new reason why it is not.

    Raises:
        NotReadyError: it did not become ready in time, or waiting longer is of no use.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    said = ""
    while True:
        openable = await cluster.session(name)
        if openable.links.get(openable.session.username):
            return openable
        check_hope(openable)
        if (news := f"{openable.ready.reason}: {openable.ready.message}") != said:
            say(news)
            said = news
        if asyncio.get_running_loop().time() >= deadline:
            raise NotReadyError(f"{openable.label} is not ready after {seconds:.0f} s. {news}", System.KUBERNETES)
        await asyncio.sleep(_PAUSE_SECONDS)


def check_hope(openable: OpenableSession) -> None:
    """Let a session pass that is ready or may become so by itself.

    Raises:
        NotReadyError: it will not until somebody acts.
    """
    session = openable.session
    if session.deleting:
        raise NotReadyError(f"{openable.label} is being deleted.", System.KUBERNETES)
    if session.suspend_requested:
        raise NotReadyError(
            f"{openable.label} is suspended: have it back with the command resume {session.name}.", System.KUBERNETES
        )
    if session.status.holds(ConditionType.STALLED):
        raise NotReadyError(
            f"{openable.label} cannot become ready. {openable.ready.reason}: {openable.ready.message}",
            System.KUBERNETES,
        )


async def link(cluster: Cluster, openable: OpenableSession, username: str | None, ca_file: Path | None) -> Link:
    """Make the link for one of the session's people; by default for the one who controls it.

    Raises:
        DomainError: the text says why there is none, and what to do.
    """
    who = username or openable.session.username
    if who not in openable.people:
        raise Invalid(
            f"{openable.label} is not open to {who}: these may open it: {', '.join(openable.people)}. The owner and the"
            " viewers are in its spec.",
            System.KUBERNETES,
        )
    address = openable.links.get(who)
    if address is None:
        check_hope(openable)
        reason = f"{openable.ready.reason}: {openable.ready.message}"
        if openable.ready.holds:
            reason = f"It has no address for {who} yet."
        raise NotReadyError(
            f"{openable.label} is not ready. {reason} Wait for it with the option --wait, or look again in a moment.",
            System.KUBERNETES,
        )
    credentials = await cluster.credentials(who)
    if credentials is None:
        note = (
            f"There is no Secret with a sign-in of {who}: an administrator made this user, or a single sign-on knows"
            " them. The link asks to log in."
        )
        return Link(address, (note,))
    return await _signed_in(address, credentials, ca_file)


async def _signed_in(address: str, credentials: UserCredentials, ca_file: Path | None) -> Link:
    base, separator, _ = address.partition("#/client/")
    if not separator or not base.startswith(("http://", "https://")):
        raise Invalid(
            f"The session's status holds no address of Guacamole: {address}. Tell your administrator.",
            System.KUBERNETES,
        )
    try:
        async with SignInClient(base, ca_file) as guacamole:
            found = await file_token_store.token(guacamole, base, credentials)
    except Unavailable as error:
        cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
        raise Unavailable(
            f"{base}: {error}{cause} Can this machine reach that address, and trust its certificate?", System.GUACAMOLE
        ) from error
    except Unauthorised as error:
        raise Unauthorised(f"{base}: {error}", System.GUACAMOLE) from error
    notes: tuple[str, ...] = ()
    if found.displaced:
        note = (
            f"Your last link signed the browser in as {found.displaced}. Opening this one in the same browser signs"
            f" {found.displaced} out and closes the desktops that are open there. To keep both, open this link in a"
            " private window."
        )
        notes = (note,)
    return Link(f"{address}?token={found.token}", notes)
