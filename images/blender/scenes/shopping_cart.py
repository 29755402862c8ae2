"""A supermarket trolley: wire basket, handle, child seat, chassis, four castors."""

from __future__ import annotations

from materials import label, metal, plastic, rubber
from objects import Model, lettering
from parts import Part, box, joined, lathe, rod, side_plate, tube, wheel
from paths import ribbon, rounded, rounded_profile
from stage import Framing
from vectors import Vec, mix

FRAMING = Framing(target=(-0.02, 0.0, 0.49), camera=(-2.2, -3.1, 1.62), size=0.62, backdrop="6f8c86", lens=72.0)

CHROME = metal("Chrome", "d4d7da", 0.18)
STEEL = metal("Galvanised steel", "a9adb1", 0.35)
RED = plastic("Red plastic", "d62222")
BLUE = plastic("Blue plastic", "1f5fbf")
GREY = plastic("Grey plastic", "8b9096")
TYRE = rubber("Grey rubber", "2b2d30")
WHITE = label("White label", "f5f5f0")
PRINT = label("Red print", "c81e1e")

# The corners of the basket's left half, in metres. The right half is its mirror image. The cart faces -x.
LOW_REAR: Vec = (0.30, 0.20, 0.48)
LOW_FRONT: Vec = (-0.40, 0.15, 0.55)
HIGH_REAR: Vec = (0.37, 0.26, 0.95)
HIGH_FRONT: Vec = (-0.52, 0.205, 0.90)
FRONT_CASTOR: Vec = (-0.40, 0.18, 0.0)
REAR_CASTOR: Vec = (0.33, 0.25, 0.0)
WIRE_RADIUS = 0.0032
"""Metres."""


def model() -> Model:
    """Model the shopping cart."""
    made = Model("Shopping cart")
    _chassis(made)
    made.add("Basket", joined(_basket()), CHROME)
    made.add("Basket rim", _rim(), CHROME)
    made.add("Basket floor frame", tube(_loop(LOW_REAR, LOW_FRONT, 0.03), 0.006, closed=True), CHROME)
    made.add("Corner bumpers", _both(_bumper()), RED)
    _handle(made)
    _child_seat(made)
    _castors(made)
    _sign(made)
    return made


def _other(point: Vec) -> Vec:
    """Return the mirror image on the right side."""
    return (point[0], -point[1], point[2])


def _both(part: Part) -> Part:
    """Return a piece and its mirror image."""
    return part + part.mirrored()


def _mesh(a: Vec, b: Vec, c: Vec, d: Vec, columns: int, rows: int) -> list[Part]:
    """Return a wire mesh over the quadrilateral a-b-c-d. Columns run from a-b to d-c, rows from a-d to b-c."""
    wires = [rod(mix(a, b, i / columns), mix(d, c, i / columns), WIRE_RADIUS, sides=6) for i in range(columns + 1)]
    return wires + [rod(mix(a, d, i / rows), mix(b, c, i / rows), WIRE_RADIUS, sides=6) for i in range(rows + 1)]


def _basket() -> list[Part]:
    """Return all wires of the basket: two sides, front, floor and rear gate."""
    side = joined(_mesh(LOW_REAR, LOW_FRONT, HIGH_FRONT, HIGH_REAR, 16, 6))
    front = _mesh(LOW_FRONT, _other(LOW_FRONT), _other(HIGH_FRONT), HIGH_FRONT, 7, 6)
    floor = _mesh(LOW_REAR, LOW_FRONT, _other(LOW_FRONT), _other(LOW_REAR), 12, 7)
    rear = _mesh(LOW_REAR, _other(LOW_REAR), _other(HIGH_REAR), HIGH_REAR, 8, 5)
    return [_both(side), *front, *floor, *rear]


def _loop(rear: Vec, front: Vec, radius: float) -> list[Vec]:
    """Return the closed line through two corners and their mirror images."""
    return rounded([rear, front, _other(front), _other(rear)], radius, closed=True)


def _rim() -> Part:
    """Return the thick tube around the basket's top."""
    return tube(_loop(HIGH_REAR, HIGH_FRONT, 0.05), 0.0085, closed=True)


def _bumper() -> Part:
    """Return the plastic guard on the left front corner of the rim."""
    start = mix(HIGH_FRONT, HIGH_REAR, 0.09)
    end = mix(HIGH_FRONT, _other(HIGH_FRONT), 0.2)
    return tube(rounded([start, HIGH_FRONT, end], 0.05), 0.016, sides=16)


