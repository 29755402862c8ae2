"""Our images and the chart on an embedded cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster import apache, chart, images
from localcluster.images import ImageRef
from localcluster.progress import Steps


def check() -> None:
    """Raise LocalClusterError unless the Guacamole that the environment asks for can be had here."""
    if _mode() == "apache":
        apache.images()


def build_images(steps: Steps, names: Sequence[str] = ()) -> dict[str, ImageRef]:
    """Build what is missing of the images, one step each; by default of those that the chart needs here.

    Raises:
        LocalClusterError: a build failed; the message has the log's last lines and place.
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
    """Return (reference, archive) of everything that the node needs for the chart with these images of ours."""
    ours = [(f"docker.io/{image.repository}:{image.tag}", image.archive) for image in built.values()]
    return ours if chart.STANDIN in built else [*ours, *apache.images()]


def _mode() -> str:
    return chart.guacamole_mode("standin")
