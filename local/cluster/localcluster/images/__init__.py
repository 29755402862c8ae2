"""Builds the project's container images with buildah, for a machine without a Docker engine.

The Dockerfiles are ordinary ones. This package supplies what a registry and an engine would: the Debian base images,
the build, and an archive per image that containerd can import.
"""

from localcluster.images.builder import ImageBuildError, ImageRef, build
from localcluster.images.catalog import NAMES

__all__ = ["NAMES", "ImageBuildError", "ImageRef", "build"]
