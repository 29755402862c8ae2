"""The link that opens a session and signs its user in at Guacamole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions.model.errors import Invalid, System, Unauthorised, Unavailable
from blendersessions_cli import file_token_store
from blendersessions_cli.openable_session import NotReadyError
from blendersessions_cli.waiting import check_can_become_ready

if TYPE_CHECKING:
    from pathlib import Path

    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_cli.cluster import Cluster
    from blendersessions_cli.openable_session import OpenableSession


@dataclass(frozen=True)
class Link:
    """A link into a session.

    Attributes:
        address: what to open in a browser. It holds a token, if the user could be signed in.
        messages: sentences that a person should read before opening it.
    """

    address: str = field(repr=False)
    messages: tuple[str, ...] = ()


async def link(cluster: Cluster, openable: OpenableSession, username: str | None, ca_file: Path | None) -> Link:
    """Return the link of one of the session's users.

    Args:
        cluster: where the user's credentials are.
        openable: the session.
        username: a Guacamole user; None for the one who controls the session.
        ca_file: a private CA that signed Guacamole's certificate.

    Raises:
        Invalid: the user may not open the session, or its address or the user's Secret cannot be used.
        NotReadyError: the session cannot be opened now.
        Unauthorised: the person may not read the Secret, or Guacamole refuses the credentials.
        Unavailable: Guacamole does not answer.
    """
    who = username or openable.session.username
    if who not in openable.users:
        raise Invalid(
            f"{openable.label} is not open to {who}. These users may open it: {', '.join(openable.users)}. Its"
            " spec names the owner and the viewers.",
            System.KUBERNETES,
        )
    address = openable.links.get(who)
    if address is None:
        check_can_become_ready(openable)
        reason = f"{openable.ready.reason}: {openable.ready.message}"
        if openable.ready.holds:
            reason = f"It has no address for {who} yet."
        raise NotReadyError(
            f"{openable.label} is not ready. {reason} Wait for it with the option --wait, or look again in a moment.",
            System.KUBERNETES,
        )
    credentials = await cluster.credentials(who)
    if credentials is None:
        message = (
            f"There is no Secret with a sign-in of {who}: the user comes from an administrator or from a single"
            " sign-on. The link asks to log in."
        )
        return Link(address, (message,))
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
            f"{base}: {error}{cause} Check that this machine reaches the address and trusts its certificate.",
            System.GUACAMOLE,
        ) from error
    except Unauthorised as error:
        raise Unauthorised(f"{base}: {error}", System.GUACAMOLE) from error
    messages: tuple[str, ...] = ()
    if found.displaced:
        message = (
            f"Your last link signed the browser in as {found.displaced}. Opening this one in the same browser signs"
            f" {found.displaced} out and closes the desktops that are open there. To keep both, open this link in a"
            " private window."
        )
        messages = (message,)
    return Link(f"{address}?token={found.token}", messages)
