"""A session that starts says how long starts like it usually take, and how long this one has taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.progress import describe
from blendersessions_portal.session_view import SessionView, read_session
from blendersessions_portal.start_times import MOST_STARTS, StartPace, start_pace

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UID = "9b1cf1a2-8a0e-4a7c-8d0c-0d1f6f1a2b3c"
UPLOAD, ADDRESS = {"upload": {}}, {"url": "https://example.org/a.blend"}


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def body(status: dict[str, object], spec: dict[str, object], generation: int = 1) -> SessionView:
    metadata = {"name": "cart", "namespace": "b", "uid": UID, "creationTimestamp": at(-7), "generation": generation}
    return read_session({"metadata": metadata, "spec": {"owner": "guest-a", **spec}, "status": status})


def started(seconds: float, path: str = "Cold", *, ago: float = 60, **spec: object) -> SessionView:
    """Return a session that became ready some time ago."""
    return body({"readyAt": at(-ago), "startup": {"path": path, "seconds": seconds}}, spec)


def starting(
    desktop: str = "", *, suspension: bool = False, begun: float | None = 2, generation: int = 1, **spec: object
) -> SessionView:
    """Return a session whose start began some seconds ago."""
    status: dict[str, object] = {"desktop": {"name": desktop}} if desktop else {}
    if begun is not None:
        status["startedAt"] = at(-begun)
    if suspension:
        status["suspension"] = {"reason": "Idle", "at": at(-3600), "generation": 1}
    return body(status, spec, generation)


OWN_DESKTOP = starting().session.generated_name
THREE = [started(2), started(3), started(40)]


def test_the_usual_time_is_the_median_and_one_slow_start_changes_little() -> None:
    assert start_pace(starting(OWN_DESKTOP), THREE, NOW) == StartPace(usual=3, so_far=2)


@pytest.mark.parametrize(
    "others",
    [
        [],
        THREE[:2],
        [*THREE[:2], started(3, className="gpu")],
        [*THREE[:2], started(3, "Warm")],
        [*THREE[:2], started(3, scene=UPLOAD)],
        [*THREE[:2], started(3, scene=ADDRESS)],
        [*THREE[:2], starting(OWN_DESKTOP)],
    ],
    ids=["none", "two", "another class", "another path", "a person's file", "a server's file", "not ready yet"],
)
def test_nothing_is_said_with_fewer_than_three_starts_like_it(others: list[SessionView]) -> None:
    assert start_pace(starting(OWN_DESKTOP), others, NOW) is None


def test_a_desktop_of_a_pool_is_compared_with_others_of_a_pool() -> None:
    others = [*THREE, *(started(seconds, "Warm") for seconds in (0.4, 0.6, 0.7))]
    warm = start_pace(starting("blender-aaaaaaaaaa"), others, NOW)
    assert warm == StartPace(usual=1, so_far=2), "never less than a second"
    assert start_pace(starting(), others, NOW) is None, "it may become either"
    assert start_pace(starting(), THREE, NOW) == StartPace(usual=3, so_far=2), "all were the same"


def test_a_resumed_session_starts_cold_and_not_when_it_was_made() -> None:
    others = [*THREE, *(started(seconds, "Warm") for seconds in (0.4, 0.6, 0.7))]
    assert start_pace(starting("blender-aaaaaaaaaa", suspension=True), others, NOW) == StartPace(usual=3, so_far=2)
    assert start_pace(starting(begun=None, suspension=True), THREE, NOW) is None
    assert start_pace(starting(begun=None), THREE, NOW) == StartPace(usual=3, so_far=7), "since it was made"


def test_a_resumed_session_that_keeps_the_name_of_a_desktop_of_a_pool_may_be_started_by_either_path() -> None:
    resumed = starting("blender-aaaaaaaaaa", generation=3)
    assert start_pace(resumed, [*THREE, *(started(0.5, "Warm") for _ in range(3))], NOW) is None
    assert start_pace(resumed, THREE, NOW) == StartPace(usual=3, so_far=2)


def test_only_the_last_starts_count() -> None:
    former = [started(100, ago=9000 + number) for number in range(50)]
    last = [started(5, ago=number) for number in range(MOST_STARTS)]
    assert start_pace(starting(OWN_DESKTOP), [*last, *former], NOW) == StartPace(usual=5, so_far=2)


@pytest.mark.parametrize("scene", [UPLOAD, ADDRESS])
def test_a_start_that_waits_for_a_person_or_a_server_is_not_timed(scene: dict[str, object]) -> None:
    assert start_pace(starting(OWN_DESKTOP, scene=scene), THREE, NOW) is None


@pytest.mark.parametrize(
    "status",
    [
        {"conditions": [{"type": "Ready", "status": "True", "reason": "SessionReady"}]},
        {"conditions": [{"type": "Stalled", "status": "True", "reason": "NameTaken"}]},
        {"queuePosition": 2},
        {"startedAt": at(-2), "readyAt": at(-1)},
    ],
    ids=["ready", "failed", "in the line", "was ready, and starts again"],
)
def test_what_does_not_start_is_not_timed(status: dict[str, object]) -> None:
    assert start_pace(body(status, {}), THREE, NOW) is None


def test_a_clock_that_is_behind_tells_no_negative_time() -> None:
    assert start_pace(starting(OWN_DESKTOP, begun=-5), THREE, NOW) == StartPace(usual=3, so_far=0)


@pytest.mark.parametrize(("so_far", "words"), [(179, ""), (180, "3 minutes"), (7300, "2 hours")])
def test_a_long_time_is_told_in_larger_units(so_far: int, words: str) -> None:
    assert StartPace(usual=3, so_far=so_far).long == words


def test_what_is_usual_here_is_not_called_longer_than_usual() -> None:
    slow = body({"conditions": [{"type": "DesktopReady", "status": "False", "reason": "PodStarting"}]}, {})
    later = NOW + timedelta(seconds=53)
    assert "longer than usual" in describe(slow, later).detail
    assert "longer than usual" in describe(slow, later, StartPace(usual=3, so_far=60)).detail
    assert "longer than usual" not in describe(slow, later, StartPace(usual=60, so_far=60)).detail


async def test_without_a_watch_a_page_says_nothing_of_it(portal: Portal, browser: Browser) -> None:
    name = await browser.start()
    portal.store.make_starting(name)
    assert "usually" not in (await browser.see(f"/sessions/{name}")).text
