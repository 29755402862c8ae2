"""Mesh primitives as plain data: tubes along a path, turned profiles, prisms, boxes, wheels. Lengths are in metres."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vectors import Vec, across, add, cross, dot, scale, sub, unit

Profile = Sequence[tuple[float, float]]
"""Points of a line in a plane: (radius, z) for a profile to turn, (x, y) for an outline."""


@dataclass(frozen=True)
class Part:
    """A piece of mesh: points, and faces as indices into them."""

    points: tuple[Vec, ...]
    faces: tuple[tuple[int, ...], ...]

    def __add__(self, other: Part) -> Part:
        """Return both pieces as one."""
        offset = len(self.points)
        shifted = tuple(tuple(index + offset for index in face) for face in other.faces)
        return Part(self.points + other.points, self.faces + shifted)

    def mapped(self, change: Callable[[Vec], Vec]) -> Part:
        """Return the piece with ``change`` applied to each point."""
        return Part(tuple(change(point) for point in self.points), self.faces)

    def moved(self, by: Vec) -> Part:
        """Return the piece moved by an offset."""
        return self.mapped(lambda point: add(point, by))

    def aimed(self, direction: Vec, up: Vec | None = None) -> Part:
        """Return the piece rotated so that its z axis points along ``direction`` and its y axis towards ``up``.

        Raises:
            ValueError: ``direction`` has length zero, or is parallel to ``up``.
        """
        axis = unit(direction)
        side = unit(cross(up, axis)) if up else across(axis)
        other = cross(axis, side)
        return self.mapped(lambda p: add(add(scale(side, p[0]), scale(other, p[1])), scale(axis, p[2])))

    def turned(self, degrees: float) -> Part:
        """Return the piece rotated around the z axis, counter-clockwise as seen from above."""
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return self.mapped(lambda p: (p[0] * cosine - p[1] * sine, p[0] * sine + p[1] * cosine, p[2]))

    def mirrored(self) -> Part:
        """Return the piece reflected left to right (in y)."""
        return self.mapped(lambda point: (point[0], -point[1], point[2]))


def joined(parts: Sequence[Part]) -> Part:
    """Return all pieces as one, in time linear in the number of points."""
    points: list[Vec] = []
    faces: list[tuple[int, ...]] = []
    for part in parts:
        offset = len(points)
        points.extend(part.points)
        faces.extend(tuple(index + offset for index in face) for face in part.faces)
    return Part(tuple(points), tuple(faces))


def loft(rings: Sequence[Sequence[Vec]], *, closed: bool = False) -> Part:
    """Return the surface through rings that have the same number of points.

    Args:
        rings: the rings, in order.
        closed: whether the last ring is joined to the first. If not, the first and the last ring get a lid.
    """
    count, sides = len(rings), len(rings[0])
    faces: list[tuple[int, ...]] = []
    for ring in range(count if closed else count - 1):
        here, there = ring * sides, (ring + 1) % count * sides
        for side in range(sides):
            following = (side + 1) % sides
            faces.append((here + side, here + following, there + following, there + side))
    if not closed:
        faces.append(tuple(reversed(range(sides))))
        faces.append(tuple(range((count - 1) * sides, count * sides)))
    return Part(tuple(point for ring in rings for point in ring), tuple(faces))


def tube(path: Sequence[Vec], radius: float | Sequence[float], *, sides: int = 12, closed: bool = False) -> Part:
    """Return a round tube along a path.

    The ring moves along the path without twist (parallel transport), so that any bend is possible.

    Args:
        path: the points of the centre line.
        radius: one radius, or one per point of the path.
        sides: points per ring.
        closed: whether the tube's end is joined to its start.

    Raises:
        ValueError: two neighbouring points are the same.
    """
    radii = [radius] * len(path) if isinstance(radius, float) else list(radius)
    last = len(path) - 1
    rings: list[list[Vec]] = []
    normal: Vec | None = None
    for index, point in enumerate(path):
        before = path[index - 1] if index or closed else point
        after = path[index + 1] if index < last else path[0] if closed else point
        ahead = unit(sub(after, before))
        normal = across(ahead) if normal is None else unit(sub(normal, scale(ahead, dot(normal, ahead))))
        side = cross(ahead, normal)
        turns = [2 * math.pi * step / sides for step in range(sides)]
        rings.append(
            [
                add(point, scale(add(scale(normal, math.cos(turn)), scale(side, math.sin(turn))), radii[index]))
                for turn in turns
            ]
        )
    return loft(rings, closed=closed)


def rod(start: Vec, end: Vec, radius: float, *, sides: int = 12) -> Part:
    """Return a straight round bar; see `tube`."""
    return tube([start, end], radius, sides=sides)


def lathe(profile: Profile, *, sides: int = 64, closed: bool = False) -> Part:
    """Return a profile of (radius, z) turned around the z axis.

    Args:
        profile: the points of the profile.
        sides: segments per turn.
        closed: whether the profile's end is joined to its start, which makes a ring.
    """
    turns = [2 * math.pi * step / sides for step in range(sides)]
    rings = [[(radius * math.cos(turn), radius * math.sin(turn), z) for turn in turns] for radius, z in profile]
    return loft(rings, closed=closed)


def prism(outline: Profile, height: float, bevel: float = 0.0) -> Part:
    """Return an outline extruded along z.

    Args:
        outline: points (x, y), counter-clockwise.
        height: the length along z.
        bevel: the radius of the rounded edges; 0 for sharp ones.
    """
    count = len(outline)

    def inset(by: float, z: float) -> list[Vec]:
        ring: list[Vec] = []
        for index, (x, y) in enumerate(outline):
            before, after = outline[index - 1], outline[(index + 1) % count]
            run = unit((after[0] - before[0], after[1] - before[1], 0.0))
            ring.append((x - run[1] * by, y + run[0] * by, z))
        return ring

    if bevel == 0.0:
        return loft([inset(0.0, 0.0), inset(0.0, height)])
    steps = [math.pi / 2 * step / 4 for step in range(5)]
    lower = [inset(bevel * (1 - math.sin(t)), bevel * (1 - math.cos(t))) for t in steps]
    upper = [inset(bevel * (1 - math.cos(t)), height - bevel * (1 - math.sin(t))) for t in steps]
    return loft(lower + upper)


def box(size: Vec, bevel: float = 0.004) -> Part:
    """Return a box with edges rounded by ``bevel``, centred at the origin."""
    width, depth, height = (half / 2 for half in size)
    corner = min(bevel * 1.5, width, depth)
    outline: list[tuple[float, float]] = []
    for quarter, (x, y) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        for step in range(5):
            turn = math.pi / 2 * (quarter + step / 4)
            outline.append(
                (x * (width - corner) + corner * math.cos(turn), y * (depth - corner) + corner * math.sin(turn))
            )
    return prism(outline, size[2], bevel).moved((0.0, 0.0, -height))


def wheel(radius: float, width: float) -> tuple[Part, Part]:
    """Return the tyre and the hub of a wheel with its axle along y."""
    half = width / 2
    tyre = [(0.72 * radius, -half * 0.8), (0.90 * radius, -half), (0.98 * radius, -half * 0.6), (radius, 0.0)]
    tyre += [(r, -z) for r, z in reversed(tyre[:-1])]
    hub = [
        (0.0005, -half * 0.9),
        (0.25 * radius, -half * 0.9),
        (0.32 * radius, -half * 0.5),
        (0.60 * radius, -half * 0.5),
    ]
    hub += [(0.66 * radius, -half * 0.75), (0.73 * radius, -half * 0.75)]
    hub += [(r, -z) for r, z in reversed(hub)]
    axle = (0.0, 1.0, 0.0)
    return lathe(tyre, sides=32, closed=True).aimed(axle), lathe(hub, sides=32).aimed(axle)


def wrapped(part: Part, radius: float) -> Part:
    """Return a flat piece (x along, y out of the page, z up) bent around the z axis. Its middle faces -y."""

    def bend(point: Vec) -> Vec:
        turn = point[0] / radius
        reach = radius - point[1]
        return (reach * math.sin(turn), -reach * math.cos(turn), point[2])

    return part.mapped(bend)


def sheet(width: float, height: float, columns: int = 24) -> Part:
    """Return a flat strip in the x-z plane, centred at the origin, with columns along x so that it can be `wrapped`."""
    points: list[Vec] = []
    for column in range(columns + 1):
        x = width * (column / columns - 0.5)
        points += [(x, 0.0, -height / 2), (x, 0.0, height / 2)]
    faces = tuple((2 * i, 2 * i + 2, 2 * i + 3, 2 * i + 1) for i in range(columns))
    return Part(tuple(points), faces)


def side_plate(outline: Profile, width: float, bevel: float = 0.0) -> Part:
    """Return an outline of (x, z) with thickness ``width`` along y, centred at y = 0."""
    return prism(outline, width, bevel).aimed((0.0, -1.0, 0.0), up=(0.0, 0.0, 1.0)).moved((0.0, width / 2, 0.0))
