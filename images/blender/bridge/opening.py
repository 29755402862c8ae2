"""Opens a scene in the running Blender. Call it on the main thread only."""

from bridge.jobs import is_baking, is_rendering
from bridge.operators import call
from workspace.open_failure import BUSY, UNREADABLE, OpenFailed


def check_idle() -> None:
    """Refuse to open a scene while something runs that opening would end without a word.

    Raises:
        OpenFailed: a render or a bake runs.
    """
    if is_rendering():
        raise OpenFailed(BUSY, "A render runs. Opening another scene would end it. Wait for it, or stop it with Esc.")
    if is_baking():
        raise OpenFailed(BUSY, "A bake runs. Opening another scene would end it. Wait for it, or stop it with Esc.")


def open_scene(file: str) -> None:
    """Open a scene with its windows, as a start of Blender does. No script in it runs.

    Raises:
        OpenFailed: Blender cannot read it. The former scene is still open.
    """
    try:
        call("wm.open_mainfile", filepath=file, use_scripts=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split()).removeprefix("Error: ").replace(file, "the file").rstrip(".")
        raise OpenFailed(UNREADABLE, f"Blender cannot read the file. It reports: {reason}.") from None
