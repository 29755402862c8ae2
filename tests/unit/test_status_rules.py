"""Each rule for the status of a session holds for a good one, and is broken by a bad one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from status_rules import StatusRules

if TYPE_CHECKING:
    from collections.abc import Callable

Object = dict[str, Any]
EARLIER, NOW, LATER = "2026-11-24T06:00:00Z", "2026-11-24T06:00:05Z", "2026-11-24T06:00:09Z"


def condition(kind: str, truth: str) -> Object:
    return {
        "type": kind,
        "status": truth,
        "observedGeneration": 2,
        "lastTransitionTime": NOW,
        "reason": "SessionReady",
        "message": "It is so.",
    }


def good() -> Object:
    """A session that is ready, at its second generation."""
    return {
        "metadata": {"namespace": "art", "name": "cart", "uid": "u1", "resourceVersion": "7", "generation": 2},
        "spec": {"suspend": False},
        "status": {
            "observedGeneration": 2,
            "phase": "Ready",
            "clientURL": "https://desk.example/guacamole/#/client/MQBjAHBvc3RncmVzcWw",
            "conditions": [condition("Ready", "True"), condition("Stalled", "False")],
        },
    }


def next_one(session: Object) -> Object:
    """The same session after some write."""
    after = copy.deepcopy(session)
    after["metadata"]["resourceVersion"] = str(int(session["metadata"]["resourceVersion"]) + 1)
    return after


def ready(session: Object) -> Object:
    entry: Object = session["status"]["conditions"][0]
    return entry


def seen(*versions: Object) -> list[str]:
    rules = StatusRules()
    for version in versions:
        rules.see(version)
    return rules.violations


def becomes_unready(session: Object) -> None:
    ready(session).update(status="False", lastTransitionTime=LATER)
    session["status"].update(phase="Starting")
    del session["status"]["clientURL"]


def becomes_unready_in_the_past(session: Object) -> None:
    becomes_unready(session)
    ready(session)["lastTransitionTime"] = EARLIER


def doubled(session: Object) -> None:
    session["status"]["conditions"].append(condition("Ready", "True"))


def test_a_good_session_breaks_no_rule() -> None:
    bare = good()
    del bare["status"]
    ends = next_one(next_one(good()))
    becomes_unready(ends)
    edited = next_one(ends)
    edited["metadata"]["generation"] = 3
    assert seen(bare, next_one(good()), ends, edited) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda s: s.update(status={"suspension": {"reason": "Requested"}}), "no condition Ready"),
        (lambda s: s["status"]["conditions"].pop(0), "no condition Ready, only ['Stalled']"),
        (doubled, "the condition Ready is there 2 times"),
        (lambda s: ready(s).update(status="Yes"), "the status 'Yes' is none of"),
        (lambda s: ready(s).update(reason="not ready"), "the reason 'not ready' is no word"),
        (lambda s: ready(s).pop("reason"), "the reason None is no word"),
        (lambda s: ready(s).update(message=" "), "Ready: there is no message"),
        (lambda s: ready(s).pop("lastTransitionTime"), "the lastTransitionTime None is no moment"),
        (lambda s: ready(s).update(lastTransitionTime="2026-11-24T06:00:00"), "is no moment"),
        (lambda s: ready(s).pop("observedGeneration"), "the condition Ready has no observedGeneration"),
        (lambda s: s["status"].pop("observedGeneration"), "the status has no observedGeneration"),
        (lambda s: ready(s).update(observedGeneration=3), "the condition Ready has seen generation 3"),
        (lambda s: s["status"].update(observedGeneration=3), "the status has seen generation 3"),
        (lambda s: s["status"].update(phase="Starting"), "the phase is 'Starting', and Ready=True"),
        (lambda s: ready(s).update(status="False"), "the phase is 'Ready', and Ready=False"),
        (lambda s: s["status"].pop("clientURL"), "there is no clientURL, and Ready=True"),
        (lambda s: s["status"].update(clientURL="https://desk.example/?token=A1"), "clientURL holds a credential"),
        (lambda s: s["status"].update(clientURL="https://desk.example/#/?Password=A1"), "clientURL holds a credential"),
        (
            lambda s: s["status"].update(startedAt="2026-11-24T06:00:00Z"),
            "would be read and written as '2026-11-24T06:00:00",
        ),
        (lambda s: s["status"].update(mood="good"), "mood is 'good', and would be read and written as None"),
        (lambda s: s["status"].update(viewURL="https://ann:A1@desk.example/"), "viewURL holds a credential"),
    ],
)
def test_a_status_that_is_wrong_by_itself_is_reported(change: Callable[[Object], object], fault: str) -> None:
    session = good()
    change(session)
    violations = seen(session)
    assert any(fault in each and each.startswith("art/cart (version 7): ") for each in violations), violations


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda _: None, "it was written, and nothing changed"),
        (lambda s: s["status"].update(observedGeneration=1), "the status had seen generation 2, and goes back to 1"),
        (lambda s: ready(s).update(observedGeneration=1), "the condition Ready had seen generation 2, and goes back"),
        (lambda s: s["status"]["conditions"].pop(1), "the condition Stalled was there, and is gone"),
        (lambda s: s.pop("status"), "the status was there, and is gone"),
        (lambda s: ready(s).update(lastTransitionTime=LATER), "Ready: lastTransitionTime moved from"),
        (becomes_unready_in_the_past, "Ready: the status changed to False, and lastTransitionTime went back"),
    ],
)
def test_a_status_that_must_not_follow_the_former_one_is_reported(
    change: Callable[[Object], object], fault: str
) -> None:
    after = next_one(good())
    change(after)
    violations = seen(good(), after)
    assert any(fault in each and each.startswith("art/cart (version 8): ") for each in violations), violations


def test_the_same_version_seen_twice_is_no_write() -> None:
    assert seen(good(), good()) == []


def test_versions_of_another_session_or_before_a_gap_are_not_compared() -> None:
    other = next_one(good())
    other["metadata"]["uid"] = "u2"
    rules = StatusRules()
    for uid in ("u1", "", "u1"):
        rules.see(good() if uid else other)
        rules.forget(uid)
    assert rules.violations == []


def test_a_broken_rule_is_reported_once() -> None:
    rules = StatusRules()
    bad = good()
    doubled(bad)
    rules.see(bad)
    with pytest.raises(AssertionError, match=r"art/cart .*Ready is there 2 times"):
        rules.check()
    rules.check()
