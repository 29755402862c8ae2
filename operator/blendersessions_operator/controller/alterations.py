"""Remembers what somebody else changes in our objects each time that we write them, such as an admission policy.

Without it each reconciliation would repair the same field again, and no write would help.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from blendersessions.model import labels
from blendersessions.model.errors import Altered, System
from blendersessions.model.manifest import Manifest, Ref, first_difference, ref_of

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_SECONDS: Final = 600.0
"""After this time the field is written once more: the policy may be gone."""
_PARTS: Final = ("metadata", "spec", "data")


@dataclass(frozen=True)
class _Alteration:
    wanted: str
    """Hash of what was written. A hash, because it may be a Secret."""
    path: tuple[str, ...]
    found: str
    """Hash of what was there instead."""
    until: float


@dataclass
class Alterations:
    """The fields that were not as written when the API server had answered, by session and object."""

    clock: Callable[[], float] = time.monotonic
    _known: dict[str, dict[Ref, _Alteration]] = field(default_factory=dict)

    def check(self, session_uid: str, wanted: Manifest, actual: Manifest | None) -> None:
        """Check that writing can help.

        Raises:
            Altered: the same was written a while ago, and the field came back as it is now.
        """
        ref = ref_of(wanted)
        known = self._known.get(session_uid, {}).get(ref)
        if known is None or actual is None or self.clock() >= known.until or known.wanted != _digest(wanted):
            return
        if known.found == _digest(_at(actual, known.path)):
            raise Altered(
                f"{ref}: something in the cluster, such as an admission policy, changes {'.'.join(known.path)} each"
                f" time that the operator writes it. Exempt objects with the label {labels.SELECTOR} from that.",
                System.KUBERNETES,
            )

    def note(self, session_uid: str, wanted: Manifest, actual: Manifest | None) -> None:
        """Note what the object became when it was written."""
        ref = ref_of(wanted)
        parts = {key: value for key, value in wanted.items() if key in _PARTS}
        path = first_difference(actual, parts) if actual is not None else ()
        if path:
            found = _digest(_at(actual, path))
            alteration = _Alteration(_digest(wanted), path, found, self.clock() + RETRY_SECONDS)
            self._known.setdefault(session_uid, {})[ref] = alteration
        else:
            self._known.get(session_uid, {}).pop(ref, None)

    def forget(self, session_uid: str) -> None:
        """Forget a session that is gone."""
        self._known.pop(session_uid, None)


def _at(manifest: object, path: tuple[str, ...]) -> object:
    for key in path:
        manifest = manifest.get(key) if isinstance(manifest, dict) else None
    return manifest


def _digest(value: Any) -> str:  # noqa: ANN401 - a part of a manifest
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
