"""What a provider says about itself (OpenID Connect Discovery 1.0), and whether it may be used. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ENDPOINTS: Final = (*_NEEDED, "userinfo_endpoint", "end_session_endpoint")
_LISTS: Final = ("id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported")


class MetadataError(ValueError):
    """A provider says something about itself that cannot be used."""


def checked_metadata(found: Mapping[str, Any], issuer: str) -> dict[str, Any]:
    """Return what a provider says about itself, without endpoints and lists that are none.

    Raises:
        MetadataError: it is another provider's, an endpoint is missing, or one of a provider with https has http.
    """
    if found.get("issuer") != issuer:
        raise MetadataError(
            f"The provider at {issuer} calls itself {found.get('issuer')!r}: write exactly that into"
            " signOn.openID.issuer, if it is yours."
        )
    endpoints = {name: found[name] for name in _ENDPOINTS if isinstance(found.get(name), str)}
    if missing := [name for name in _NEEDED if name not in endpoints]:
        raise MetadataError(f"The provider at {issuer} does not say its {' and '.join(missing)}. Is it one of OpenID?")
    # Whoever can change what comes by http on the way gives the portal other keys, and is everybody.
    plain = [name for name, place in endpoints.items() if not _has_https(place)]
    if urlsplit(issuer).scheme == "https" and plain:
        raise MetadataError(
            f"The provider at {issuer} has no https in its {' and '.join(plain)}. Tell the provider the address by"
            " which browsers reach it: this happens where something before it ends TLS."
        )
    lists = {name: _words(found.get(name)) for name in _LISTS}
    return {key: value for key, value in found.items() if key not in _ENDPOINTS} | endpoints | lists


def _has_https(place: str) -> bool:
    try:
        return urlsplit(place).scheme == "https"
    except ValueError:
        return False


def _words(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
