"""Signatures by one key. Each purpose has its own, so that a value for one purpose is not accepted for another."""

from __future__ import annotations

import hashlib
import hmac

from itsdangerous import URLSafeTimedSerializer

_SIGNER = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


class Signer:
    """Makes serializers and fingerprints from the portal's cookie key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def timed_serializer(self, purpose: str) -> URLSafeTimedSerializer:
        """Return a serializer for one purpose. Its signatures hold their time, so that they can expire."""
        return URLSafeTimedSerializer(self._key, salt=f"blendersessions.{purpose}", signer_kwargs=_SIGNER)

    def fingerprint(self, *parts: str) -> str:
        """Return 32 hex digits that change with each part and disclose none of them."""
        message = b"\0".join(part.encode() for part in parts)
        return hmac.new(self._key, b"blendersessions.fingerprint\0" + message, hashlib.sha256).hexdigest()[:32]
