"""Requests to Guacamole: one kept token, at most five in flight, off the event loop, its errors as ours.

Facts that this follows: bodies are not always JSON; 403 is both a dead token and a missing right, told apart by
`HEAD api/session`; Tomcat closes a socket after 20 s idle without notice; above five requests at once Guacamole gets
slower.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import requests

from blendersessions.clients.guacamole.answers import decoded, message, raise_for, resource
from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.errors import DomainError, OutcomeUnknown, Unauthorised, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IN_FLIGHT = 5
CONNECT_SECONDS = 3.05
READ_SECONDS = 15.0
IDLE_SECONDS = 15.0
"""A socket that was idle for longer is not used again: Tomcat closes it after 20 s."""
REFUSED_SECONDS = 90.0
"""After a refused login none is tried with the same password for so long: Guacamole's ban extension bars an address
after five refusals within five minutes, and behind a proxy that address may be everybody's."""
RENEWAL_SECONDS = 30.0
"""A token that lives and lacks a right is replaced at most so often."""
AWAY_SECONDS = 1.0
"""After no answer nothing is sent for so long, or a thousand sessions would each wait for the time-out."""

Body = dict[str, Any] | list[dict[str, Any]]


@dataclass(frozen=True)
class Account:
    """Where Guacamole is and who we are there. The password is read anew for each login, so it may be rotated."""

    url: str
    username: str
    password_file: Path
    ca_file: Path | None = None


@dataclass
class _Login:
    token: str = field(repr=False)
    data_source: str
    begun: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Pause:
    """Why nothing is sent for a while."""

    until: float
    error: DomainError
    password: str | None = field(default=None, repr=False)
    """The refused password; with another one in the file there is no reason to wait."""


