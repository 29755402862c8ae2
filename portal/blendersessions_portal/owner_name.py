"""The Guacamole user, and so the owner of sessions, that a name of a sign-on stands for. Pure."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from typing import Final

_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,127}")
"""Names that `spec.owner` takes, without capital letters: Guacamole's header extension turns these into small ones."""
_RESERVED: Final = ("blender-", "guest-", "person-")
"""How the names begin of users for sessions without an owner, of guests, and of those that are made here."""
_READABLE_CHARACTERS: Final = 60
_DIGEST_CHARACTERS: Final = 32
_FOLDING: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def owner_name(name: str, *, reserved: frozenset[str], fold_case: bool) -> str:
    """Return the Guacamole user of a person. Two names never give the same user.

    A name that cannot be a user, or that is somebody else's, gives one that begins with `person-`, and holds what of
    it can be read and a fingerprint of all of it.

    Args:
        name: as the sign-on gives it, not empty.
        reserved: users of Guacamole's that no person becomes by a name, in small letters: its administrators.
        fold_case: whether the sign-on takes Alice and alice for one person.
    """
    known = name.translate(_FOLDING) if fold_case else name
    if _PLAIN.fullmatch(known) and not known.startswith(_RESERVED) and known not in reserved:
        return known
    ascii_only = unicodedata.normalize("NFKD", known).encode("ascii", "ignore").decode().lower()
    readable = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:_READABLE_CHARACTERS].strip("-")
    digest = hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
    return "-".join(filter(None, ("person", readable, digest)))
