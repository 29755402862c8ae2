"""Guacamole's sign-in for its users: in and out with a user's own password, and no other request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from blendersessions.clients.guacamole.answers import LogIn, LogInFailure, decoded, log_in_of
from blendersessions.clients.guacamole.transport import LOG_IN, SESSION, GuacamoleTransport
from blendersessions.model.errors import System, Unauthorised, Unavailable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from blendersessions.model.user_credentials import UserCredentials

_NO_ANSWER = "Guacamole does not answer. Try again in a moment."


class SignInClient:
    """Signs users in at one Guacamole and out again. It is a context manager, or is closed by `close`.

    The messages of its errors are for those users, so they name neither addresses nor settings of the installation.

    Args:
        url: Guacamole's address, with the web application's path.
        ca_file: the certificate authority to trust in place of the public ones.
    """

    def __init__(self, url: str, ca_file: Path | None = None) -> None:
        self._transport = GuacamoleTransport(url, ca_file)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def sign_in(self, credentials: UserCredentials) -> str:
        """Return a new token.

        Raises:
            Unauthorised: Guacamole does not know this user and password.
            Unavailable: Guacamole does not answer, or another server does.
        """
        form = {"username": credentials.username, "password": credentials.password}
        response = await self._send("POST", LOG_IN, form=form)
        outcome = log_in_of(response)
        if isinstance(outcome, LogIn):
            return outcome.token
        if outcome is LogInFailure.REFUSED:
            raise Unauthorised(
                f"Guacamole refused the sign-in of {credentials.username}. The operator repairs this by itself:"
                " try again in a minute, and tell your administrator if it stays.",
                System.GUACAMOLE,
            )
        if outcome is LogInFailure.BARRED:
            raise Unavailable(
                "Guacamole takes no sign-in from this address for now, after too many refused ones. Try again in five"
                " minutes.",
                System.GUACAMOLE,
            )
        message = f"Guacamole answered the sign-in with {response.status_code}. Try again in a moment."
        raise Unavailable(message, System.GUACAMOLE)

    async def is_alive(self, token: str) -> bool:
        """Return whether the token still works (exchanges `token-validity-head`, `token-validity-head-dead`).

        Raises:
            Unavailable: Guacamole does not answer, so it is not known.
        """
        response = await self._send("HEAD", SESSION, token=token)
        if response.status_code >= requests.codes.internal_server_error:
            raise Unavailable(_NO_ANSWER, System.GUACAMOLE)
        return response.ok

    async def username_of(self, token: str) -> str:
        """Return the user of a token; empty if the token is dead (exchange `token-validity-head-dead`).

        A token that is posted again gives its own user (exchange `reauth-with-existing-token`). One that is dead would
        count as a refused sign-in, so it is checked before.

        Raises:
            Unavailable: Guacamole does not answer, or does not say whose it is.
        """
        if await self._is_dead(token):
            return ""
        response = await self._send("POST", LOG_IN, form={"token": token})
        answer = decoded(response) if response.status_code == requests.codes.ok else None
        username = answer.get("username") if isinstance(answer, dict) else None
        if isinstance(username, str) and username:
            return username
        # It may have died in between. Without a name it is nobody's, and must not pass for a dead one while it lives.
        if await self._is_dead(token):
            return ""
        raise Unavailable(_NO_ANSWER, System.GUACAMOLE)

    async def _is_dead(self, token: str) -> bool:
        """Return whether Guacamole says that it does not know the token. Any other answer but a yes says nothing."""
        status = (await self._send("HEAD", SESSION, token=token)).status_code
        if status not in {requests.codes.ok, requests.codes.no_content, requests.codes.forbidden}:
            raise Unavailable(_NO_ANSWER, System.GUACAMOLE)
        return bool(status == requests.codes.forbidden)

    async def sign_out(self, token: str) -> None:
        """End the token and the tunnels that were opened with it; a dead token is accepted.

        Raises:
            Unavailable: Guacamole does not answer.
        """
        # `DELETE api/tokens/TOKEN` would work too (exchange `logout`), but a token in an address ends up in logs.
        await self._send("DELETE", SESSION, token=token)

    async def _send(
        self, method: str, path: str, *, token: str = "", form: dict[str, str] | None = None
    ) -> requests.Response:
        try:
            return await self._transport.send(method, path, token=token, form=form)
        except Unavailable as error:
            raise Unavailable(_NO_ANSWER, System.GUACAMOLE) from error.__cause__
