"""One key, and a separate signature for each thing signed, so that one can never pass for another."""

from __future__ import annotations

import hashlib
import hmac

from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

_SIGNER = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


class Signer:
    """Makes serializers and fingerprints from the portal's cookie key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def serializer(self, purpose: str) -> URLSafeSerializer:
        """Sign values for one purpose, without an end."""
        return URLSafeSerializer(self._key, salt=f"blendersessions.{purpose}", signer_kwargs=_SIGNER)

    def timed_serializer(self, purpose: str) -> URLSafeTimedSerializer:
        """Sign values for one purpose, with the time of signing."""
        return URLSafeTimedSerializer(self._key, salt=f"blendersessions.{purpose}", signer_kwargs=_SIGNER)

    def fingerprint(self, *parts: str) -> str:
        """Give 32 hex digits that change when a part does, and that tell nothing about the parts."""
        message = b"\0".join(part.encode() for part in parts)
        return hmac.new(self._key, b"blendersessions.fingerprint\0" + message, hashlib.sha256).hexdigest()[:32]
