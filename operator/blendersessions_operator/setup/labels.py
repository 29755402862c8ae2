"""The labels of what a release sets up. Helm does not own these objects, so they outlive the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blendersessions_operator.setup.wanted import Wanted

_INSTANCE = "app.kubernetes.io/instance"


def labels_of(wanted: Wanted) -> dict[str, str]:
    """Return the labels, by which the release finds its own objects again."""
    return {
        "app.kubernetes.io/name": "blender-sessions",
        _INSTANCE: wanted.release,
        "app.kubernetes.io/component": "setup",
    }


def selector_of(wanted: Wanted) -> str:
    """Return the selector of the release's own objects."""
    return ",".join(f"{key}={value}" for key, value in labels_of(wanted).items())
