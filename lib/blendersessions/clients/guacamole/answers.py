"""What Guacamole's answers mean: ambiguous, not always JSON, and sometimes another server's.

Guacamole answers with JSON, its JSON parser with plain text (exchange `connection-create-bad-json`) and Tomcat with
HTML (`connection-create-wrong-content-type`, `unknown-endpoint`). A proxy, or a Tomcat without the application, answers
in Guacamole's place: with an error, or with a page and status 200. Neither means that something is done or missing.
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
    """Return the decoded JSON, or None when there is none."""
    if not response.content or "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        answer: object = response.json()
    except ValueError:
        return None
    return answer


def message(response: requests.Response) -> str:
    """Return Guacamole's own message, or the HTTP status when the answer has none."""
    answer = decoded(response)
    if isinstance(answer, dict) and answer.get("message"):
        return str(answer["message"])
    return f"HTTP status {response.status_code}"


@dataclass(frozen=True)
class LogIn:
    """A token, and the data source that its account lives in."""

    token: str = field(repr=False)
    data_source: str


class LogInFailure(Enum):
    """Why there is no token."""

    REFUSED = auto()
    """The credentials are wrong (exchanges `login-wrong-password`, `login-unknown-user`), or the account is expired or
    outside its hours (`login-valid-until-past`, `login-outside-access-window`)."""
    BARRED = auto()
    """Guacamole's ban extension takes no log-in from our address: five were refused within five minutes."""
    FAILED = auto()
    """Guacamole or a proxy before it failed, for instance by `login-json-body`."""
    NOT_GUACAMOLE = auto()
    """The answer is not one that Guacamole gives."""


def log_in_of(response: requests.Response) -> LogIn | LogInFailure:
    """Return what the answer to a log-in means; a good one names the data source (exchange `login-ok`)."""
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
    """Raise what an answer means, unless Guacamole itself confirms that the request was carried out.

    Args:
        response: the answer.
        what: the path that the request was about, for the message.

    Raises:
        OutcomeUnknown: another server answered a POST.
        Unavailable: another server answered, or Guacamole failed. Status 500 often means that the request refers to
            something that is gone (exchange `permissions-add-unknown-connection`).
        Unauthorised: the account lacks the right (`user-create-connection-forbidden`), or the token is dead
            (`dead-token-data`): the status is 403 for both.
        NotFound: the object does not exist, or the account may not see it (`user-get-ungranted-connection`).
        Conflict: the name is taken (`connection-create-duplicate-name`, `user-create-duplicate`).
        Invalid: Guacamole refuses what the request asks for (`connection-create-blank-name`).
    """
    status, codes = response.status_code, requests.codes
    answer = decoded(response)
    if status == codes.no_content or (status == codes.ok and answer is not None):
        return
    text = f"Guacamole answered {status} to {response.request.method} {what}: {message(response)}"
    if codes.ok <= status < codes.bad_request or (status == codes.not_found and answer is None):
        text = (
            f"What answered {status} to {response.request.method} {what} was not Guacamole, but a proxy before it or a "
            "server without the application; it is asked again."
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
