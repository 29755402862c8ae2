"""Vector arithmetic for the mesh primitives. It does not use mathutils, so that tests need no Blender."""

from __future__ import annotations

import math

Vec = tuple[float, float, float]
"""A point or direction: x, y, z in metres, z up."""


def add(a: Vec, b: Vec) -> Vec:
    """Return ``a + b``."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def sub(a: Vec, b: Vec) -> Vec:
    """Return ``a - b``."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def scale(a: Vec, factor: float) -> Vec:
    """Return ``a`` times a number."""
    return (a[0] * factor, a[1] * factor, a[2] * factor)


def dot(a: Vec, b: Vec) -> float:
    """Return the scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vec, b: Vec) -> Vec:
    """Return the vector product, right-handed."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def length(a: Vec) -> float:
    """Return the Euclidean length."""
    return math.sqrt(dot(a, a))


def unit(a: Vec) -> Vec:
    """Return the direction of ``a`` with length 1.

    Raises:
        ValueError: ``a`` has no direction because its length is zero.
    """
    size = length(a)
    if size == 0.0:
        raise ValueError("a vector of length zero has no direction: two neighbouring points are the same")
    return scale(a, 1.0 / size)


def mix(a: Vec, b: Vec, share: float) -> Vec:
    """Return the point that lies ``share`` (0 to 1) of the way from ``a`` to ``b``."""
    return add(scale(a, 1.0 - share), scale(b, share))


def across(a: Vec) -> Vec:
    """Return a direction at right angles to ``a``.

    Raises:
        ValueError: the length of ``a`` is zero.
    """
    helper = (0.0, 0.0, 1.0) if abs(unit(a)[2]) < 0.9 else (0.0, 1.0, 0.0)
    return unit(cross(helper, a))
