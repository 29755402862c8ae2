"""Interpret answers that come from Guacamole's address: not all are JSON, and not all are Guacamole's.

Guacamole answers with JSON, its JSON parser with plain text (exchange `connection-create-bad-json`) and Tomcat with
HTML (`connection-create-wrong-content-type`, `unknown-endpoint`). A proxy, or a Tomcat without the application, answers
in Guacamole's place: with an error, or with a page and status 200. Neither proves that something is done or missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

import requests

from blendersessions.model.errors import Conflict, Invalid, NotFound, OutcomeUnknown, System, Unauthorised, Unavailable

_LOG_IN_REFUSED = {requests.codes.bad_request, requests.codes.unauthorized, requests.codes.forbidden}


def resource(path: str) -> str:
    """Return the kind of object that a path is about: the part behind the data source, or `session`, or `tokens`."""
    parts = path.split("/")
    return parts[4] if path.startswith("api/session/data/") else parts[1]


def decoded(response: requests.Response) -> object:
    """Return the decoded JSON, or None if the answer is not JSON."""
    if not response.content or "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        answer: object = response.json()
    except ValueError:
        return None
    return answer


def message(response: requests.Response) -> str:
    """Return Guacamole's own message, or the HTTP status if the answer has none."""
    answer = decoded(response)
    if isinstance(answer, dict) and answer.get("message"):
        return str(answer["message"])
    return f"HTTP status {response.status_code}"


@dataclass(frozen=True)
class LogIn:
    """A token, and the data source of its account."""

    token: str = field(repr=False)
    data_source: str


class LogInFailure(Enum):
    """Why a log-in gave no token."""

    REFUSED = auto()
    """The credentials are wrong (exchanges `login-wrong-password`, `login-unknown-user`), or the account is expired or
    outside its hours (`login-valid-until-past`, `login-outside-access-window`)."""
    BARRED = auto()
    """Guacamole's ban extension bars our address: five log-ins were refused within five minutes."""
    FAILED = auto()
    """Guacamole or a proxy before it failed, for instance as in `login-json-body`."""
    NOT_GUACAMOLE = auto()
    """Another server answered."""


def log_in_of(response: requests.Response) -> LogIn | LogInFailure:
    """Interpret the answer to a log-in; a successful one names the data source (exchange `login-ok`)."""
    if response.status_code in _LOG_IN_REFUSED:
        return LogInFailure.REFUSED
    if response.status_code == requests.codes.too_many_requests:
        return LogInFailure.BARRED
    answer = decoded(response) if response.ok else None
    if isinstance(answer, dict) and answer.get("authToken") and answer.get("dataSource"):
        return LogIn(str(answer["authToken"]), str(answer["dataSource"]))
    if response.ok or response.status_code == requests.codes.not_found:
        return LogInFailure.NOT_GUACAMOLE
    return LogInFailure.FAILED


def raise_for(response: requests.Response, what: str) -> None:
    """Raise the error of an answer, unless Guacamole itself confirms that the request was carried out.

    Args:
        response: the answer.
        what: the path of the request, for the message.

    Raises:
        OutcomeUnknown: another server answered a POST.
        Unavailable: another server answered, or Guacamole failed. Status 500 often means that the request refers to
            an object that is gone (exchange `permissions-add-unknown-connection`).
        Unauthorised: the account lacks the right (`user-create-connection-forbidden`), or the token is dead
            (`dead-token-data`). The status is 403 for both.
        NotFound: the object does not exist, or the account may not see it (`user-get-ungranted-connection`).
        Conflict: the name is taken (`connection-create-duplicate-name`, `user-create-duplicate`).
        Invalid: Guacamole refuses the content of the request (`connection-create-blank-name`).
    """
    status, codes = response.status_code, requests.codes
    answer = decoded(response)
    if status == codes.no_content or (status == codes.ok and answer is not None):
        return
    text = f"Guacamole answered {status} to {response.request.method} {what}: {message(response)}"
    if codes.ok <= status < codes.bad_request or (status == codes.not_found and answer is None):
        text = (
            f"The server that answered {status} to {response.request.method} {what} was not Guacamole, but a proxy "
            "before it or a server without the application; it is asked again."
        )
        kind = OutcomeUnknown if response.request.method == "POST" else Unavailable
        raise kind(text, System.GUACAMOLE)
    if status == codes.forbidden:
        text += ". The account of BLENDERSESSIONS_GUACAMOLE_USERNAME needs the right to administer."
        raise Unauthorised(text, System.GUACAMOLE)
    if status == codes.not_found:
        raise NotFound(text, System.GUACAMOLE)
    if status == codes.bad_request and "already exists" in message(response):
        raise Conflict(text, System.GUACAMOLE)
    if codes.bad_request <= status < codes.internal_server_error and status != codes.too_many_requests:
        raise Invalid(text, System.GUACAMOLE)
    raise Unavailable(text, System.GUACAMOLE)
