"""A picture that was made, and the headers with which it is sent."""

import hashlib
from dataclasses import dataclass
from email.utils import formatdate

from agent.thumbnails.making import MEDIA_TYPE


@dataclass(frozen=True)
class Thumbnail:
    """A picture."""

    content: bytes
    """WebP."""
    etag: str
    """Tells it from other pictures of the same thing."""
    modified: float
    """When it was made, or what it was made of was changed, in seconds since 1970."""

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer with it."""
        return {
            "Content-Type": MEDIA_TYPE,
            "ETag": self.etag,
            "Last-Modified": formatdate(self.modified, usegmt=True),
            # Whoever keeps it asks whether it is still the same.
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
        }


def etag_of(content: bytes) -> str:
    """Return the tag of a picture that nothing but its content tells from others."""
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'
