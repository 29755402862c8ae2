"""What arrives at the same time shares the room in the home folder, and Blender can always save the open scene."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from limits.room import AHEAD_BYTES, MOST_KEPT_BYTES, Left, NoRoom, Reservation, Room, on_volume
from unit.limits.rooms import RoomOf

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1024**3


def volume_of(monkeypatch: pytest.MonkeyPatch, size: int, free: int) -> None:
    """Let every volume have this size."""
    fields = list(os.statvfs("/"))
    block = 4096
    fields[0:5] = [block, block, size // block, free // block, free // block]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))


def write(folder: Path, reservation: Reservation, count: int) -> None:
    with (folder / reservation.name).open("ab") as file:
        file.write(bytes(count))
    reservation.wrote(count)


def test_what_is_reserved_is_not_given_twice(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, 100)
    with room.reservation("first") as first, room.reservation("second") as second:
        first.cover(60)
        with pytest.raises(NoRoom, match="no room for second: it needs 41 bytes, and 40 bytes are left on the volume"):
            second.cover(41)
        second.cover(40)


def test_what_was_not_used_is_free_again(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, 100)
    with room.reservation("first") as first:
        first.cover(60)
        write(tmp_path, first, 10)
    with room.reservation("second") as second:
        second.cover(90)


def test_what_is_written_counts_once(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, 100)
    with room.reservation("first") as first, room.reservation("second") as second:
        first.cover(60)
        write(tmp_path, first, 60)
        second.cover(40)
        write(tmp_path, second, 30)
        second.cover(40)


def test_what_is_removed_and_sent_again_keeps_its_room(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, 100)
    with room.reservation("first") as first, room.reservation("second") as second:
        first.cover(60)
        write(tmp_path, first, 60)
        first.rewind()
        (tmp_path / "first").unlink()
        with pytest.raises(NoRoom):
            second.cover(41)


def test_what_has_no_known_length_reserves_ahead_as_far_as_there_is_room(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, AHEAD_BYTES + 100)
    with room.reservation("first") as first, room.reservation("second") as second:
        first.cover(50, AHEAD_BYTES)
        second.cover(20, AHEAD_BYTES)
        assert (first.outstanding, second.outstanding) == (AHEAD_BYTES + 50, 50)
        with pytest.raises(NoRoom):
            second.cover(51, AHEAD_BYTES)


def test_a_reservation_that_ended_in_the_meantime_holds_nothing(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, 100)
    with room.reservation("first") as first:
        pass
    first.cover(100)
    with room.reservation("second") as second:
        second.cover(100)


def test_many_at_once_never_get_more_than_there_is(tmp_path: Path) -> None:
    room, size = RoomOf(tmp_path, 1000), 70

    def receive(reservation: Reservation) -> None:
        with suppress(NoRoom):
            for total in range(10, size + 1, 10):
                reservation.cover(total, ahead=15)
                write(tmp_path, reservation, 10)

    with ExitStack() as stack, ThreadPoolExecutor(32) as pool:
        reservations = [stack.enter_context(room.reservation(str(number))) for number in range(32)]
        list(pool.map(receive, reservations))
        assert 500 < room.used() <= 1000


def test_a_save_of_the_open_scene_and_its_automatic_save_keep_their_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_of(monkeypatch, 100 * GIB, 10 * GIB)
    scene = tmp_path / "scene.blend"
    scene.touch()
    os.truncate(scene, GIB)
    open_file = ""
    room = Room(tmp_path, None, lambda: open_file)
    assert room.left().count == 10 * GIB - MOST_KEPT_BYTES
    open_file = str(scene)
    assert room.left().count == 8 * GIB - MOST_KEPT_BYTES
    open_file = str(tmp_path / "gone.blend")
    assert room.left().count == 10 * GIB - MOST_KEPT_BYTES


@pytest.mark.parametrize(
    ("limit_bytes", "free", "where"),
    [
        (None, GIB, "on the volume of the home folder"),
        (GIB, 10 * GIB, "in the home folder"),
        (10 * GIB, GIB, "on the node's disk, where the home folder is"),
    ],
)
def test_a_refusal_says_what_is_full_and_what_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int | None, free: int, where: str
) -> None:
    volume_of(monkeypatch, 100 * GIB, free)
    room = Room(tmp_path, limit_bytes, lambda: "")
    with room.reservation("cart.zip") as reservation, pytest.raises(NoRoom) as refused:
        reservation.cover(9 * GIB)
    assert str(refused.value).startswith("There is no room for cart.zip: it needs 9 GiB, and ")
    assert f" left {where}, besides what Blender needs to save the open scene" in str(refused.value)
    assert "Delete old renders, automatic saves and .blend1 copies there" in str(refused.value)


def test_a_small_volume_keeps_a_twentieth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume_of(monkeypatch, 100 * 4096, 100 * 4096)
    assert Room(tmp_path, None, lambda: "").left().count == 95 * 4096


def test_a_file_takes_whole_blocks() -> None:
    assert [on_volume(size) for size in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]


def test_what_ends_while_the_folder_is_measured_counts(tmp_path: Path) -> None:
    room = RoomOf(tmp_path, 100)
    with room.reservation("second") as second, ExitStack() as stack:
        first = stack.enter_context(room.reservation("first"))
        first.cover(60)
        measure = room.left

        def end_meanwhile() -> Left:
            left = measure()
            write(tmp_path, first, 60)
            stack.close()
            return left

        room.left = end_meanwhile  # type: ignore[method-assign]
        with pytest.raises(NoRoom, match="40 bytes are left"):
            second.cover(41)
