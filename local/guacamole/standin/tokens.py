"""Log-in and log-out: ``api/tokens`` and ``api/session``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.responses import Response
from starlette.routing import Route

from standin.answers import LOGIN_FIELDS, GuacamoleError, internal_error, invalid_login, json_response
from standin.calls import content_type
from standin.users import DISABLED, Users, accepts

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from standin.answers import JSON
    from standin.state import Session, State
    from standin.store import Stored

FORM = "application/x-www-form-urlencoded"
HEADER_SOURCE = "header"
"""What the header extension calls itself (recorded: header-person)."""
NOBODY = -1
"""The id of no account: of a person whom the header names, and the database does not know."""


class Tokens:
    """Creates, checks and ends sessions."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store

    def routes(self) -> list[Route]:
        """Return the routes of tokens."""
        return [
            Route("/api/tokens", self._sign_in, methods=["POST"]),
            Route("/api/tokens/{token}", self._sign_out, methods=["DELETE"]),
            Route("/api/session", self._check, methods=["HEAD"]),
            Route("/api/session", self._sign_out_self, methods=["DELETE"]),
        ]

    async def _sign_in(self, request: Request) -> Response:
        """Return the session of a live token in the form, or start a session with the form's credentials."""
        if content_type(request) != FORM:
            # Guacamole reads credentials from a form only (recorded: login-json-body, login-credentials-in-query).
            raise internal_error()
        async with request.form() as form:
            session = self._continued(form) or self._named(request) or self._started(form)
        source = self._state.settings.data_source
        return json_response(
            {
                "authToken": session.token,
                "username": session.username,
                "dataSource": HEADER_SOURCE if session.by_header else source,
                # The second one is for share keys, which the stand-in lacks.
                "availableDataSources": [source, f"{source}-shared"],
            }
        )

    async def _sign_out(self, request: Request) -> Response:
        """End the session of the token in the path. No other authentication is needed (recorded: logout)."""
        if not self._state.end_session(request.path_params["token"]):
            raise GuacamoleError(404, "No such token.")
        return Response(status_code=204)

    async def _check(self, request: Request) -> Response:
        """Answer 204 if the request's token is alive (recorded: token-validity-head, token-validity-head-dead)."""
        self._state.session(request)
        return Response(status_code=204, headers={"Content-Type": "application/json"})

    async def _sign_out_self(self, request: Request) -> Response:
        """End the request's own session (recorded: logout-by-session-endpoint)."""
        self._state.end_session(self._state.session(request).token)
        return Response(status_code=204)

    def _continued(self, form: FormData) -> Session | None:
        """Return the session of a live token in the form. Credentials and a header beside it are ignored.

        The account of a password must still be usable (recorded: reauth-token-plus-wrong-password, deleted-user-reauth,
        user-disabled-reauth-token). The one of a header is looked up again (recorded:
        header-token-from-before-the-user-after-that, header-disabled-user-sees-nothing-then).
        """
        session = self._state.live_session(_field(form, "token"))
        if session is None:
            return None
        if session.by_header:
            session.user = self._account(session.username)
        else:
            self._refuse_unusable(self._store.get(Users.kind, session.user))
        return session

    def _named(self, request: Request) -> Session | None:
        """Start a session for the person whom the header names, in small letters (recorded: header-person).

        Of two such headers the first counts (recorded: header-twice). Everybody is let in: also an empty name, and one
        without an account, who see nothing (recorded: header-empty, header-unknown-person-sees-nothing).
        """
        header = self._state.settings.person_header
        name = request.headers.get(header) if header else None
        if name is None:
            return None
        username = name.lower()
        session = self._state.open_session(username, self._account(username))
        session.by_header = True
        return session

    def _account(self, username: str) -> int:
        """Return the id of the account of a person whom the header named; `NOBODY` if it is missing or disabled.

        No other restriction of the account counts (recorded: header-user-no-longer-valid-sees-all,
        header-user-outside-access-window-sees-all, header-user-with-an-expired-password-sees-all).
        """
        user = next(iter(self._store.named(Users.kind, username)), None)
        if user is None or user.trait == DISABLED:
            return NOBODY
        self._store.used(user.id, self._state.now())
        return user.id

    def _started(self, form: FormData) -> Session:
        """Start a session for the user whom the form's name and password identify (recorded: login-ok)."""
        found = self._store.named(Users.kind, _field(form, "username") or "")
        user = next((each for each in found if accepts(each, _field(form, "password") or "")), None)
        if user is None and self._state.settings.person_header:
            # (recorded: header-missing, header-wrong-password-without-a-header, header-disabled-user-with-a-password)
            raise invalid_login("Invalid login.")
        user = self._refuse_unusable(user)
        if user.attributes.get("expired") == "true":
            # (recorded: login-expired-user)
            more: list[JSON] = [{"name": name, "type": "PASSWORD"} for name in ("new-password", "confirm-new-password")]
            raise GuacamoleError(
                403,
                "Password has expired",
                "INSUFFICIENT_CREDENTIALS",
                key="LOGIN.INFO_PASSWORD_EXPIRED",
                expected=LOGIN_FIELDS + more,
            )
        self._store.used(user.id, self._state.now())
        return self._state.open_session(user.name, user.id)

    def _refuse_unusable(self, user: Stored | None) -> Stored:
        """Return an account that may be used on this day, and at this hour in its own time zone.

        Raises:
            GuacamoleError: The account is not there, disabled, or not valid now (recorded: login-disabled-user,
                login-valid-until-past, login-valid-from-future, login-outside-access-window).
        """
        if user is None or user.trait == DISABLED:
            raise invalid_login()
        try:
            zone: dt.tzinfo = ZoneInfo(user.attributes.get("timezone") or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            zone = dt.UTC
        local = dt.datetime.fromtimestamp(self._state.clock(), zone)
        today, hour = local.date().isoformat(), local.time().isoformat("seconds")
        first, last = user.attributes.get("valid-from"), user.attributes.get("valid-until")
        if (first and today < first) or (last and today > last):
            raise GuacamoleError(400, "User account is no longer valid.", key="LOGIN.ERROR_NOT_VALID")
        start = user.attributes.get("access-window-start") or "00:00:00"
        end = user.attributes.get("access-window-end") or "24:00:00"
        # The window may cross midnight.
        if not (start <= hour < end if start <= end else hour >= start or hour < end):
            message = "User account may not be used at this time."
            raise GuacamoleError(400, message, key="LOGIN.ERROR_NOT_ACCESSIBLE")
        return user


def _field(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None
