"""HTTP to one Guacamole, for every account that signs in there: sockets, threads, time-outs, TLS and repetitions.

Guacamole takes a log-in as a form (exchange `login-ok`; JSON is refused, `login-json-body`) and a token in a header
(`token-validity-head`). A token in an address would work too, but addresses end up in logs.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from blendersessions.clients.guacamole.answers import resource
from blendersessions.clients.instrumentation import RequestHook, ignore_request
from blendersessions.model.errors import OutcomeUnknown, System, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import ConnectionPool

    from blendersessions.clients.write_guard import WriteGuard

MAX_REQUESTS_IN_FLIGHT = 5
"""Guacamole 1.6.0 gets slower with more than five requests at a time: it opens and closes database connections then."""
CONNECT_TIMEOUT_SECONDS = 3.05
READ_TIMEOUT_SECONDS = 15.0
LOG_IN = "api/tokens"
SESSION = "api/session"
REPEATABLE_METHODS = frozenset({"DELETE", "GET", "HEAD", "PATCH", "PUT"})
"""Methods that may be sent twice, because the second time changes nothing. A PATCH that adds objects is refused the
second time, since the names are taken (exchange `batch-add-atomic-failure-duplicate`). A POST would create a second
object."""

Body = dict[str, Any] | list[dict[str, Any]]


class GuacamoleTransport:
    """Sends requests to one Guacamole, at most five at a time and off the event loop.

    Its sockets are kept. Tomcat closes them after 20 seconds without use. urllib3 notices that before it uses a socket
    again, and `_ResendOnce` covers a socket that is closed while a request is being sent. Cookies, redirects, proxies
    and `.netrc` are ignored: data of one account must not travel with another's request, or to another host.

    Args:
        url: Guacamole's address, with the web application's path.
        ca_file: the certificate authority to trust in place of the public ones.
        on_request: called after each request, failed ones included.
        guard: asked before each request, since only the operator that may write asks Guacamole at all; None if it may
            always be sent.
    """

    def __init__(
        self,
        url: str,
        ca_file: Path | None = None,
        on_request: RequestHook = ignore_request,
        guard: WriteGuard | None = None,
    ) -> None:
        self.url = url
        self._base = url.rstrip("/") + "/"
        self._on_request = on_request
        self._pool = ThreadPoolExecutor(max_workers=MAX_REQUESTS_IN_FLIGHT, thread_name_prefix="guacamole")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_file) if ca_file else True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, _adapter(REPEATABLE_METHODS, guard))
        # A log-in may be sent twice: a token whose answer is lost is not used, and ends by itself.
        self._session.mount(self._base + LOG_IN, _adapter(REPEATABLE_METHODS | {"POST"}, guard))

    async def send(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Body | None = None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request and return the answer, with any HTTP status.

        Args:
            method: the HTTP method, in capitals.
            path: the quoted path below Guacamole's address.
            token: the token to send the request with; empty for none.
            body: the JSON body.
            form: the fields of a form.

        Raises:
            OutcomeUnknown: the connection broke during a POST, which may have been carried out.
            Unavailable: there was no answer.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._send, method, path, token, body, form)

    async def close(self) -> None:
        """Close the sockets and let the threads end."""
        self._pool.shutdown(wait=False)
        self._session.close()

    def _send(
        self, method: str, path: str, token: str, body: Body | None, form: Mapping[str, str] | None
    ) -> requests.Response:
        code, started = 0, time.monotonic()
        try:
            response = self._session.request(
                method,
                self._base + path,
                headers={"Guacamole-Token": token} if token else {},
                json=body,
                data=form,
                timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
                allow_redirects=False,
            )
            code = response.status_code
        except requests.ConnectTimeout as error:
            raise Unavailable(self._unanswered(error), System.GUACAMOLE) from error
        except OSError as error:
            # All errors of the library are OSErrors, and so is the error of a missing CA file.
            if method == "POST" and path != LOG_IN and isinstance(error, _BROKEN):
                raise OutcomeUnknown(self._unanswered(error), System.GUACAMOLE) from error
            raise Unavailable(self._unanswered(error), System.GUACAMOLE) from error
        finally:
            self._on_request(method, resource(path), time.monotonic() - started, code)
        return response

    def _unanswered(self, error: Exception) -> str:
        return f"Guacamole at {self.url} does not answer ({type(error).__name__}); it is asked again."


_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
"""The failures after which a request may have been carried out."""


def _adapter(resendable: Collection[str], guard: WriteGuard | None) -> HTTPAdapter:
    retries = _ResendOnce(
        total=1,
        connect=0,
        read=1,
        redirect=0,
        status=0,
        other=0,
        allowed_methods=resendable,
        respect_retry_after_header=False,
    )
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=MAX_REQUESTS_IN_FLIGHT, pool_block=True, max_retries=retries)
    if guard is not None:
        options = [*HTTPConnection.default_socket_options, guard.socket_option]
        adapter.poolmanager.connection_pool_kw["socket_options"] = options
        adapter.poolmanager.pool_classes_by_scheme = {
            "http": _guarded(HTTPConnectionPool, HTTPConnection, guard),
            "https": _guarded(HTTPSConnectionPool, HTTPSConnection, guard),
        }
    return adapter


def _guarded(
    pool: type[HTTPConnectionPool], connection: type[HTTPConnection], guard: WriteGuard
) -> type[HTTPConnectionPool]:
    """Return a class of pools whose connections ask the guard before they send a part of a request."""
    guarded = type(connection.__name__, (_Guarded, connection), {"guard": guard})
    return type(pool.__name__, (pool,), {"ConnectionCls": guarded})


class _Guarded(HTTPConnection):
    """Asks a guard when the connection is there, which may take seconds. urllib3 sends a request again in this way."""

    guard: WriteGuard

    def send(self, data: Any) -> None:  # noqa: ANN401 - as the library has it
        if self.sock is None:
            self.connect()
        self.guard.check()
        super().send(data)


class _ResendOnce(Retry):
    """Sends a request again after its connection broke, but not after the time-out of its answer."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)
