"""The images for the chart on an embedded cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster import apache, chart, images
from localcluster.images import ImageRef, Recipe
from localcluster.images.catalog import recipe
from localcluster.progress import Steps


def check() -> None:
    """Check that the Guacamole that GUACAMOLE names is available.

    Raises:
        LocalClusterError: it is not. The message has the solution.
    """
    if _mode() == "apache":
        apache.images()


def build_images(steps: Steps) -> dict[str, ImageRef]:
    """Build the images that the chart needs here and that are not built yet, and return all by name.

    Raises:
        LocalClusterError: a build failed. The message has the last lines and the path of the log.
    """
    check()
    return build_recipes(steps, [recipe(name) for name in chart.image_names(_mode())])


def build_recipes(steps: Steps, recipes: Sequence[Recipe]) -> dict[str, ImageRef]:
    """Build the images that are not built yet, each in a step of its own, and return all by name.

    Args:
        steps: prints the progress.
        recipes: how the images are built.

    Raises:
        LocalClusterError: a build failed. The message has the last lines and the path of the log.
    """
    built: dict[str, ImageRef] = {}
    for each in recipes:
        with steps.step(f"Build image {each.name}") as step:
            built[each.name] = images.build_recipe(each)
            step.note = built[each.name].tag
    return built


def archives(built: Mapping[str, ImageRef]) -> list[tuple[str, Path]]:
    """Return (reference, archive) of all images that the chart needs, given our own images."""
    ours = [(image.reference, image.archive) for image in built.values()]
    return ours if chart.STANDIN in built else [*ours, *apache.images()]


def _mode() -> str:
    return chart.guacamole_mode("standin")
