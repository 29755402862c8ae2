"""Checks the bearer token of requests that need one."""

import hmac

_SCHEME = "bearer "


def is_authorised(header: str | None, token: str) -> bool:
    """Return whether an Authorization header carries the agent's token.

    The time of the comparison does not depend on how many characters match. An empty token matches nothing.

    Args:
        header: the header's value; None if the request has none.
        token: the agent's token.
    """
    if not token or header is None or not header.lower().startswith(_SCHEME):
        return False
    offered = header[len(_SCHEME) :].strip()
    return hmac.compare_digest(offered.encode(), token.encode())
