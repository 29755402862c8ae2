"""Who may ask for more than the probes' answers."""

import hmac

_SCHEME = "bearer "


def is_authorised(header: str | None, token: str) -> bool:
    """Tell whether an Authorization header carries the agent's token.

    The comparison takes the same time however much of a guess is right. An empty token lets nobody in.
    """
    if not token or header is None or not header.lower().startswith(_SCHEME):
        return False
    offered = header[len(_SCHEME) :].strip()
    return hmac.compare_digest(offered.encode(), token.encode())
