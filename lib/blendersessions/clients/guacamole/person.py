"""Signing a person in and out at Guacamole, with that person's own password and no other right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import requests

from blendersessions.model.errors import Unauthorised, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from blendersessions.model.user_credentials import UserCredentials

_TIMEOUT = (3.0, 10.0)  # seconds to connect, seconds to read
_BUSY = "Guacamole does not answer. Try again in a moment."


class GuacamoleRest:
    """Guacamole's REST API as measured on 1.6.0; every call is a fresh connection in a thread.

    The calls are few, one or two for a click, and Guacamole's Tomcat closes idle connections without notice.
    """

    def __init__(self, base_url: str, ca_file: Path | None = None) -> None:
        self._api = base_url + "api/"
        self._verify: bool | str = str(ca_file) if ca_file else True

    async def sign_in(self, credentials: UserCredentials) -> str:
        """Give a new token.

        Raises:
            Unauthorised: Guacamole does not know this user and password.
            Unavailable: it does not answer, or not as Guacamole does.
        """
        form = {"username": credentials.username, "password": credentials.password}
        response = await asyncio.to_thread(self._request, "POST", "tokens", form=form)
        if response.status_code in {400, 403}:
            raise Unauthorised(
                f"Guacamole refused the sign-in of {credentials.username}. The operator repairs this by itself:"
                " try again in a minute, and tell your administrator if it stays."
            )
        if response.status_code == requests.codes.too_many_requests:
            raise Unavailable(
                "Guacamole takes no sign-in from this address for now, after too many refused ones. Try again in five"
                " minutes."
            )
        try:
            token = response.json()["authToken"] if response.ok else None
        except (ValueError, KeyError, TypeError):
            token = None
        if not isinstance(token, str) or not token:
            raise Unavailable(f"Guacamole answered the sign-in with {response.status_code}. Try again in a moment.")
        return token

    async def is_alive(self, token: str) -> bool:
        """Say whether the token still works.

        Raises:
            Unavailable: Guacamole does not answer, so nobody knows.
        """
        response = await asyncio.to_thread(self._request, "HEAD", "session", token=token)
        if response.status_code >= 500:
            raise Unavailable(_BUSY)
        return response.ok

    async def sign_out(self, token: str) -> None:
        """End the token and what was opened with it; one that is dead already is fine.

        Raises:
            Unavailable: Guacamole does not answer.
        """
        # `DELETE tokens/TOKEN` would do as well, but a token in a path ends up in logs.
        await asyncio.to_thread(self._request, "DELETE", "session", token=token)

    def _request(
        self, method: str, path: str, *, form: dict[str, str] | None = None, token: str | None = None
    ) -> requests.Response:
        headers = {"Guacamole-Token": token} if token else {}
        try:
            with requests.Session() as session:
                session.trust_env = False  # a proxy or .netrc meant for other things must not see passwords
                return session.request(
                    method,
                    self._api + path,
                    data=form,
                    headers=headers,
                    timeout=_TIMEOUT,
                    verify=self._verify,
                    allow_redirects=False,
                )
        except requests.RequestException as error:
            raise Unavailable(_BUSY) from error
