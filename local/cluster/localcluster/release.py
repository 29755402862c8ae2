"""The images for the chart on an embedded cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster import apache, chart, images
from localcluster.images import ImageRef
from localcluster.progress import Steps


def check() -> None:
    """Check that the Guacamole that GUACAMOLE names is available.

    Raises:
        LocalClusterError: it is not. The message has the solution.
    """
    if _mode() == "apache":
        apache.images()


def build_images(steps: Steps, names: Sequence[str] = ()) -> dict[str, ImageRef]:
    """Build the images that are not built yet, each in a step of its own, and return all.

    Args:
        steps: prints the progress.
        names: the images; by default, those that the chart needs here.

    Raises:
        LocalClusterError: a build failed. The message has the last lines and the path of the log.
    """
    if not names:
        check()
    built: dict[str, ImageRef] = {}
    for name in names or chart.image_names(_mode()):
        with steps.step(f"Build image {name}") as step:
            built |= images.build([name])
            step.note = built[name].tag
    return built


def archives(built: Mapping[str, ImageRef]) -> list[tuple[str, Path]]:
    """Return (reference, archive) of all images that the chart needs, given our own images."""
    ours = [(f"docker.io/{image.repository}:{image.tag}", image.archive) for image in built.values()]
    return ours if chart.STANDIN in built else [*ours, *apache.images()]


def _mode() -> str:
    return chart.guacamole_mode("standin")
