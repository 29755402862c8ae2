"""What a session opens: a sample, the person's own file, a file behind an address, or the empty scene. Pure."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

from blendersessions.model.errors import Invalid, System
from blendersessions.model.fields import section, text
from blendersessions.model.scene import MAX_URL

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

OWN_FILE: Final = "Your file"
"""Title of a session whose file has no name yet."""
_MAX_NAME: Final = 120
"""The rest of a name from an address is not shown."""
_STEM_LIMIT: Final = 40
"""Most characters of a session's name that come from its scene."""
_ADDRESS: Final = re.compile(r"https://[^\s/?#@\\]+(/[^\s\\]*)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class SceneChoice:
    """One scene. Without any of the three it is the empty scene.

    Attributes:
        sample: file name of a sample.
        url: address of a file, which the desktop fetches.
        upload: whether the session waits for the person's own file.
    """

    sample: str = ""
    url: str = ""
    upload: bool = False

    @property
    def manifest(self) -> Manifest:
        """The value of `spec.scene`; empty for the empty scene."""
        if self.upload:
            return {"upload": {}}
        return {key: value for key, value in (("sample", self.sample), ("url", self.url)) if value}

    @property
    def file(self) -> str:
        """The name of the file, as far as the choice tells it."""
        return self.sample or _last_part(self.url)

    @property
    def name_stem(self) -> str:
        """The readable start of a session's name: `shopping-cart-` for shopping_cart.blend."""
        if self.upload:
            return "your-file-"
        words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\.(blend|zip)$", "", self.file.lower())).strip("-")
        return (words[:_STEM_LIMIT].strip("-") or ("session" if self.file or self.url else "empty-scene")) + "-"


def scene_in(spec: Manifest) -> SceneChoice:
    """Read the scene of a session's spec. What is malformed is left out."""
    scene = section(spec.get("scene"))
    return SceneChoice(text(scene.get("sample")), text(scene.get("url")), isinstance(scene.get("upload"), dict))


def address(written: str) -> SceneChoice:
    """Return the choice of a file behind an address.

    Raises:
        Invalid: it is no https address.
    """
    url = _ascii(written.strip())
    if len(url) > MAX_URL or not _ADDRESS.fullmatch(url):
        raise Invalid(
            "This is no address of a file that Blender can fetch. Write it as https://example.org/scene.blend, without"
            f" a user name, and with at most {MAX_URL} characters.",
            System.OWN,
        )
    return SceneChoice(url=url)


def _ascii(url: str) -> str:
    """Write an address as the API takes it, which browsers show in any script; empty if it has no host.

    What follows a `#` is for browsers alone, and no server gets it.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.encode("idna").decode()
    except ValueError:
        return ""
    return (
        quote(parts._replace(netloc=host, fragment="").geturl(), safe=string.punctuation + " ")
        if parts.hostname
        else ""
    )


def _last_part(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    name = unquote(parts.path.rstrip("/").rpartition("/")[2])
    return "".join(each for each in name if each.isprintable())[:_MAX_NAME] or (parts.hostname or "")
