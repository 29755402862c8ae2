"""The session that the options of the command `create` describe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model.errors import Invalid, System
from blendersessions.model.manifest import API_VERSION, SESSION_KIND

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

_DISPLAY: Final = re.compile(r"([0-9]{1,5})x([0-9]{1,5})", re.IGNORECASE)


@dataclass(frozen=True)
class NewSession:
    """What a person wants. What is left out is decided by the session's class.

    Attributes:
        name: the session's name.
        sample: a scene of Blender's image.
        url: where the desktop fetches the scene.
        sha256: the checksum of what comes from there.
        volume: a scene in a volume claim, as `CLAIM:PATH`.
        upload: whether the session waits for its scene.
        class_name: the session's class.
        owner: the Guacamole user who controls it.
        viewers: the Guacamole users who may look.
        workspace: size of the volume that keeps the files.
        workspace_claim: a volume claim that keeps them.
        display: size of the screen, as `WIDTHxHEIGHT`.
    """

    name: str
    sample: str | None = None
    url: str | None = None
    sha256: str | None = None
    volume: str | None = None
    upload: bool = False
    class_name: str | None = None
    owner: str | None = None
    viewers: tuple[str, ...] = ()
    workspace: str | None = None
    workspace_claim: str | None = None
    display: str | None = None

    def manifest(self, namespace: str | None) -> Manifest:
        """Return the object; without a namespace it has none.

        Raises:
            Invalid: options contradict each other, or one is malformed.
        """
        spec: Manifest = {
            "className": self.class_name,
            "owner": self.owner,
            "viewers": list(self.viewers),
            "scene": self._scene(),
            "workspace": self._workspace(),
            "display": self._display(),
        }
        metadata = {"name": self.name} | ({"namespace": namespace} if namespace else {})
        given = {field: value for field, value in spec.items() if value}
        return {"apiVersion": API_VERSION, "kind": SESSION_KIND, "metadata": metadata, "spec": given}

    def _scene(self) -> Manifest:
        sources = {"--sample": self.sample, "--url": self.url, "--volume": self.volume, "--upload": self.upload}
        given = [option for option, value in sources.items() if value]
        if len(given) > 1:
            raise Invalid(f"A session opens one scene. Give one of {', '.join(given)}.", System.OWN)
        if self.sha256 and not self.url:
            raise Invalid("--sha256 is for what comes from a --url. Leave it out.", System.OWN)
        if self.sample:
            return {"sample": self.sample}
        if self.url:
            return {"url": self.url} | ({"sha256": self.sha256} if self.sha256 else {})
        if self.volume:
            return {"volume": self._volume(self.volume)}
        return {"upload": {}} if self.upload else {}

    def _volume(self, text: str) -> Manifest:
        claim, separator, path = text.partition(":")
        if not separator or not claim or not path:
            raise Invalid(f"--volume {text}: write CLAIM:PATH, such as scenes:shots/cart.blend.", System.OWN)
        return {"claimName": claim, "path": path}

    def _workspace(self) -> Manifest:
        if self.workspace and self.workspace_claim:
            raise Invalid("Give either --workspace, for a new volume, or --workspace-claim, for one.", System.OWN)
        if self.workspace_claim:
            return {"claimName": self.workspace_claim}
        return {"size": self.workspace} if self.workspace else {}

    def _display(self) -> Manifest:
        if not self.display:
            return {}
        match = _DISPLAY.fullmatch(self.display)
        if match is None:
            raise Invalid(f"--display {self.display}: write WIDTHxHEIGHT, such as 1920x1080.", System.OWN)
        return {"width": int(match[1]), "height": int(match[2])}