def _handle(made: Model) -> None:
    """Add the red handle on its two arms."""
    arm = rounded([HIGH_REAR, (0.43, 0.265, 0.98), (0.49, 0.265, 1.03)], 0.03)
    made.add("Handle arms", _both(tube(arm, 0.012)), CHROME)
    made.add("Handle", rod((0.49, -0.25, 1.03), (0.49, 0.25, 1.03), 0.019, sides=24), RED)
    cap = rounded_profile([(0.001, -0.024), (0.025, -0.024), (0.025, 0.024), (0.001, 0.024)], 0.008)
    made.add("Handle ends", _both(lathe(cap, sides=24).aimed((0.0, 1.0, 0.0)).moved((0.49, 0.262, 1.03))), GREY)


def _child_seat(made: Model) -> None:
    """Add the unfolded seat at the handle: pan, wire backrest, and the flap on it."""
    made.add("Child seat pan", box((0.17, 0.42, 0.012), 0.005).moved((0.255, 0.0, 0.70)), RED)
    low, high = (0.165, 0.205, 0.69), (0.115, 0.225, 0.93)
    frame = rounded([low, high, _other(high), _other(low)], 0.03)
    made.add(
        "Child seat backrest", joined([tube(frame, 0.006), *_mesh(low, _other(low), _other(high), high, 8, 3)]), CHROME
    )
    flap = side_plate(ribbon([(0.152, 0.74), (0.122, 0.885)], 0.008), 0.30, 0.003)
    made.add("Child seat flap", flap.moved((-0.008, 0.0, 0.0)), RED)


def _chassis(made: Model) -> None:
    """Add the side tubes from the front castors to the handle, the cross bars and the lower rack."""
    front = (FRONT_CASTOR[0], FRONT_CASTOR[1], 0.165)
    rear = (REAR_CASTOR[0], REAR_CASTOR[1], 0.165)
    side = rounded([front, rear, (0.40, 0.262, 0.60), HIGH_REAR], 0.09, steps=10)
    made.add("Chassis", _both(tube(side, 0.0135, sides=16)), CHROME)
    strut = rounded([mix(front, rear, 0.5), (0.02, 0.19, 0.42), (-0.06, 0.168, 0.515), (-0.20, 0.163, 0.53)], 0.08)
    made.add("Struts", _both(tube(strut, 0.011)), CHROME)
    bars = [rod(mix(front, rear, share), _other(mix(front, rear, share)), 0.009) for share in (0.0, 0.5, 0.98)]
    bars.append(rod((0.385, 0.26, 0.52), (0.385, -0.26, 0.52), 0.009))
    made.add("Cross bars", joined(bars), CHROME)
    made.add("Lower rack", joined(_mesh(front, rear, _other(rear), _other(front), 6, 7)), STEEL)


def _castors(made: Model) -> None:
    """Add the four castors: tyre, hub, fork and stem."""
    for place, name in ((FRONT_CASTOR, "front"), (REAR_CASTOR, "rear")):
        tyre, hub = wheel(0.063, 0.034)
        axle = (place[0] + 0.022, place[1], 0.063)
        fork = rounded_profile(
            [(0.022, 0.056), (0.022, 0.075), (0.012, 0.135), (-0.028, 0.135), (0.012, 0.056)], 0.01, closed=True
        )
        plates = [side_plate(fork[::-1], 0.004).moved((place[0], place[1] + side, 0.0)) for side in (-0.023, 0.023)]
        bridge = box((0.05, 0.05, 0.008), 0.003).moved((place[0] - 0.006, place[1], 0.134))
        stem = rod((place[0], place[1], 0.13), (place[0], place[1], 0.175), 0.014, sides=20)
        bolt = rod((axle[0], axle[1] - 0.03, axle[2]), (axle[0], axle[1] + 0.03, axle[2]), 0.008, sides=6)
        made.add(f"Tyres, {name}", _both(tyre.moved(axle)), TYRE)
        made.add(f"Hubs, {name}", _both(hub.moved(axle)), GREY)
        made.add(f"Forks, {name}", _both(joined([*plates, bridge, stem, bolt])), STEEL)


def _sign(made: Model) -> None:
    """Add the sign on the basket's front, at the slope of the wires."""
    low, high = LOW_FRONT, HIGH_FRONT

    def on_front(part: Part, lift: float) -> Part:
        """Put a piece that is modelled in the x-z plane, facing -y, ``lift`` metres in front of the mesh."""

        def lay(point: Vec) -> Vec:
            z = 0.74 + point[2]
            lean = low[0] + (high[0] - low[0]) * (z - low[2]) / (high[2] - low[2])
            return (lean - lift + point[1], -point[0], z)

        return part.mapped(lay)

    made.add("Sign", on_front(box((0.27, 0.008, 0.16), 0.003), 0.012), BLUE)
    made.add("Sign label", on_front(box((0.24, 0.004, 0.10), 0.001), 0.0165), WHITE)
    made.add("Sign words", on_front(lettering("SHOP", 0.085), 0.0205), PRINT)
