"""What Kopf hands over is cached, and given free: Kopf holds each event for some seconds more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from blendersessions.model.manifest import SESSION_KIND
from blendersessions_operator.handlers.kopf_handlers import OperatorState, _event
from unit.operator.contexts import context_of
from unit.operator.factories import body, session


async def test_the_large_parts_of_an_event_are_given_free_once_it_is_cached() -> None:
    context, queue = context_of(None)
    memo = OperatorState(cast("Any", None), cast("Any", SimpleNamespace(context=context)))
    made = body({"owner": "alice", "viewers": ["bo"]})
    made["metadata"] |= {"annotations": {"example.org/large": "x" * 250_000}, "labels": {"example.org/a": "b"}}
    event: Any = {"type": "ADDED", "object": made}
    await _event(memo, event, SESSION_KIND)
    assert queue.added == [session().ref]
    known = context.cache.session(session().ref)
    assert known is not None
    assert (known.spec.owner, known.spec.viewers) == ("alice", ("bo",))
    assert len(repr(event)) < 2000
    assert event["object"]["metadata"]["uid"] == session().uid, "Kopf tells objects apart by it"