class GuacamoleClient:
    """A signed-in client of Guacamole's REST API."""

    def __init__(self, account: Account, on_request: RequestHook = ignore_request) -> None:
        self._account = account
        self._on_request = on_request
        self._base = account.url.rstrip("/") + "/"
        self._pool = ThreadPoolExecutor(max_workers=IN_FLIGHT, thread_name_prefix="guacamole")
        self._local = threading.local()
        self._lock = asyncio.Lock()
        self._login: _Login | None = None
        self._paused: _Pause | None = None

    async def data_source(self) -> str:
        """Return the data source that our account lives in, as the answer to the login names it."""
        return (await self._signed_in()).data_source

    async def get(self, *path: str) -> dict[str, Any]:
        """Read from our data source."""
        answer = await self.call("GET", *path)
        return answer if isinstance(answer, dict) else {}

    async def call(
        self, method: str, *path: str, body: Body | None = None, query: Mapping[str, str] | None = None
    ) -> object:
        """Send one request below our data source, and return the decoded answer.

        Raises:
            OutcomeUnknown: the connection broke under a POST; read back before it is sent again.
            DomainError: the other kinds, as in `model.errors`.
        """
        login = await self._signed_in()
        response = await self._send(method, self._data_path(login, path, query), login.token, body)
        if response.status_code == requests.codes.forbidden and await self._is_spent(login):
            login = await self._renewed(login)
            response = await self._send(method, self._data_path(login, path, query), login.token, body)
        raise_for(response, "/".join(path))
        return decoded(response)

    async def close(self) -> None:
        """Give the token back."""
        login, self._login = self._login, None
        try:
            if login is not None:
                await self._send("DELETE", "api/session", login.token)
        except DomainError:
            pass  # It dies by itself after an hour.
        finally:
            self._pool.shutdown(wait=False)

    async def _signed_in(self) -> _Login:
        self._check_pause()
        async with self._lock:
            if self._login is None:
                self._check_pause()
                self._login = await self._sign_in()
            return self._login

    async def _renewed(self, dead: _Login) -> _Login:
        async with self._lock:
            if self._login is dead or self._login is None:
                self._check_pause()
                self._login = await self._sign_in()
            return self._login

    async def _is_spent(self, login: _Login) -> bool:
        """Say whether another token may have the right that this one lacks.

        A dead one has none. A live one may belong to an account that was deleted and made again since, as a restore of
        the database does; its lists are empty then, and whatever it changes is refused.
        """
        response = await self._send("HEAD", "api/session", login.token)
        return response.status_code == requests.codes.forbidden or time.monotonic() - login.begun >= RENEWAL_SECONDS

    async def _sign_in(self) -> _Login:
        self._login = None
        password = self._password()
        try:
            return await self._try_sign_in(password)
        except Unauthorised as refused:
            self._pause(refused, REFUSED_SECONDS, password)
            raise

    def _pause(self, error: DomainError, seconds: float, password: str | None = None) -> None:
        until = time.monotonic() + seconds
        if self._paused is None or self._paused.until < until:
            self._paused = _Pause(until, error, password)

    def _check_pause(self) -> None:
        """Fail at once while the last failure is fresh."""
        pause = self._paused
        if pause is None:
            return
        if time.monotonic() >= pause.until or (pause.password is not None and pause.password != self._password()):
            self._paused = None
            return
        raise type(pause.error)(str(pause.error))

    def _password(self) -> str:
        """Read the password.

        Raises:
            Unauthorised: there is none to read.
        """
        file = self._account.password_file
        try:
            return file.read_text().rstrip("\r\n")
        except OSError as error:
            raise Unauthorised(
                f"The file {file} with Guacamole's password cannot be read ({type(error).__name__}): "
                "check BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE."
            ) from error

    async def _try_sign_in(self, password: str) -> _Login:
        account = self._account
        form = {"username": account.username, "password": password}
        response = await self._send("POST", "api/tokens", form=form)
        if response.status_code in (requests.codes.forbidden, requests.codes.unauthorized):
            raise Unauthorised(
                f"Guacamole at {account.url} refuses the account {account.username} ({message(response)}): check "
                "BLENDERSESSIONS_GUACAMOLE_USERNAME and the password in BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE "
                f"({account.password_file})."
            )
        if response.status_code == requests.codes.too_many_requests:
            error = Unavailable(
                f"Guacamole at {account.url} takes no log-in from our address for now ({message(response)}), "
                "after too many refused ones: it is tried again in a while. Check who logs in wrongly from there."
            )
            self._pause(error, REFUSED_SECONDS)
            raise error
        answer = decoded(response) if response.ok else None
        if not response.ok and response.status_code != requests.codes.not_found:
            raise_for(response, "api/tokens")
        if not isinstance(answer, dict) or not answer.get("authToken") or not answer.get("dataSource"):
            raise Unavailable(
                f"What answers at {account.url} is not Guacamole: check BLENDERSESSIONS_GUACAMOLE_URL, which ends in "
                "the web application's path, for instance http://guacamole:8080/guacamole/."
            )
        return _Login(str(answer["authToken"]), str(answer["dataSource"]))

    def _data_path(self, login: _Login, path: tuple[str, ...], query: Mapping[str, str] | None) -> str:
        joined = "/".join(["api/session/data", *(quote(part, safe="") for part in (login.data_source, *path))])
        return f"{joined}?{urlencode(query)}" if query else joined

    async def _send(
        self,
        method: str,
        path: str,
        token: str = "",
        body: Body | None = None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._send_now, method, path, token, body, form)
        except OutcomeUnknown:
            raise
        except Unavailable as error:
            self._pause(error, AWAY_SECONDS)
            raise

    def _send_now(
        self, method: str, path: str, token: str, body: Body | None, form: Mapping[str, str] | None
    ) -> requests.Response:
        """Send on this thread's own session; what cannot be carried out twice is sent once only."""
        repeatable = method != "POST" or form is not None
        try:
            return self._send_once(method, path, token, body, form)
        except requests.ConnectTimeout as error:
            raise self._unavailable(error) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            self._forget_session()
            if not repeatable:
                raise OutcomeUnknown(str(self._unavailable(error))) from error
            if isinstance(error, requests.Timeout):
                raise self._unavailable(error) from error
        except OSError as error:
            # All of the library's errors are; a missing file of authorities is, and none of its own.
            raise self._unavailable(error) from error
        try:
            return self._send_once(method, path, token, body, form)
        except OSError as error:
            raise self._unavailable(error) from error

    def _send_once(
        self, method: str, path: str, token: str, body: Body | None, form: Mapping[str, str] | None
    ) -> requests.Response:
        headers = {"Guacamole-Token": token} if token else {}
        session = self._session()
        code, begun = 0, time.monotonic()
        try:
            response = session.request(
                method,
                self._base + path,
                headers=headers,
                json=body,
                data=form,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
            code = response.status_code
        finally:
            self._local.used = time.monotonic()
            self._on_request(method, resource(path), self._local.used - begun, code)
        return response

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is not None and time.monotonic() - self._local.used < IDLE_SECONDS:
            return session
        self._forget_session()
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self._account.ca_file) if self._account.ca_file else True
        self._local.session = session
        return session

    def _forget_session(self) -> None:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is not None:
            session.close()
        self._local.session = None

    def _unavailable(self, error: Exception) -> Unavailable:
        url, kind = self._account.url, type(error).__name__
        return Unavailable(f"Guacamole at {url} does not answer ({kind}); it is asked again.")
