"""A painted metal watering can: body, spout with a brass rose, handle with a wooden grip."""

from __future__ import annotations

import math

from materials import label, metal, paint, plastic, rubber
from objects import Model, lettering
from parts import Part, joined, lathe, rod, sheet, tube, wrapped
from paths import rounded_profile, smooth
from stage import Framing
from vectors import Vec, add, length, mix, scale, sub

FRAMING = Framing(target=(-0.055, 0.0, 0.185), camera=(-0.62, -1.35, 0.56), size=0.28, backdrop="bfa988", lens=62.0)

GREEN = paint("Green paint", "1c7443")
ZINC = metal("Zinc", "b9bec2", 0.35)
BRASS = metal("Brass", "d9a441", 0.22)
WOOD = plastic("Varnished wood", "8a5a2b")
BLACK = rubber("Black rubber")
CREAM = label("Cream label", "f3ead3")
PRINT = label("Green print", "1f5c3a")

# The body's radius at the bottom and at the shoulder, and the shoulder's height, in metres.
BASE = 0.118
TOP = 0.104
HEIGHT = 0.205
SPOUT_FROM: Vec = (-0.09, 0.0, 0.055)
SPOUT_TO: Vec = (-0.335, 0.0, 0.31)


def model() -> Model:
    """Model the watering can."""
    made = Model("Watering can")
    made.add("Body", _body(), GREEN)
    made.add("Foot ring", _band(0.0, 0.016, 0.004), BLACK)
    made.add("Lower band", _band(0.03, 0.042, 0.003), ZINC)
    made.add("Upper band", _band(HEIGHT - 0.014, HEIGHT - 0.002, 0.003), ZINC)
    rim = [(0.062 + 0.005 * math.cos(t), 0.268 + 0.005 * math.sin(t)) for t in (math.tau * s / 12 for s in range(12))]
    made.add("Rim", lathe(rim, closed=True), ZINC)
    _spout(made)
    _handle(made)
    _label(made)
    return made


def _radius(z: float) -> float:
    """Return the body's radius at a height below the shoulder."""
    return BASE + (TOP - BASE) * z / HEIGHT


def _body() -> Part:
    """Return the hollow vessel with its shoulder and neck."""
    outer = [(0.001, 0.004), (BASE, 0.004), (TOP, HEIGHT), (0.064, 0.245), (0.064, 0.268)]
    inner = [(0.060, 0.268), (0.060, 0.243), (TOP - 0.004, HEIGHT - 0.003), (BASE - 0.004, 0.008), (0.001, 0.008)]
    return lathe(rounded_profile(outer + inner, 0.012), sides=96)


def _band(low: float, high: float, out: float) -> Part:
    """Return a band around the body between two heights, which stands out by ``out``. All are in metres."""
    corners = [
        (_radius(low) - 0.004, low),
        (_radius(low) + out, low),
        (_radius(high) + out, high),
        (_radius(high) - 0.004, high),
    ]
    return lathe(rounded_profile(corners, 0.0025, closed=True), closed=True, sides=96)


def _spout(made: Model) -> None:
    """Add the spout, the rose on its end, and the brace to the neck."""
    line = smooth([SPOUT_FROM, (-0.155, 0.0, 0.085), (-0.24, 0.0, 0.185), SPOUT_TO], 8)
    radii = [0.032 - 0.018 * step / (len(line) - 1) for step in range(len(line))]
    made.add("Spout", tube(line, radii, sides=32), GREEN)
    collar = [(0.013, -0.012), (0.018, -0.012), (0.018, 0.012), (0.013, 0.012)]
    along = sub(line[-1], line[-2])
    made.add(
        "Spout collar", _at_end(lathe(rounded_profile(collar, 0.003, closed=True), closed=True, sides=32), along), ZINC
    )
    cone = [
        (0.001, 0.0),
        (0.0145, 0.0),
        (0.0165, 0.02),
        (0.052, 0.062),
        (0.055, 0.066),
        (0.052, 0.071),
        (0.03, 0.075),
        (0.001, 0.077),
    ]
    made.add("Rose", _at_end(lathe(rounded_profile(cone, 0.003), sides=64), along), BRASS)
    made.add("Rose holes", _at_end(joined(_holes()), along), BLACK)
    made.add("Spout brace", rod((-0.062, 0.0, 0.25), mix((-0.24, 0.0, 0.185), SPOUT_TO, 0.35), 0.0045), ZINC)


def _at_end(part: Part, along: Vec) -> Part:
    """Return a piece, modelled along z, at the end of the spout."""
    return part.aimed(along, up=(0.0, 1.0, 0.0)).moved(SPOUT_TO)


def _holes() -> list[Part]:
    """Return small discs in rings: the holes in the plate of the rose."""
    discs: list[Part] = []
    for radius, count in ((0.0, 1), (0.013, 6), (0.026, 12), (0.039, 18)):
        height = 0.0772 - 0.0024 * (radius / 0.03) ** 1.5
        for step in range(count):
            turn = math.tau * step / count
            place = (radius * math.cos(turn), radius * math.sin(turn), height)
            discs.append(rod((0.0, 0.0, -0.001), (0.0, 0.0, 0.0006), 0.0026, sides=10).moved(place))
    return discs


def _handle(made: Model) -> None:
    """Add the handle: one tube for carrying and pouring, with a wooden grip."""
    corners = [(-0.05, 0.0, 0.253), (-0.02, 0.0, 0.33), (0.055, 0.0, 0.372), (0.135, 0.0, 0.35), (0.178, 0.0, 0.28)]
    line = smooth([*corners, (0.17, 0.0, 0.185), (0.108, 0.0, 0.075)], 10)
    made.add("Handle", tube(line, 0.0075, sides=16), ZINC)
    grip = line[13:33]
    swell = [0.0105 + 0.0045 * math.sin(math.pi * step / (len(grip) - 1)) for step in range(len(grip))]
    made.add("Grip", tube(grip, swell, sides=24), WOOD)
    made.add("Handle brace", rod((0.10, 0.0, 0.2), line[48], 0.0045), ZINC)
    feet = [_plate(line[0], line[1]), _plate(line[-1], line[-2])]
    made.add("Handle feet", joined(feet), ZINC)


def _plate(place: Vec, towards: Vec) -> Part:
    """Return the flange between the handle and the body."""
    away = sub(towards, place)
    return rod(place, add(place, scale(away, 0.01 / length(away))), 0.014, sides=24)


def _label(made: Model) -> None:
    """Add the label on the front of the body, bent around it."""
    for name, part, lift, finish in (
        ("Label", sheet(0.15, 0.078), 0.001, CREAM),
        ("Label frame", joined([sheet(0.138, 0.003).moved((0.0, 0.0, z)) for z in (-0.031, 0.031)]), 0.0016, PRINT),
        ("Label words", lettering("GARDEN", 0.034), 0.0026, PRINT),
    ):
        made.add(name, _on_body(part, lift), finish)


def _on_body(part: Part, lift: float) -> Part:
    """Return a flat piece bent around the body, which narrows towards the top."""
    middle = 0.118
    bent = wrapped(part, _radius(middle) + lift)

    def lean(point: Vec) -> Vec:
        share = (_radius(middle + point[2]) + lift) / (_radius(middle) + lift)
        return (point[0] * share, point[1] * share, point[2] + middle)

    return bent.mapped(lean).turned(-16.0)
