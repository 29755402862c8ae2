"""One check of guacd serves all sessions; one lost check changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import System, Unavailable
from blendersessions.model.manifest import SESSION_KIND, Ref
from blendersessions_operator.controller import guacd_watch
from blendersessions_operator.controller.guacd_health import GuacdHealth
from blendersessions_operator.controller.guacd_watch import settle_guacd, update_guacd
from unit.operator.contexts import RecordingQueue, context_of
from unit.operator.factories import body

if TYPE_CHECKING:
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.status_events import Event

KEY = Ref(SESSION_KIND, "art", "cart")
DOWN = Unavailable("no answer", System.GUACAMOLE)


class Guacd:
    """What guacd answers to each check: nothing, or a failure."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failure: Exception | None = None
        self.checks: list[tuple[str, int]] = []
        monkeypatch.setattr(guacd_watch, "check_guacd", self._check)

    async def _check(self, host: str, port: int) -> None:
        self.checks.append((host, port))
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def guacd(monkeypatch: pytest.MonkeyPatch) -> Guacd:
    return Guacd(monkeypatch)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[ReconcilerContext, RecordingQueue, list[Event]]:
    context, queue = context_of(None, None, body())
    context.guacd = GuacdHealth("guacd.desks.svc", 4822)
    events: list[Event] = []
    monkeypatch.setattr(context.events, "operator_event", events.append)
    return context, queue, events


async def test_the_second_failure_counts_and_an_answer_ends_it(
    guacd: Guacd, watched: tuple[ReconcilerContext, RecordingQueue, list[Event]]
) -> None:
    context, queue, events = watched
    await update_guacd(context)
    guacd.failure = DOWN
    await update_guacd(context)
    assert not context.guacd.error
    assert queue.added == []
    await update_guacd(context)
    assert "guacd at guacd.desks.svc:4822 does not answer" in context.guacd.error
    assert queue.added == [KEY]

    await update_guacd(context)
    assert queue.added == [KEY], "nothing is done while it stays so"
    guacd.failure = None
    await update_guacd(context)
    assert not context.guacd.error
    assert queue.added == [KEY, KEY]
    assert [(event.type, event.reason) for event in events] == [
        ("Warning", "GuacdUnavailable"),
        ("Normal", "GuacdAvailable"),
    ]


async def test_a_lost_check_between_answers_changes_nothing(
    guacd: Guacd, watched: tuple[ReconcilerContext, RecordingQueue, list[Event]]
) -> None:
    context, queue, events = watched
    for failure in (None, DOWN, None, DOWN, None):
        guacd.failure = failure
        await update_guacd(context)
    assert not context.guacd.error
    assert (queue.added, events) == ([], [])


@pytest.mark.parametrize("failure", [None, DOWN, ValueError("unexpected")])
async def test_the_operator_knows_at_its_start_whether_guacd_answers(
    guacd: Guacd, watched: tuple[ReconcilerContext, RecordingQueue, list[Event]], failure: Exception | None
) -> None:
    context, _, _ = watched
    guacd.failure = failure
    await settle_guacd(context)
    assert bool(context.guacd.error) is (failure is not None)
    assert len(guacd.checks) == (1 if failure is None else 2)


def test_nothing_is_claimed_without_an_address() -> None:
    context, _ = context_of(None)
    assert not context.guacd.error
