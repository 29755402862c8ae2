"""The errors of Guacamole's REST API, with the bodies that were recorded.

Guacamole answers errors in three formats, and a client must be able to read all of them. The application's errors are
JSON (recorded: connection-get-unknown), the JSON parser's are plain text (recorded: connection-create-bad-json), and
the servlet container's are HTML (recorded: login-get).
"""

from __future__ import annotations

import json
from html import escape
from http import HTTPStatus
from typing import TypeAlias

from starlette.responses import Response

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

UNTRANSLATED = "APP.TEXT_UNTRANSLATED"
"""Guacamole's translation key for a message that has no translation."""
LOGIN_FIELDS: list[JSON] = [{"name": "username", "type": "USERNAME"}, {"name": "password", "type": "PASSWORD"}]


class GuacamoleError(Exception):
    """An error that the application answers as JSON.

    Args:
        status: The HTTP status.
        kind: Guacamole's name for the kind of error, for instance ``NOT_FOUND``.
        message: The English message.
        key: The key of the message in Guacamole's translations.
        variables: The values for the translation, if it has a key.
        expected: The form fields that a log-in lacks.
        patches: The outcome of each operation of a batch.
    """

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
    """A body that the JSON parser cannot read. The answer is 400 with the message as plain text."""


class ContainerError(Exception):
    """An error of the servlet container. The answer is an HTML page."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found(identifier: str) -> GuacamoleError:
    """Return the error for an identifier that does not exist, or whose object the user may not see."""
    return GuacamoleError(404, "NOT_FOUND", f'Not found: "{identifier}"')


def bad_request(message: str) -> GuacamoleError:
    """Return the error for a request that is wrong. The message is the reason."""
    return GuacamoleError(400, "BAD_REQUEST", message)


def internal_error() -> GuacamoleError:
    """Return the error for a request that the database refuses. Mostly the input is wrong."""
    return GuacamoleError(500, "INTERNAL_ERROR", "Unexpected internal error")


def unsupported(message: str) -> GuacamoleError:
    """Return the error for an operation that Guacamole refuses for every user."""
    return GuacamoleError(501, "INTERNAL_ERROR", message)


def permission_denied(message: str = "Permission denied.") -> GuacamoleError:
    """Return the error for a user who lacks a permission."""
    return GuacamoleError(403, "PERMISSION_DENIED", message)


def dead_token() -> GuacamoleError:
    """Return the error for a missing or dead token.

    Only the capital D distinguishes it from a missing permission (recorded: dead-token-data,
    activeconnection-delete-denied).
    """
    return GuacamoleError(403, "PERMISSION_DENIED", "Permission Denied.")


def invalid_login() -> GuacamoleError:
    """Return the error for a wrong user name, a wrong password, or no credentials.

    The answer is the same (recorded: login-unknown-user, login-wrong-password, login-missing-credentials).
    """
    return GuacamoleError(403, "INVALID_CREDENTIALS", "Invalid login", expected=LOGIN_FIELDS)


def json_response(body: JSON, status: int = 200) -> Response:
    """Return a JSON answer with the recorded content type, which names no character set."""
    return Response(json.dumps(body, ensure_ascii=False), status, headers={"Content-Type": "application/json"})


def no_content() -> Response:
    """Return an answer without a body: 204, as for updates and deletions."""
    return Response(status_code=204)


def html_response(status: int, message: str | None = None) -> Response:
    """Return an error page like the servlet container's. By default, its message is the status's name."""
    phrase = HTTPStatus(status).phrase
    title = f"HTTP Status {status} – {phrase}"  # noqa: RUF001 - the servlet container's dash
    page = (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>'
        f"<p>{escape(message or phrase)}</p><p>Stand-in for Apache Guacamole</p></body></html>"
    )
    return Response(page.encode(), status, headers={"Content-Type": "text/html;charset=utf-8"})


def text_response(message: str) -> Response:
    """Return a plain-text answer like the JSON parser's: 400."""
    return Response(message.encode(), 400, headers={"Content-Type": "text/plain"})
