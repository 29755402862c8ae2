"""Guacamole's REST API for an administrator's account: one token, pauses after failures, and domain errors.

A dead token and a missing right are both answered 403 (exchanges `dead-token-data`,
`user-create-connection-forbidden`), so `HEAD api/session` finds out which of the two it is (`token-validity-head`,
`token-validity-head-dead`). A token outlives its account, and its lists are empty then
(`user-token-after-user-delete`).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from blendersessions.clients.guacamole.answers import LogIn, LogInFailure, decoded, log_in_of, message, raise_for
from blendersessions.clients.guacamole.transport import LOG_IN, SESSION, GuacamoleTransport
from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.errors import DomainError, OutcomeUnknown, System, Unauthorised, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from blendersessions.clients.guacamole.transport import Body
    from blendersessions.clients.write_guard import WriteGuard

REFUSED_LOG_IN_PAUSE_SECONDS = 90.0
"""Pause before a refused password is tried again. Guacamole's ban extension bars an address after five refusals within
five minutes, and all users may share that address behind a proxy."""
TOKEN_RENEWAL_SECONDS = 30.0
"""Minimum age at which a token that is alive and lacks a right is replaced."""
UNAVAILABLE_PAUSE_SECONDS = 1.0
"""Pause after a request without an answer. Without it a thousand sessions would each wait for the time-out."""


@dataclass(frozen=True)
class Account:
    """Guacamole's address, and our account there.

    The password is read from its file for each log-in, so it may be rotated.
    """

    url: str
    username: str
    password_file: Path
    ca_file: Path | None = None


@dataclass(frozen=True)
class _CurrentToken:
    """The token in use."""

    log_in: LogIn
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Pause:
    """A time during which nothing is sent, and the failure that is raised instead."""

    until: float
    """On the monotonic clock, in seconds."""
    error: DomainError
    password: str | None = field(default=None, repr=False)
    """The refused password. The pause ends early when the file holds another one."""


class GuacamoleClient:
    """A signed-in client of Guacamole's REST API.

    Args:
        account: the account to sign in with.
        on_request: called after each request.
        guard: asked before each request; None if it may always be sent.
    """

    def __init__(
        self, account: Account, on_request: RequestHook = ignore_request, guard: WriteGuard | None = None
    ) -> None:
        self._account = account
        self._transport = GuacamoleTransport(account.url, account.ca_file, on_request, guard)
        self._lock = asyncio.Lock()
        self._current: _CurrentToken | None = None
        self._pause: _Pause | None = None

    async def data_source(self) -> str:
        """Return the data source of our account, which the answer to the log-in names."""
        return (await self._signed_in()).log_in.data_source

    async def get(self, *path: str) -> dict[str, Any]:
        """Read an object, or a list keyed by identifier, from our data source."""
        answer = await self.call("GET", *path)
        return answer if isinstance(answer, dict) else {}

    async def call(self, method: str, *path: str, body: Body | None = None) -> object:
        """Send one request below our data source, and return the decoded answer.

        Args:
            method: the HTTP method, in capitals.
            path: the parts of the path, unquoted.
            body: the JSON body.

        Raises:
            OutcomeUnknown: the connection broke during a POST. The caller reads back before it sends again.
            DomainError: another error of `model.errors`.
        """
        current = await self._signed_in()
        response = await self._send_to_data(current, method, path, body)
        if response.status_code == requests.codes.forbidden and await self._is_replaceable(current):
            current = await self._renewed(current)
            response = await self._send_to_data(current, method, path, body)
        raise_for(response, "/".join(path))
        return decoded(response)

    async def close(self) -> None:
        """Sign out, and close the connections."""
        current, self._current = self._current, None
        try:
            if current is not None:
                await self._send("DELETE", SESSION, token=current.log_in.token)
        except DomainError:
            pass  # An unused token ends by itself within an hour.
        finally:
            await self._transport.close()

    async def _signed_in(self) -> _CurrentToken:
        self._check_pause()
        async with self._lock:
            if self._current is None:
                self._check_pause()
                self._current = await self._sign_in()
            return self._current

    async def _renewed(self, former: _CurrentToken) -> _CurrentToken:
        async with self._lock:
            if self._current is former or self._current is None:
                self._check_pause()
                self._current = None
                self._current = await self._sign_in()
            return self._current

    async def _is_replaceable(self, current: _CurrentToken) -> bool:
        """Return whether a new token may have the right that this one lacks.

        A dead token has no rights. A live token may belong to an account that was deleted and created again, for
        instance by a restore of the database. Its lists are empty then, and every change is refused.
        """
        response = await self._send("HEAD", SESSION, token=current.log_in.token)
        old = time.monotonic() - current.since >= TOKEN_RENEWAL_SECONDS
        return response.status_code == requests.codes.forbidden or old

    async def _sign_in(self) -> _CurrentToken:
        """Log in with the current password.

        Raises:
            Unauthorised: the account is refused, or its password cannot be read.
            Unavailable: there is no token for another reason.
        """
        account, password = self._account, self._password()
        response = await self._send("POST", LOG_IN, form={"username": account.username, "password": password})
        outcome = log_in_of(response)
        if isinstance(outcome, LogIn):
            return _CurrentToken(outcome)
        if outcome is LogInFailure.REFUSED:
            refused = Unauthorised(
                f"Guacamole at {account.url} refuses the account {account.username} ({message(response)}): check "
                "BLENDERSESSIONS_GUACAMOLE_USERNAME and the password in BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE "
                f"({account.password_file}).",
                System.GUACAMOLE,
            )
            self._begin_pause(refused, REFUSED_LOG_IN_PAUSE_SECONDS, password)
            raise refused
        if outcome is LogInFailure.BARRED:
            barred = Unavailable(
                f"Guacamole at {account.url} takes no log-in from our address for now ({message(response)}), because "
                "too many were refused. It is tried again later. Check which program at our address uses a wrong "
                "password.",
                System.GUACAMOLE,
            )
            self._begin_pause(barred, REFUSED_LOG_IN_PAUSE_SECONDS)
            raise barred
        if outcome is LogInFailure.FAILED:
            raise_for(response, LOG_IN)
        raise Unavailable(
            f"The server at {account.url} is not Guacamole: check BLENDERSESSIONS_GUACAMOLE_URL, which ends in the "
            "web application's path, for instance http://guacamole:8080/guacamole/.",
            System.GUACAMOLE,
        )

    def _password(self) -> str:
        """Read the password.

        Raises:
            Unauthorised: the file cannot be read.
        """
        file = self._account.password_file
        try:
            return file.read_text().rstrip("\r\n")
        except OSError as error:
            raise Unauthorised(
                f"The file {file} with Guacamole's password cannot be read ({type(error).__name__}): "
                "check BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE.",
                System.GUACAMOLE,
            ) from error

    def _begin_pause(self, error: DomainError, seconds: float, password: str | None = None) -> None:
        until = time.monotonic() + seconds
        if self._pause is None or self._pause.until < until:
            self._pause = _Pause(until, error, password)

    def _check_pause(self) -> None:
        """Raise the last failure again while its pause lasts."""
        pause = self._pause
        if pause is None:
            return
        if time.monotonic() >= pause.until or (pause.password is not None and pause.password != self._password()):
            self._pause = None
            return
        raise type(pause.error)(str(pause.error), pause.error.system)

    async def _send_to_data(
        self, current: _CurrentToken, method: str, path: tuple[str, ...], body: Body | None
    ) -> requests.Response:
        parts = (quote(part, safe="") for part in (current.log_in.data_source, *path))
        return await self._send(method, "/".join([f"{SESSION}/data", *parts]), token=current.log_in.token, body=body)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Body | None = None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        try:
            return await self._transport.send(method, path, token=token, body=body, form=form)
        except OutcomeUnknown:
            raise
        except Unavailable as error:
            self._begin_pause(error, UNAVAILABLE_PAUSE_SECONDS)
            raise
