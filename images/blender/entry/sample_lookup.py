"""Finds a sample by its file name."""

from pathlib import Path

from entry.errors import StartError


def find_sample(name: str, samples: Path) -> Path:
    """Return the path of the sample called `name`.

    Raises:
        StartError: the name is not a plain file name, or there is no such sample.
    """
    available = sorted(path.name for path in samples.glob("*.blend"))
    # The name is compared with the list, so that no name can lead out of the folder.
    if name not in available:
        listed = ", ".join(available) or "none"
        raise StartError("SceneNotFound", f"There is no sample scene {name!r}. The image has: {listed}.")
    return samples / name
