"""Lines for tubes and profiles: rounded corners, arcs, smooth curves through points. Lengths are in metres."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vectors import Vec, add, dot, length, mix, scale, sub, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parts import Profile


def rounded(points: Sequence[Vec], radius: float, *, steps: int = 6, closed: bool = False) -> list[Vec]:
    """Return the line with each corner replaced by a bend of about ``radius``.

    A bend takes at most 45 % of the shorter neighbouring segment, so that neighbouring bends do not meet.

    Args:
        points: the corners.
        radius: the bends' radius in metres.
        steps: segments per bend.
        closed: whether the last point is joined to the first.
    """
    line: list[Vec] = []
    last = len(points) - 1
    for index, corner in enumerate(points):
        if not closed and index in (0, last):
            line.append(corner)
            continue
        before, after = points[index - 1], points[(index + 1) % len(points)]
        back, ahead = sub(before, corner), sub(after, corner)
        angle = math.acos(max(-1.0, min(1.0, dot(unit(back), unit(ahead)))))
        if math.pi - angle < math.radians(1):
            line.append(corner)
            continue
        cut = min(radius / math.tan(angle / 2), 0.45 * length(back), 0.45 * length(ahead))
        start, end = add(corner, scale(unit(back), cut)), add(corner, scale(unit(ahead), cut))
        for step in range(steps + 1):
            share = step / steps
            line.append(mix(mix(start, corner, share), mix(corner, end, share), share))
    return line


def rounded_profile(
    points: Profile, radius: float, *, steps: int = 5, closed: bool = False
) -> list[tuple[float, float]]:
    """Return a flat line with rounded corners; see `rounded`."""
    spatial = [(first, 0.0, second) for first, second in points]
    return [(point[0], point[2]) for point in rounded(spatial, radius, steps=steps, closed=closed)]


def smooth(points: Sequence[Vec], steps: int = 8) -> list[Vec]:
    """Return a Catmull-Rom curve through all points, with ``steps`` segments between two of them."""
    ends = [sub(scale(points[0], 2.0), points[1]), *points, sub(scale(points[-1], 2.0), points[-2])]
    line: list[Vec] = []
    for index in range(1, len(ends) - 2):
        a, b, c, d = ends[index - 1 : index + 3]
        for step in range(steps):
            t = step / steps
            weights = (
                -0.5 * t**3 + t**2 - 0.5 * t,
                1.5 * t**3 - 2.5 * t**2 + 1.0,
                -1.5 * t**3 + 2.0 * t**2 + 0.5 * t,
                0.5 * t**3 - 0.5 * t**2,
            )
            point = (0.0, 0.0, 0.0)
            for corner, weight in zip((a, b, c, d), weights, strict=True):
                point = add(point, scale(corner, weight))
            line.append(point)
    return [*line, points[-1]]


def circle(radius: float, *, count: int = 48, z: float = 0.0) -> list[Vec]:
    """Return ``count`` points on a circle around the z axis."""
    turns = [2 * math.pi * step / count for step in range(count)]
    return [(radius * math.cos(turn), radius * math.sin(turn), z) for turn in turns]


def outline(radius: float, start: float, end: float, *, count: int = 16) -> list[tuple[float, float]]:
    """Return an arc in the plane, as ``count`` segments between two angles in degrees."""
    turns = [math.radians(start + (end - start) * step / count) for step in range(count + 1)]
    return [(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]


def ribbon(line: Profile, thickness: float) -> list[tuple[float, float]]:
    """Return the outline, counter-clockwise, of a strip of constant thickness along a flat line."""
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    for index, (x, y) in enumerate(line):
        before, after = line[max(index - 1, 0)], line[min(index + 1, len(line) - 1)]
        run = unit((after[0] - before[0], after[1] - before[1], 0.0))
        offset_x, offset_y = -run[1] * thickness / 2, run[0] * thickness / 2
        left.append((x + offset_x, y + offset_y))
        right.append((x - offset_x, y - offset_y))
    return right + left[::-1]
