"""The errors and answers of Guacamole's REST API, with the bodies that were recorded.

Guacamole answers errors in three formats, and a client must be able to read all of them. The application's errors are
JSON (recorded: connection-get-unknown), the JSON parser's are plain text (recorded: connection-create-bad-json), and
the servlet container's are HTML (recorded: login-get). Starlette's `HTTPException` stands for the container's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import TypeAlias

from starlette.responses import Response

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
UNTRANSLATED = "APP.TEXT_UNTRANSLATED"
"""Guacamole's translation key for a message that has no translation."""
LOGIN_FIELDS: list[JSON] = [{"name": "username", "type": "USERNAME"}, {"name": "password", "type": "PASSWORD"}]


KINDS = {
    400: "BAD_REQUEST",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "BAD_REQUEST",
    500: "INTERNAL_ERROR",
    501: "INTERNAL_ERROR",
}
"""Guacamole's name for the kind of error that a status stands for."""


@dataclass(eq=False)
class GuacamoleError(Exception):
    """An error that the application answers as JSON."""

    status: int
    message: str
    kind: str = ""
    """Guacamole's name for the kind of error, if it is not the one in `KINDS`."""
    key: str = UNTRANSLATED
    """The key of the message in Guacamole's translations."""
    variables: JSON = None
    """The values for the translation, if it has a key."""
    expected: list[JSON] | None = None
    """The form fields that a log-in lacks."""
    patches: list[JSON] | None = None
    """The outcome of each operation of a batch."""

    @property
    def translatable(self) -> JSON:
        """The message as Guacamole's page translates it."""
        return {"key": self.key, "variables": {"MESSAGE": self.message} if self.key == UNTRANSLATED else self.variables}

    def response(self) -> Response:
        """Return the answer."""
        body: JSON = {
            "message": self.message,
            "translatableMessage": self.translatable,
            "statusCode": None,
            "expected": self.expected,
            "patches": self.patches,
            "type": self.kind or KINDS[self.status],
        }
        return json_response(body, self.status)


class UnreadableBodyError(Exception):
    """A body that the JSON parser cannot read. The answer is 400 with the message as plain text."""


def not_found(identifier: str) -> GuacamoleError:
    """Return the error for an identifier that does not exist, or whose object the user may not see."""
    return GuacamoleError(404, f'Not found: "{identifier}"')


def internal_error() -> GuacamoleError:
    """Return the error for a request that the database refuses. Mostly the input is wrong."""
    return GuacamoleError(500, "Unexpected internal error")


def permission_denied(message: str = "Permission denied.") -> GuacamoleError:
    """Return the error for a user who lacks a permission.

    Only the capital D in "Permission Denied." tells a dead token from that (recorded: dead-token-data).
    """
    return GuacamoleError(403, message)


def invalid_login(message: str = "Invalid login") -> GuacamoleError:
    """Return the error for a wrong user name, a wrong password, or no credentials.

    The answer is the same (recorded: login-unknown-user, login-wrong-password, login-missing-credentials). Only the
    extension that refuses first has its own message.
    """
    return GuacamoleError(403, message, "INVALID_CREDENTIALS", expected=LOGIN_FIELDS)


def json_response(body: JSON, status: int = 200) -> Response:
    """Return a JSON answer with the recorded content type, which names no character set."""
    return Response(json.dumps(body, ensure_ascii=False), status, headers={"Content-Type": "application/json"})


def html_response(status: int, message: str) -> Response:
    """Return an error page like the servlet container's."""
    title = f"HTTP Status {status} – {HTTPStatus(status).phrase}"  # noqa: RUF001 - the servlet container's dash
    page = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
        f"<p>{escape(message)}</p><p>Stand-in for Apache Guacamole</p></body></html>"
    )
    return Response(page.encode(), status, headers={"Content-Type": "text/html;charset=utf-8"})
