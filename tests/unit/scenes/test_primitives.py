"""The mesh primitives make valid meshes: closed, with faces that point outwards."""

from __future__ import annotations

import itertools
import math
import sys
from collections import Counter
from pathlib import Path

import pytest

SCENES = Path(__file__).resolve().parents[3] / "images/blender/scenes"
sys.path.append(str(SCENES))

import parts  # noqa: E402
import paths  # noqa: E402
import vectors  # noqa: E402


def volume(part: parts.Part) -> float:
    """Return the enclosed volume; negative if the faces point inwards."""
    total = 0.0
    for face in part.faces:
        first = part.points[face[0]]
        for b, c in itertools.pairwise(face[1:]):
            total += vectors.dot(first, vectors.cross(part.points[b], part.points[c])) / 6
    return total


def open_edges(part: parts.Part) -> int:
    """Return the number of edges that are not between two faces of the same orientation."""
    edges = Counter((a, b) for face in part.faces for a, b in zip(face, (*face[1:], face[0]), strict=True))
    return sum(1 for (a, b), count in edges.items() if count != 1 or edges[b, a] != 1)


SOLIDS = {
    "rod": (parts.rod((0, 0, 0), (0, 0, 2), 0.5, sides=64), math.pi * 0.25 * 2),
    "rod in any direction": (parts.rod((1, 2, 3), (3, 3, 5), 0.5, sides=64), math.pi * 0.25 * 3),
    "bent tube": (parts.tube(paths.rounded([(0, 0, 0), (0, 0, 2), (2, 0, 2)], 0.5), 0.1, sides=64), 0.1194),
    "closed tube": (parts.tube(paths.circle(2.0), 0.1, sides=32, closed=True), 2 * math.pi * 2 * math.pi * 0.01),
    "turned cone": (parts.lathe([(1.0, 0.0), (0.0005, 3.0)], sides=128), math.pi),
    "turned ring": (parts.lathe([(1.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0)], closed=True), math.pi * 3),
    "box": (parts.box((1.0, 2.0, 3.0), 0.001), 6.0),
    "prism": (parts.prism([(0, 0), (1, 0), (1, 1), (0, 1)], 2.0), 2.0),
    "side plate": (parts.side_plate([(0, 0), (1, 0), (1, 1), (0, 1)], 2.0), 2.0),
    "ribbon": (parts.prism(paths.ribbon([(0, 0), (1, 0), (2, 0)], 0.5), 1.0), 1.0),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_a_solid_is_closed_faces_outwards_and_has_its_volume(name: str) -> None:
    part, expected = SOLIDS[name]
    assert open_edges(part) == 0
    assert volume(part) == pytest.approx(expected, rel=0.02)


def test_both_pieces_of_a_wheel_are_closed_and_centred_on_the_axle() -> None:
    for piece in parts.wheel(0.1, 0.04):
        assert open_edges(piece) == 0
        assert max(abs(y) for _, y, _ in piece.points) <= 0.0201
        assert max(math.hypot(x, z) for x, _, z in piece.points) <= 0.1001


def test_joining_pieces_keeps_their_faces_apart() -> None:
    ball = parts.box((1.0, 1.0, 1.0), 0.1)
    both = parts.joined([ball, ball.moved((5.0, 0.0, 0.0))])
    assert both == ball + ball.moved((5.0, 0.0, 0.0))
    assert open_edges(both) == 0
    assert volume(both) == pytest.approx(2 * volume(ball))


def test_a_rounded_line_keeps_its_ends_and_cuts_its_corner() -> None:
    line = paths.rounded([(0, 0, 0), (0, 0, 2), (2, 0, 2)], 0.5)
    assert (line[0], line[-1]) == ((0, 0, 0), (2, 0, 2))
    assert (0, 0, 2) not in line
    assert min(vectors.length(vectors.sub(point, (0, 0, 2))) for point in line) < 0.5


def test_a_bend_that_is_too_wide_takes_less_than_half_of_each_segment() -> None:
    line = paths.rounded([(0, 0, 0), (0, 0, 1), (1, 0, 1), (1, 0, 2)], 10.0)
    heights = [z for _, _, z in line]
    assert heights == sorted(heights)


def test_a_smooth_curve_goes_through_its_points() -> None:
    through = [(0.0, 0.0, 0.0), (1.0, 0.5, 0.0), (2.0, 0.0, 1.0)]
    curve = paths.smooth(through, 8)
    assert len(curve) == 17
    for point, wanted in zip(curve[::8], through, strict=True):
        assert point == pytest.approx(wanted)


def test_a_wrapped_sheet_lies_on_its_cylinder_and_faces_the_viewer() -> None:
    sheet = parts.wrapped(parts.sheet(1.0, 2.0), 0.5)
    assert all(math.hypot(x, y) == pytest.approx(0.5) for x, y, _ in sheet.points)
    assert min(y for _, y, _ in sheet.points) == pytest.approx(-0.5)


def test_two_equal_points_have_no_direction() -> None:
    with pytest.raises(ValueError, match="two neighbouring points are the same"):
        parts.rod((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 0.1)


def test_turning_is_counter_clockwise_from_above() -> None:
    turned = parts.rod((1.0, 0.0, 0.0), (2.0, 0.0, 0.0), 0.1).turned(90.0)
    assert max(y for _, y, _ in turned.points) == pytest.approx(2.0)
    assert max(abs(x) for x, _, _ in turned.points) == pytest.approx(0.1)


def test_a_piece_aimed_somewhere_keeps_its_shape() -> None:
    box = parts.box((1.0, 2.0, 3.0), 0.01)
    aimed = box.aimed((1.0, -1.0, 0.5), up=(0.0, 0.0, 1.0))
    assert volume(aimed) == pytest.approx(volume(box))
