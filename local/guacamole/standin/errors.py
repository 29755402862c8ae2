"""The errors of Guacamole's REST API, with the bodies that were recorded.

Three kinds leave the server: errors of the application (JSON), of the JSON parser (plain text), and of the servlet
container (HTML). A client must be able to read all three.
"""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus
from typing import TypeAlias

from starlette.responses import Response

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

UNTRANSLATED = "APP.TEXT_UNTRANSLATED"
LOGIN_FIELDS: list[JSON] = [{"name": "username", "type": "USERNAME"}, {"name": "password", "type": "PASSWORD"}]


class GuacamoleError(Exception):
    """An error that the application answers as JSON."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        key: str = UNTRANSLATED,
        variables: JSON = None,
        expected: list[JSON] | None = None,
        patches: list[JSON] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.expected = expected
        self.patches = patches
        self.translatable: JSON = {"key": key, "variables": {"MESSAGE": message} if key == UNTRANSLATED else variables}

    def body(self) -> JSON:
        """Return the JSON object that describes the error."""
        return {
            "message": self.message,
            "translatableMessage": self.translatable,
            "statusCode": None,
            "expected": self.expected,
            "patches": self.patches,
            "type": self.kind,
        }


class UnreadableBodyError(Exception):
    """The JSON parser's complaint, answered as 400 with plain text."""


class ContainerError(Exception):
    """An error of the servlet container, answered as an HTML page."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found(identifier: str) -> GuacamoleError:
    """Nothing of this identifier exists, or the user may not know of it."""
    return GuacamoleError(404, "NOT_FOUND", f'Not found: "{identifier}"')


def bad_request(message: str) -> GuacamoleError:
    """The request makes no sense; the message says why."""
    return GuacamoleError(400, "BAD_REQUEST", message)


def internal_error() -> GuacamoleError:
    """What the database refuses surfaces as this; mostly it means bad input."""
    return GuacamoleError(500, "INTERNAL_ERROR", "Unexpected internal error")


def unsupported(message: str) -> GuacamoleError:
    """The operation is known and refused for everybody."""
    return GuacamoleError(501, "INTERNAL_ERROR", message)


def permission_denied(message: str = "Permission denied.") -> GuacamoleError:
    """The token is alive, but its user may not do this."""
    return GuacamoleError(403, "PERMISSION_DENIED", message)


def dead_token() -> GuacamoleError:
    """The token is missing or dead. Only the capital D tells it from a missing permission."""
    return GuacamoleError(403, "PERMISSION_DENIED", "Permission Denied.")


def invalid_login() -> GuacamoleError:
    """Wrong user, wrong password, or none at all: the answer is the same."""
    return GuacamoleError(403, "INVALID_CREDENTIALS", "Invalid login", expected=LOGIN_FIELDS)


def json_response(body: JSON, status: int = 200) -> Response:
    """Answer with JSON, and the exact content type that was recorded."""
    return Response(json.dumps(body, ensure_ascii=False), status, headers={"Content-Type": "application/json"})


def no_content() -> Response:
    """Answer 204, as updates and deletions do."""
    return Response(status_code=204)


def html_response(status: int, message: str | None = None) -> Response:
    """Answer as the servlet container does."""
    phrase = HTTPStatus(status).phrase
    title = f"HTTP Status {status} – {phrase}"  # noqa: RUF001 - the dash is the original's
    page = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
        f"<p>{escape(message or phrase)}</p><p>Stand-in for Apache Guacamole</p></body></html>"
    )
    return Response(page.encode(), status, headers={"Content-Type": "text/html;charset=utf-8"})


def text_response(message: str) -> Response:
    """Answer as the JSON parser does."""
    return Response(message.encode(), 400, headers={"Content-Type": "text/plain"})
