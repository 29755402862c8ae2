"""Switches off denoising where this Blender has no denoiser, because Cycles would fail and give no picture."""

from collections.abc import Callable
from typing import Final

import bpy
from bpy.app.handlers import persistent

NOTICE: Final = (
    "This Blender has no denoiser, so Cycles renders without denoising. Raise the number of samples to get less noise."
)


class DenoisingGuard:
    """Looks for scenes that ask Cycles for a denoiser.

    Args:
        notify: shows a text to the person.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._told = False

        def began(*_: object) -> None:
            self.check()

        # A script may choose Cycles and render before the next tick.
        bpy.app.handlers.render_init.append(persistent(began))

    def check(self) -> None:
        """Switch off denoising in all scenes that render with Cycles, and tell the person once."""
        if has_denoiser():
            return
        changed = [_switch_off(scene) for scene in bpy.data.scenes if scene.render.engine == "CYCLES"]
        if any(changed) and not self._told:
            self._told = True
            self._notify(NOTICE)


def has_denoiser() -> bool:
    """Return whether this Blender was built with Open Image Denoise. Its other denoiser needs a GPU."""
    try:
        import _cycles  # noqa: PLC0415 - it may be missing
    except ImportError:
        # Without Cycles nothing asks for a denoiser.
        return True
    return bool(_cycles.with_openimagedenoise)


def _switch_off(scene: "bpy.types.Scene") -> bool:
    cycles = scene.cycles
    if scene.library is not None or not (cycles.use_denoising or cycles.use_preview_denoising):
        return False
    cycles.use_denoising = False
    cycles.use_preview_denoising = False
    return True
