"""What Guacamole's answers mean: ambiguous, not always JSON, and now and then somebody else's.

A proxy, or a Tomcat without the application, answers in Guacamole's place: with an error, or with a page and
status 200. Neither may be taken for Guacamole saying that something is done, or is not there.
"""

from __future__ import annotations

import requests

from blendersessions.model.errors import Conflict, Invalid, NotFound, OutcomeUnknown, Unauthorised, Unavailable


def resource(path: str) -> str:
    """Return the kind of object that a path is about: what stands behind the data source, or `session`, or `tokens`."""
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
    """Return Guacamole's own words; a page of HTML is none of them."""
    answer = decoded(response)
    if isinstance(answer, dict) and answer.get("message"):
        return str(answer["message"])
    return f"HTTP status {response.status_code}"


def raise_for(response: requests.Response, what: str) -> None:
    """Raise what an answer means, unless it is Guacamole's own word that the request was carried out."""
    status, codes = response.status_code, requests.codes
    answer = decoded(response)
    if status == codes.no_content or (status == codes.ok and answer is not None):
        return
    said = f"Guacamole answered {status} to {response.request.method} {what}: {message(response)}"
    if codes.ok <= status < codes.bad_request or (status == codes.not_found and answer is None):
        said = (
            f"What answered {status} to {response.request.method} {what} was not Guacamole, but a proxy before it or a "
            "server without the application; it is asked again."
        )
        raise OutcomeUnknown(said) if response.request.method == "POST" else Unavailable(said)
    if status == codes.forbidden:
        raise Unauthorised(f"{said}. The account of BLENDERSESSIONS_GUACAMOLE_USERNAME needs the right to administer.")
    if status == codes.not_found:
        raise NotFound(said)
    if status == codes.bad_request and "already exists" in message(response):
        raise Conflict(said)
    if codes.bad_request <= status < codes.internal_server_error and status != codes.too_many_requests:
        raise Invalid(said)
    raise Unavailable(said)
