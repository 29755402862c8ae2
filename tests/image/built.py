"""The built image, mounted once for all containers of a run.

The containers have a read-only root, so they share one. buildah mounts the layers that it has already: nothing is
unpacked or copied.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from image.leftovers import mount_name
from image.recipe import read_recipe
from localcluster import images
from localcluster.images.buildah import Buildah
from localcluster.images.catalog import NAMES, cache_dir, dockerfile
from localcluster.images.content import TAG_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class BuiltImage:
    """An image that containers can start from."""

    root: Path
    """The folder with its file system."""
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]
    working_directory: str
    overlays: Mapping[str, Path]
    """Files and folders of the work tree that stand in place of the image's, by their path in the container."""

    @property
    def startup_scripts(self) -> str:
        """The folder of Blender's startup scripts: that of Debian's package or of an official build."""
        folders = [
            *self.root.glob("usr/share/blender/scripts/startup"),
            *self.root.glob("opt/blender/*/scripts/startup"),
        ]
        assert len(folders) == 1, f"The image has not one Blender but {len(folders)}: {folders}"
        return f"/{folders[0].relative_to(self.root)}"


def mount(run: str, image_name: str = "blender") -> BuiltImage:
    """Mount a Blender image in a container of buildah, whose name begins with the run's.

    It is the image of this work tree, built if it is not there. With `BLENDER_IMAGE_SOURCE=tree` it is the image that
    was built last, with the work tree's programs over its own: then a change of the programs needs no build. So is
    that with an official build, whose archive may be gone.

    Args:
        run: the name of the run. `leftovers.remove` unmounts the image.
        image_name: `blender` or another image that is built from its Dockerfile.
    """
    name = mount_name(run, image_name)
    buildah = Buildah(cache_dir() / "storage")
    from_tree = os.environ.get("BLENDER_IMAGE_SOURCE", "image") == "tree" or image_name not in NAMES
    reference, archive = _built_last(image_name) if from_tree else _built_now(image_name)
    if buildah.output(["inspect", "--type", "image", reference]) is None:
        _output(buildah, "pull", f"docker-archive:{archive}")
    config = json.loads(_output(buildah, "inspect", "--type", "image", reference))["OCIv1"]["config"]
    _output(buildah, "from", "--pull-never", "--name", name, reference)
    image = BuiltImage(
        root=Path(_output(buildah, "mount", name).strip()),
        labels=config["Labels"],
        entrypoint=tuple(config["Entrypoint"]),
        environment=dict(entry.split("=", 1) for entry in config["Env"]),
        working_directory=config["WorkingDir"],
        overlays={},
    )
    return _with_programs_of_tree(image) if from_tree else image


def _with_programs_of_tree(image: BuiltImage) -> BuiltImage:
    recipe = read_recipe(dockerfile("blender").read_text())
    return replace(
        image,
        entrypoint=recipe.entrypoint,
        environment={"PATH": image.environment["PATH"]} | dict(recipe.environment),
        overlays={target: REPOSITORY / source for target, source in recipe.copies.items()},
    )


def _built_now(name: str) -> tuple[str, Path]:
    image = images.build([name])[name]
    return f"docker.io/{image.repository}:{image.tag}", image.archive


def _built_last(name: str) -> tuple[str, Path]:
    archives = cache_dir().glob(f"{name}-{'?' * TAG_CHARACTERS}.tar")
    archive = max(archives, key=lambda path: path.stat().st_mtime, default=None)
    assert archive is not None, f"No image {name} was built yet. docs/images.md says how it is built."
    return f"docker.io/blender-sessions/{name}:{archive.stem.removeprefix(f'{name}-')}", archive


def _output(buildah: Buildah, *arguments: str) -> str:
    output = buildah.output(arguments)
    assert output is not None, f"buildah {' '.join(arguments)} failed."
    return output
