"""Requests to save that came together are one save, and each of them gets an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.commands import Commands
from workspace.open_failure import OpenFailed
from workspace.save_failure import SaveFailed

if TYPE_CHECKING:
    from bridge.channel import Message

FILE = "/home/blender/cart.blend"


class Recorder:
    """The channel and the save of a test: it keeps what happens, in order."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.events: list[object] = []
        self._failure = failure
        self.missing: list[str] | Exception = []
        self.coming: list[Message] = []

    def send(self, message: Message) -> None:
        self.events.append(message)

    def exchange(self) -> list[Message]:
        self.events.append("exchange")
        coming, self.coming = self.coming, []
        return coming

    def save(self) -> str:
        self.events.append("save")
        if self._failure:
            raise self._failure
        return FILE

    def open(self, file: str) -> None:
        self.events.append(f"open {file}")
        if self._failure:
            raise self._failure

    def missing_links(self) -> list[str]:
        if isinstance(self.missing, Exception):
            raise self.missing
        return self.missing


def commands_of(recorder: Recorder) -> Commands:
    return Commands(recorder, recorder.save, recorder.open, recorder.missing_links)


def carried_out(messages: list[Message], failure: Exception | None = None) -> list[object]:
    recorder = Recorder(failure)
    commands_of(recorder).carry_out(messages)
    return recorder.events


def test_the_agent_hears_that_a_save_begins_before_it_begins() -> None:
    assert carried_out([{"type": "save", "id": 1}]) == [
        {"type": "begun", "id": 1},
        "exchange",
        "save",
        {"type": "result", "id": 1, "file": FILE},
    ]


def test_requests_that_came_together_are_one_save() -> None:
    events = carried_out([{"type": "save", "id": number} for number in (1, 2, 3)])
    assert events.count("save") == 1
    assert events[-3:] == [{"type": "result", "id": number, "file": FILE} for number in (1, 2, 3)]


@pytest.mark.parametrize("order", [1, -1])
def test_a_request_that_was_cancelled_is_not_carried_out(order: int) -> None:
    messages: list[Message] = [{"type": "save", "id": 1}, {"type": "cancel", "id": 1}]
    assert carried_out(messages[::order]) == []


def test_only_what_was_cancelled_is_left_out() -> None:
    events = carried_out([{"type": "save", "id": 1}, {"type": "save", "id": 2}, {"type": "cancel", "id": 1}])
    assert events == [{"type": "begun", "id": 2}, "exchange", "save", {"type": "result", "id": 2, "file": FILE}]


@pytest.mark.parametrize("messages", [[], [{"type": "cancel", "id": 1}], [{}], [{"type": "quit"}], [{"id": 1}]])
def test_nothing_else_does_anything(messages: list[Message]) -> None:
    assert carried_out(messages) == []


def test_a_failed_save_has_its_status_and_message() -> None:
    events = carried_out([{"type": "save", "id": 1}], SaveFailed(507, "The volume is full."))
    assert events[-1] == {"type": "result", "id": 1, "status": 507, "message": "The volume is full."}


def test_an_error_that_nobody_expected_is_an_answer_too() -> None:
    events = carried_out([{"type": "save", "id": 1}], ReferenceError("removed"))
    expected = "The scene was not saved: ReferenceError('removed')."
    assert events[-1] == {"type": "result", "id": 1, "status": 500, "message": expected}


@pytest.mark.parametrize("number", [None, [], {}, "x", 1.5])
def test_an_odd_number_is_given_back(number: object) -> None:
    assert carried_out([{"type": "save", "id": number}])[-1] == {"type": "result", "id": number, "file": FILE}


OTHER = "/home/blender/other.blend"


def opened(recorder: Recorder) -> list[object]:
    commands_of(recorder).carry_out([{"type": "open", "id": 1, "file": OTHER}])
    return recorder.events


def test_the_agent_hears_that_an_open_begins_before_it_begins() -> None:
    answer = {"type": "result", "id": 1, "file": OTHER, "missing": [], "missing_count": 0}
    assert opened(Recorder()) == [{"type": "begun", "id": 1}, "exchange", f"open {OTHER}", answer]


def test_missing_links_are_told_by_some_names_and_their_number() -> None:
    recorder = Recorder()
    recorder.missing = [f"{number:02}.png" for number in range(17)]
    answer = opened(recorder)[-1]
    assert isinstance(answer, dict)
    assert answer["missing"] == ["00.png", "01.png", "02.png", "03.png", "04.png"]
    assert answer["missing_count"] == 17


def test_a_scene_is_open_although_nobody_knows_what_it_misses(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    recorder.missing = ValueError("no such path")
    answer = {"type": "result", "id": 1, "file": OTHER, "missing": [], "missing_count": 0}
    assert opened(recorder)[-1] == answer
    assert "ValueError: no such path" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (OpenFailed(409, "A render runs."), {"status": 409, "message": "A render runs."}),
        (SaveFailed(507, "The volume is full."), {"status": 507, "message": "The volume is full."}),
        (ReferenceError("gone"), {"status": 500, "message": "The scene was not opened: ReferenceError('gone')."}),
    ],
)
def test_an_open_that_fails_says_why(failure: Exception, expected: dict[str, object]) -> None:
    assert opened(Recorder(failure))[-1] == {"type": "result", "id": 1, **expected}


def test_what_was_asked_for_together_is_saved_before_it_is_opened() -> None:
    events = carried_out([{"type": "open", "id": 1, "file": OTHER}, {"type": "save", "id": 2}])
    assert [event for event in events if isinstance(event, str)] == ["exchange", "save", f"open {OTHER}"]


def test_what_comes_when_a_command_begins_is_not_lost() -> None:
    recorder = Recorder()
    recorder.coming = [{"type": "save", "id": 2}]
    commands = commands_of(recorder)
    commands.carry_out([{"type": "save", "id": 1}])
    commands.carry_out([])
    assert recorder.events[-1] == {"type": "result", "id": 2, "file": FILE}
