"""A red powder extinguisher on its wall bracket: valve, lever, gauge, hose with horn, label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from materials import Finish, label, metal, paint, plastic, rubber
from objects import Model, lettering
from parts import Part, box, joined, lathe, rod, sheet, side_plate, tube, wrapped
from paths import circle, outline, ribbon, rounded, rounded_profile, smooth
from stage import Framing

if TYPE_CHECKING:
    from vectors import Vec

FRAMING = Framing(target=(0.0, 0.0, 0.335), camera=(-0.46, -1.68, 0.58), size=0.36, backdrop="8fa3b5", lens=62.0)

RED = paint("Red paint", "c8140f")
STEEL = metal("Brushed steel", "c9ccd0", 0.3)
BRASS = metal("Brass", "d9a441", 0.25)
BLACK = rubber("Black rubber")
LEVER = plastic("Black plastic", "232427")
YELLOW = plastic("Yellow plastic", "f2b705")
WHITE = label("White label", "f4f2ec")
BLUE = label("Blue print", "1d4f9e")
PRINT = label("Black print", "1a1a1a")
RED_PRINT = label("Red print", "c8140f")
GREEN = label("Green print", "2f9e44")
WALL = paint("Panel", "d3d9de")

# The cylinder's radius, and heights above the ground, in metres.
RADIUS = 0.08
BOTTOM = 0.075
SHOULDER = 0.44
VALVE = 0.535


def model() -> Model:
    """Model the extinguisher."""
    made = Model("Fire extinguisher")
    made.add("Cylinder", _cylinder(), RED)
    made.add("Foot ring", _foot(), BLACK)
    _valve(made)
    _gauge(made)
    _hose(made)
    _label(made)
    _bracket(made)
    return made


def _cylinder() -> Part:
    """Return the pressure vessel with its dome."""
    corners = [(0.001, BOTTOM), (RADIUS, BOTTOM), (RADIUS, SHOULDER), (0.07, SHOULDER + 0.04), (0.026, SHOULDER + 0.06)]
    return lathe(
        rounded_profile([*corners, (0.024, SHOULDER + 0.07), (0.001, SHOULDER + 0.07)], 0.045, steps=8), sides=96
    )


def _foot() -> Part:
    """Return the rubber ring at the foot."""
    profile = [(RADIUS - 0.012, 0.055), (RADIUS + 0.003, 0.055), (RADIUS + 0.003, 0.095), (RADIUS - 0.012, 0.095)]
    return lathe(rounded_profile(profile, 0.004, closed=True), closed=True, sides=96)


def _valve(made: Model) -> None:
    """Add neck, valve block, the two levers, and the pin with its ring."""
    neck = [(0.001, 0.50), (0.028, 0.50), (0.028, 0.513), (0.02, 0.516), (0.02, VALVE), (0.001, VALVE)]
    made.add("Neck", lathe(rounded_profile(neck, 0.003), sides=48), BRASS)
    made.add("Valve", box((0.066, 0.036, 0.045), 0.006).moved((0.006, 0.0, VALVE + 0.01)), BRASS)
    carry = rounded_profile(
        [(-0.02, VALVE - 0.008), (0.05, VALVE - 0.008), (0.105, VALVE - 0.002), (0.122, VALVE - 0.032)], 0.02
    )
    made.add("Carrying handle", side_plate(ribbon(carry, 0.009), 0.036, 0.002), LEVER)
    lever = rounded_profile(
        [(-0.035, VALVE + 0.028), (0.0, VALVE + 0.04), (0.10, VALVE + 0.068), (0.13, VALVE + 0.056)], 0.02
    )
    made.add("Lever", side_plate(ribbon(lever, 0.01), 0.036, 0.002), LEVER)
    cheeks = [(-0.03, VALVE + 0.02), (0.03, VALVE + 0.02), (0.03, VALVE + 0.045), (-0.02, VALVE + 0.04)]
    cheek = side_plate(rounded_profile(cheeks, 0.006, closed=True), 0.003)
    made.add("Lever hinge", joined([cheek.moved((0.0, side, 0.0)) for side in (-0.02, 0.02)]), STEEL)
    pin_height = VALVE + 0.03
    made.add("Pin", rod((0.03, -0.034, pin_height), (0.03, 0.03, pin_height), 0.003), STEEL)
    ring = [(x, z, 0.0) for x, z, _ in circle(0.02, count=32)]
    pull = tube(ring, 0.0028, closed=True, sides=10).aimed((0.35, -1.0, 0.0), up=(0.0, 0.0, 1.0))
    made.add("Pin ring", pull.moved((0.03, -0.038, pin_height - 0.019)), YELLOW)


def _gauge(made: Model) -> None:
    """Add the pressure gauge, facing the viewer."""
    towards: Vec = (-0.35, -1.0, 0.0)
    place: Vec = (-0.02, -0.032, VALVE + 0.006)

    def put(name: str, part: Part, finish: Finish) -> None:
        made.add(name, part.aimed(towards, up=(0.0, 0.0, 1.0)).moved(place), finish)

    case = [(0.001, -0.014), (0.022, -0.014), (0.022, 0.006), (0.019, 0.006), (0.019, 0.003), (0.001, 0.003)]
    put("Gauge", lathe(rounded_profile(case, 0.0015), sides=48), STEEL)
    put("Gauge face", lathe([(0.001, 0.0025), (0.0188, 0.0025), (0.0188, 0.0036), (0.001, 0.0036)], sides=48), WHITE)
    put("Gauge green sector", _sector(0.010, 0.0165, 50, 130).moved((0.0, 0.0, 0.0042)), GREEN)
    put("Gauge red sector", _sector(0.010, 0.0165, 150, 215).moved((0.0, 0.0, 0.0042)), RED_PRINT)
    put("Gauge needle", rod((0.0, -0.004, 0.0045), (0.003, 0.015, 0.0045), 0.0011, sides=6), PRINT)


def _sector(inner: float, outer: float, start: float, end: float) -> Part:
    """Return the part of a flat ring between two angles in degrees."""
    rims = zip(outline(inner, start, end), outline(outer, start, end), strict=True)
    points = tuple((x, y, 0.0) for pair in rims for x, y in pair)
    return Part(points, tuple((2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2) for i in range(len(points) // 2 - 1)))


def _hose(made: Model) -> None:
    """Add the hose, which leaves the valve to the left and ends in the horn."""
    corners = [(-0.03, 0.0, VALVE + 0.005), (-0.075, -0.005, VALVE + 0.012), (-0.118, -0.02, 0.49)]
    line = smooth([*corners, (-0.12, -0.032, 0.40), (-0.112, -0.038, 0.33)], 10)
    made.add("Hose", tube(line, 0.0105, sides=16), BLACK)
    made.add("Hose nut", rod((-0.02, 0.0, VALVE + 0.004), (-0.043, 0.0, VALVE + 0.006), 0.0145, sides=6), STEEL)
    profile = [(0.011, 0.0), (0.015, 0.0), (0.015, 0.03), (0.019, 0.045), (0.034, 0.17), (0.031, 0.17), (0.013, 0.04)]
    horn = lathe(rounded_profile(profile, 0.003, closed=True), closed=True, sides=40).aimed((0.05, 0.0, -1.0))
    made.add("Horn", horn.moved((-0.112, -0.038, 0.345)), LEVER)
    collar = lathe(
        rounded_profile([(0.012, -0.01), (0.0175, -0.01), (0.0175, 0.012), (0.012, 0.012)], 0.003, closed=True),
        closed=True,
    )
    made.add("Horn collar", collar.moved((-0.112, -0.038, 0.335)), STEEL)


def _label(made: Model) -> None:
    """Add the printed label: bands, words and small print, bent around the cylinder."""

    def put(name: str, part: Part, finish: Finish, z: float, lift: float) -> None:
        """Bend a flat piece around the cylinder, ``lift`` metres above it, and turn it towards the camera."""
        made.add(name, wrapped(part.moved((0.0, 0.0, z)), RADIUS + lift).turned(-14.0), finish)

    put("Label", sheet(0.176, 0.235), WHITE, 0.29, 0.0006)
    put("Label band", sheet(0.176, 0.05), BLUE, 0.382, 0.0009)
    put("Label band words", lettering("ABC POWDER", 0.022), WHITE, 0.382, 0.0018)
    put("Label words", lettering("FIRE", 0.062), RED_PRINT, 0.327, 0.0018)
    lines = [sheet(0.13 - 0.02 * (row % 2), 0.004).moved((0.0, 0.0, -0.011 * row)) for row in range(3)]
    put("Label small print", joined(lines), PRINT, 0.283, 0.0012)
    squares = [sheet(0.036, 0.036, 6).moved((0.045 * (column - 1), 0.0, 0.0)) for column in range(3)]
    put("Label pictograms", joined(squares), RED_PRINT, 0.22, 0.0012)
    letters = [lettering(letter, 0.032).moved((0.045 * (column - 1), 0.0, 0.0)) for column, letter in enumerate("ABC")]
    put("Label classes", joined(letters), WHITE, 0.22, 0.0018)


def _bracket(made: Model) -> None:
    """Add the panel, the back plate on it, and the strap that holds the cylinder."""
    made.add("Panel", box((0.46, 0.03, 0.66), 0.012).moved((0.0, 0.128, 0.33)), WALL)
    made.add("Back plate", box((0.07, 0.03, 0.3), 0.004).moved((0.0, 0.1, 0.36)), STEEL)
    strap = [(RADIUS + 0.0005, 0.125), (RADIUS + 0.004, 0.125), (RADIUS + 0.004, 0.15), (RADIUS + 0.0005, 0.15)]
    made.add("Strap", lathe(strap, closed=True, sides=96), STEEL)
    made.add("Strap lock", box((0.028, 0.012, 0.034), 0.003).moved((0.0, -RADIUS - 0.006, 0.1375)), LEVER)
    made.add("Screws", joined([rod((0.0, 0.084, z), (0.0, 0.08, z), 0.007) for z in (0.235, 0.485)]), BRASS)
    shelf = rounded([(-0.05, 0.1, 0.05), (-0.05, -0.05, 0.05), (0.05, -0.05, 0.05), (0.05, 0.1, 0.05)], 0.03)
    made.add("Rest", tube(shelf, 0.006), STEEL)
