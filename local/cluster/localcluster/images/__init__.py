"""The project's container images, built with buildah on machines without a Docker engine.

The Dockerfiles are the same as for Docker. This package replaces the registry and the engine: it makes the Debian base
images, builds the images, and writes an archive of each for containerd.
"""

from localcluster.images.builder import ImageBuildError, ImageRef, build, build_recipe
from localcluster.images.catalog import NAMES, Recipe

__all__ = ["NAMES", "ImageBuildError", "ImageRef", "Recipe", "build", "build_recipe"]
