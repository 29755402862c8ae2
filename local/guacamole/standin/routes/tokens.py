"""Log-in and log-out: ``api/tokens`` and ``api/session``."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.responses import Response
from starlette.routing import Route

from standin.directories.users import about
from standin.errors import (
    LOGIN_FIELDS,
    GuacamoleError,
    internal_error,
    invalid_login,
    json_response,
    no_content,
)

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State
    from standin.store.users import User

FORM = "application/x-www-form-urlencoded"


class TokenRoutes:
    """Creates, checks and ends sessions."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes of tokens."""
        return [
            Route("/api/tokens", self.sign_in, methods=["POST"]),
            Route("/api/tokens/{token}", self.sign_out, methods=["DELETE"]),
            Route("/api/session", self.check, methods=["HEAD"]),
            Route("/api/session", self.sign_out_self, methods=["DELETE"]),
        ]

    async def sign_in(self, request: Request) -> Response:
        """Return the session of a live token in the form, or start a session with the form's credentials."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            # Guacamole reads credentials from a form only (recorded: login-json-body, login-credentials-in-query).
            raise internal_error()
        async with request.form() as form:
            session = self._live(form) or self._named(request) or self._fresh(request, form)
        return json_response(
            {
                "authToken": session.token,
                "username": session.username,
                "dataSource": session.signed_in_by or session.data_source,
                "availableDataSources": list(session.data_sources),
            }
        )

    async def sign_out(self, request: Request) -> Response:
        """End the session of the token in the path. No other authentication is needed (recorded: logout)."""
        if not self._state.end_session(request.path_params["token"]):
            raise GuacamoleError(404, "NOT_FOUND", "No such token.")
        return no_content()

    async def check(self, request: Request) -> Response:
        """Answer 204 if the request's token is alive (recorded: token-validity-head, token-validity-head-dead)."""
        self._state.session(request)
        return Response(status_code=204, headers={"Content-Type": "application/json"})

    async def sign_out_self(self, request: Request) -> Response:
        """End the request's own session (recorded: logout-by-session-endpoint)."""
        self._state.end_session(self._state.session(request).token)
        return no_content()

    def _live(self, form: FormData) -> Session | None:
        """Return the session of a live token in the form. Credentials beside it are ignored.

        (recorded: reauth-token-plus-wrong-password, reauth-token-of-admin-with-credentials-of-bob)

        Raises:
            GuacamoleError: The account is deleted, disabled, or not valid now (recorded: deleted-user-reauth,
                user-disabled-reauth-token).
        """
        session = self._state.sessions.find(_field(form, "token"))
        if session is None:
            return None
        user = self._state.users.get(session.user)
        if user is None or user.disabled:
            raise invalid_login()
        _refuse_out_of_time(user, self._state.clock())
        return session

    def _named(self, request: Request) -> Session | None:
        """Start a session for the user whom the header names, without a password.

        The sources of guacamole-auth-header 1.6.0 say so: it takes the name in small letters, and is called ``header``.
        There, a person without an account is let in too, and sees nothing. It was not recorded.

        Raises:
            GuacamoleError: There is no such account, or it is disabled.
        """
        header = self._state.settings.person_header
        name = request.headers.get(header) if header else None
        if name is None:
            return None
        user = self._state.users.named(name.lower())
        if user is None or user.disabled:
            raise invalid_login()
        sources = (self._state.settings.data_source, self._state.settings.shared_data_source)
        session = self._state.sessions.open(user.name, user.id, sources, about(user, full=False))
        session.signed_in_by = "header"
        return session

    def _fresh(self, request: Request, form: FormData) -> Session:
        name, password = _credentials(request, form)
        user = self._state.users.named(name)
        if user is None or user.disabled or not user.accepts(password):
            raise invalid_login()
        _refuse_out_of_time(user, self._state.clock())
        if user.attributes.get("expired") == "true":
            self._renew(user, form)
        sources = (self._state.settings.data_source, self._state.settings.shared_data_source)
        session = self._state.sessions.open(user.name, user.id, sources, about(user, full=False))
        self._state.users.signed_in(user.id, self._state.now())
        return session

    def _renew(self, user: User, form: FormData) -> None:
        """Replace the expired password of a user by the new one in the form.

        Raises:
            GuacamoleError: The form lacks a new password, or the confirmation differs (recorded: login-expired-user,
                login-expired-user-new-password).
        """
        fresh = _field(form, "new-password")
        if not fresh or fresh != _field(form, "confirm-new-password"):
            names = ("new-password", "confirm-new-password")
            more: list[JSON] = [{"name": name, "type": "PASSWORD"} for name in names]
            raise GuacamoleError(
                403,
                "INSUFFICIENT_CREDENTIALS",
                "Password has expired",
                key="LOGIN.INFO_PASSWORD_EXPIRED",
                expected=LOGIN_FIELDS + more,
            )
        self._state.users.set_password(user.id, fresh)
        self._state.users.update(user.id, disabled=user.disabled, attributes={**user.attributes, "expired": None})


def _field(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None


def _credentials(request: Request, form: FormData) -> tuple[str, str]:
    scheme, _, blob = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(blob, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise invalid_login() from None
        return name, password
    return _field(form, "username") or "", _field(form, "password") or ""


def _refuse_out_of_time(user: User, now: float) -> None:
    """Refuse an account that is not valid today or at this hour, in its own time zone.

    (recorded: login-valid-until-past, login-valid-from-future, login-outside-access-window)

    Args:
        user: The account.
        now: Seconds since the epoch.

    Raises:
        GuacamoleError: The account may not be used now.
    """
    try:
        zone: dt.tzinfo = ZoneInfo(user.attributes.get("timezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = dt.UTC
    local = dt.datetime.fromtimestamp(now, zone)
    today, hour = local.date().isoformat(), local.time().isoformat("seconds")
    first, last = user.attributes.get("valid-from"), user.attributes.get("valid-until")
    if (first and today < first) or (last and today > last):
        raise GuacamoleError(400, "BAD_REQUEST", "User account is no longer valid.", key="LOGIN.ERROR_NOT_VALID")
    start, end = user.attributes.get("access-window-start"), user.attributes.get("access-window-end")
    if not _within(hour, start or "00:00:00", end or "24:00:00"):
        message = "User account may not be used at this time."
        raise GuacamoleError(400, "BAD_REQUEST", message, key="LOGIN.ERROR_NOT_ACCESSIBLE")


def _within(hour: str, start: str, end: str) -> bool:
    # The window may cross midnight.
    return start <= hour < end if start <= end else hour >= start or hour < end
