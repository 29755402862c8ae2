"""Checks the provider's signed tokens. Pure, but for the time of day."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2.claims import JWTClaims
from authlib.oidc.core import IDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.util import json_b64decode

if TYPE_CHECKING:
    from collections.abc import Collection

    from joserfc.jwk import KeySet

_ASYMMETRIC: Final = frozenset(
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
)
"""Algorithms whose key only the provider has. A token signed by what we know too, or by nothing, proves nothing."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST: Final = 64 * 1024
_PARTS_BESIDE_THE_HEADER: Final = 2


class RefusedError(Exception):
    """A token, or a code, proves nothing.

    Attributes:
        by_key: whether another key of the provider's might prove it.
    """

    def __init__(self, message: str, *, by_key: bool = False) -> None:
        super().__init__(message)
        self.by_key = by_key


@dataclass(frozen=True)
class TokenRules:
    """What must be true of a token.

    Attributes:
        skew_seconds: how far the provider's clock may be from ours.
        nonce: what the sign-in began with; empty for a token that answers none.
        access_token: what came beside the token; empty if nothing did.
        logout: whether it is a logout token, which has a name (`jti`) and need not name a person.
    """

    issuer: str
    client_id: str
    skew_seconds: int
    nonce: str = ""
    access_token: str = field(default="", repr=False)
    logout: bool = False


def check_form(token: str) -> None:
    """Refuse what cannot be a token of the provider's, before anybody is asked about it.

    Raises:
        RefusedError: it is too long, has not three parts, or its header names no algorithm that proves anything.
    """
    if not token or len(token) > _LONGEST:
        raise RefusedError("There is no token, or it is too long.")
    header, *others = token.split(".")
    if len(others) != _PARTS_BESIDE_THE_HEADER:
        raise RefusedError("The token has not three parts.")
    try:
        read = json_b64decode(header.encode())
    except (ValueError, RecursionError) as error:
        raise RefusedError("The header of the token cannot be read.") from error
    algorithm = read.get("alg") if isinstance(read, dict) else None
    if not isinstance(algorithm, str) or algorithm not in _ASYMMETRIC:
        raise RefusedError("The token is signed by no algorithm that proves anything.")


def signed_claims(token: str, keys: KeySet, algorithms: Collection[str], rules: TokenRules) -> dict[str, Any]:
    """Return a token's claims, as OpenID Connect Core 1.0, section 3.1.3.7, says.

    Raises:
        RefusedError: the signature is not the provider's, or a rule is broken.
    """
    allowed = sorted(_ASYMMETRIC.intersection(algorithms))
    if not allowed:
        # The library takes no algorithms for all that it recommends.
        raise RefusedError(f"The provider signs by no algorithm that proves anything: {', '.join(algorithms)[:200]}.")
    try:
        decoded = jwt.decode(token, keys, algorithms=allowed)
        needed = {name: {"essential": True} for name in ("exp", "iat", "jti" if rules.logout else "sub")}
        options = needed | {"iss": {"essential": True, "value": rules.issuer}}
        options["aud"] = {"essential": True, "value": rules.client_id}
        told = {"nonce": rules.nonce, "client_id": rules.client_id, "access_token": rules.access_token}
        claims = (JWTClaims if rules.logout else IDToken)(decoded.claims, decoded.header, options, told)
        claims.validate(now=int(time.time()), leeway=rules.skew_seconds)
    except (BadSignatureError, InvalidKeyIdError) as error:
        raise RefusedError("No key of the provider's fits the token.", by_key=True) from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RefusedError(f"The token is refused: {error}") from error
    if not rules.logout and (not isinstance(claims.get("sub"), str) or not claims["sub"]):
        raise RefusedError("The token names nobody.")
    return dict(claims)
