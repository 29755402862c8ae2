"""A session takes a desktop of a pool, makes it its own, and falls back to a start of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model import labels
from blendersessions.model.access import AccessView
from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.desktop import Desktop
from blendersessions.model.effective_settings import EffectiveSettings, effective_settings
from blendersessions.model.errors import System, Unauthorised
from blendersessions.model.names import name_for
from blendersessions.model.status import SessionStatus, StartPath, Suspension
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.access import vnc_password
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.desktop import credentials_of, repair_existing
from blendersessions_operator.planning.observed import Observed, Offer, granted_before, not_owned
from blendersessions_operator.planning.opening import Opening
from blendersessions_operator.planning.plan import MIN_REQUEUE, plan, requeue_after
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.warm_start import (
    EMPTY,
    FAILED,
    RESUMED,
    ColdReason,
    fits,
    plan_take_over,
    startup_of,
    why_cold,
    why_none,
)
from blendersessions_operator.resources.pod import outdated
from blendersessions_operator.resources.pool_desktop import pool_service, typical_session
from unit.operator.factories import CONFINING, NOW, OTHER_UID, PROFILE, everything_observed, nothing_observed, session
from unit.operator.pools import class_of, complete, reported, waiting_pod

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.endings import Explanation

POOL = {"size": 2, "scene": "shopping_cart.blend"}
CART: Manifest = {"scene": {"sample": "shopping_cart.blend"}}
CAN: Manifest = {"scene": {"sample": "watering_can.blend"}}
NAME = name_for(OTHER_UID)


def settings_of(of: Session, **spec: object) -> EffectiveSettings:
    return effective_settings(of, class_of(POOL, **spec), PROFILE)


def offered(of: Session, **spec: object) -> Observed:
    """A session without a desktop, to which one of the pool is offered."""
    session_class = class_of(POOL, **spec)
    member = complete(reported(waiting_pod(session_class, NAME)))
    assert member.secret is not None
    member.secret["metadata"] |= {"uid": "secret-uid", "resourceVersion": "3"}
    return replace(nothing_observed(), settings=settings_of(of, **spec), offer=Offer(member.pod, member.secret))


def claimed(spec: Manifest | None = None) -> tuple[Session, Observed]:
    """A session that has taken a desktop, and nothing more was done yet."""
    of = session(CART if spec is None else spec)
    observed = offered(of)
    assert observed.offer is not None
    ((claim,),) = plan(of, observed).stages
    assert isinstance(claim, steps.ClaimDesktop)
    meta = observed.offer.pod["metadata"]
    patched = {key: {**meta.get(key, {}), **claim.patch["metadata"][key]} for key in ("labels", "annotations")}
    owners = {"ownerReferences": claim.patch["metadata"]["ownerReferences"]}
    pod = observed.offer.pod | {"metadata": meta | patched | owners}
    service = {"kind": "Service", "metadata": dict(observed.offer.secret["metadata"]), "spec": {}}
    now_seen = replace(observed, offer=None, pod=pod, secret=observed.offer.secret, service=service)
    return replace(of, taken=NAME), now_seen


def ready(spec: Manifest | None = None) -> tuple[Session, Observed]:
    """The same, and its status says that it is ready."""
    of, observed = claimed(spec)
    return replace(of, status=replace(of.status, ready_at=NOW, started_at=NOW)), observed


def taken_over(of: Session, observed: Observed) -> Observed:
    """What there is once the session has the Secret of its pod."""
    _, secret = taking_over(of, observed)
    assert observed.secret is not None
    meta = observed.secret["metadata"] | secret.patch["metadata"]
    meta["labels"] = observed.secret["metadata"]["labels"] | meta["labels"]
    return replace(observed, secret=observed.secret | {"metadata": meta})


def taking_over(of: Session, observed: Observed) -> tuple[steps.AnnotateObject, steps.TakeOver]:
    """The steps of a session that is ready: the note on its pod, and the Secret."""
    ((note, secret),) = plan(of, observed).stages
    assert isinstance(note, steps.AnnotateObject)
    assert isinstance(secret, steps.TakeOver)
    return note, secret


def shown(observed: Observed, note: steps.AnnotateObject) -> Observed:
    """What there is once the pod says that it was shown."""
    assert observed.pod is not None
    meta = observed.pod["metadata"]
    annotations = meta["annotations"] | note.manifest["metadata"]["annotations"]
    return replace(observed, pod=observed.pod | {"metadata": meta | {"annotations": annotations}})


def test_a_claim_is_one_patch_of_the_version_that_was_seen() -> None:
    of = session(CART)
    observed = offered(of)
    assert observed.offer is not None
    ((claim,),) = plan(of, observed).stages
    assert isinstance(claim, steps.ClaimDesktop)
    assert claim.ref.name == NAME
    meta = claim.patch["metadata"]
    assert meta["resourceVersion"] == observed.offer.pod["metadata"]["resourceVersion"]
    assert [(owner["uid"], owner["controller"]) for owner in meta["ownerReferences"]] == [(of.uid, True)]
    assert meta["labels"][labels.SESSION_UID] == of.uid
    assert meta["annotations"][labels.CREDENTIALS] == credentials_of(observed.offer.secret)


def test_a_pod_that_was_taken_needs_no_repair_and_no_restart() -> None:
    of, observed = claimed(CAN)
    assert observed.pod is not None
    assert observed.settings is not None
    assert of.desktop == Desktop("art", NAME)
    assert not outdated(observed.pod, of.desktop, of, observed.settings)


def test_who_is_let_in_is_recorded_by_the_claim_itself() -> None:
    of, observed = claimed(CART | {"owner": "ann", "viewers": ["vic"]})
    assert set(granted_before(of, observed)) == {"ann", "vic"}
    assert vnc_password(of, observed) == "pw123456", "the connection needs nothing else"
    changed = replace(of, spec=of.spec.model_copy(update={"viewers": ("wim",)}))
    seen = replace(observed, access=AccessView(inspected=True))
    ((recording,),) = plan(changed, seen).stages
    assert isinstance(recording, steps.AnnotateObject)
    assert recording.manifest["kind"] == "Pod"
    assert "wim" in recording.manifest["metadata"]["annotations"][labels.GRANTED]


def test_nothing_is_taken_over_while_somebody_waits_for_the_desktop() -> None:
    of, observed = claimed()
    assert not any(isinstance(step, steps.TakeOver) for stage in plan(of, observed).stages for step in stage)
    assert requeue_after(*ready()) == MIN_REQUEUE, "a moment later it is"


@pytest.mark.parametrize("refused", [False, True])
def test_a_desktop_that_was_shown_is_as_safe_as_any_after_a_suspension_that_is_taken_back(refused: bool) -> None:
    of, observed = ready(CAN)
    note, _ = taking_over(of, observed)
    observed = shown(observed, note) if refused else taken_over(of, observed)
    assert observed.pod is not None
    # The suspension has cleared the status, and Blender had been quit before.
    quit_once = {"name": "blender", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 0}}}
    pod = observed.pod | {"status": observed.pod["status"] | {"containerStatuses": [quit_once]}}
    again, observed = replace(of, status=SessionStatus(desktop_name=NAME)), replace(observed, pod=pod)
    todo = [step for stage in plan(again, observed).stages for step in stage]
    assert not any(isinstance(step, steps.DeleteObject | steps.OpenSample) for step in todo)
    assert compute_conditions(again, observed)[ConditionType.SCENE_READY].holds


def test_what_belongs_to_the_pod_is_taken_over_with_the_record_of_who_is_let_in() -> None:
    of, observed = ready(CART | {"owner": "ann", "viewers": ["vic"]})
    _, secret = taking_over(of, observed)
    assert secret.ref.kind == "Secret"
    granted = secret.patch["metadata"]["annotations"][labels.GRANTED]
    assert set(granted.split(",")) == {"ann", "vic"}
    assert not_owned(of, observed) == [], "nobody has to act"
    assert plan_take_over(of, taken_over(of, observed)) == ()


def test_nothing_of_a_session_waits_for_what_it_cannot_take_over() -> None:
    of, observed = ready(CART)
    note, secret = taking_over(of, observed)
    assert {note.area, secret.area} == {Area.TAKE_OVER}
    refused = Unauthorised("secrets is forbidden", System.KUBERNETES)
    observed = replace(observed, failures={Area.TAKE_OVER: refused})
    assert plan_take_over(of, observed) == ()
    ((recorded,),) = plan(replace(of, held=True), observed).stages
    assert isinstance(recorded, steps.RecordSuspension)


def test_the_service_stays_its_pods_and_is_repaired_as_such() -> None:
    of, observed = claimed()
    assert observed.pod is not None
    whole = pool_service(observed.pod, of)
    whole["metadata"] |= {"uid": "service", "resourceVersion": "4"}
    observed = replace(observed, service=whole)
    assert repair_existing(of, observed) == []
    (repaired,) = repair_existing(of, replace(observed, service=whole | {"spec": whole["spec"] | {"selector": {}}}))
    assert isinstance(repaired, steps.ApplyObject)
    assert repaired.manifest["spec"]["selector"] == {labels.DESKTOP_NAME: NAME}
    assert repaired.manifest["metadata"]["ownerReferences"] == whole["metadata"]["ownerReferences"]


def test_no_desktop_is_taken_and_none_is_made_while_no_policy_confines_it() -> None:
    of = session(CART)
    observed = replace(offered(of), installation=CONFINING)
    assert {type(step) for stage in plan(of, observed).stages for step in stage} == {steps.ApplyPolicy}
    refused = Unauthorised("networkpolicies is forbidden", System.KUBERNETES)
    assert plan(of, replace(observed, failures={Area.NETWORK: refused})).empty


def test_a_session_that_may_not_start_or_has_a_desktop_takes_none() -> None:
    of = session(CART)
    assert not any(
        isinstance(step, steps.ClaimDesktop)
        for observed in (
            replace(offered(of), position=3),
            replace(offered(of), class_error="The class is wrong."),
            replace(everything_observed(of), offer=offered(of).offer),
        )
        for stage in plan(of, observed).stages
        for step in stage
    )


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (CART, None),
        (CAN, None),
        (CART | {"viewers": ["vic"], "connections": {"max": 3}, "lifetime": {"idleAfter": "1h"}}, None),
        ({}, ColdReason.OWN_SCENE),
        ({"scene": {"url": "https://example.org/a.blend"}}, ColdReason.OWN_SCENE),
        ({"scene": {"upload": {}}}, ColdReason.OWN_SCENE),
        (CART | {"workspace": {"size": "1Gi"}}, ColdReason.WORKSPACE),
        (CART | {"resources": {"limits": {"cpu": 1}}}, ColdReason.OWN_RESOURCES),
        (CART | {"resources": {"requests": {"cpu": "500m"}}}, None),
        (CART | {"input": {"emulateNumpad": True}}, ColdReason.OTHER_SETTINGS),
        (CART | {"display": {"width": 800}}, ColdReason.OWN_DISPLAY),
        (CART | {"display": {"colorDepth": 16}}, ColdReason.OWN_DISPLAY),
        (CART | {"display": {"width": 800}, "resources": {"requests": {"cpu": "500m"}}}, ColdReason.OWN_DISPLAY),
    ],
)
def test_what_a_pool_can_give_and_what_not(spec: Manifest, reason: ColdReason | None) -> None:
    of, resources = session(spec), {"resources": {"requests": {"cpu": "500m"}}}
    session_class = class_of(POOL, **resources)
    of_pool = settings_of(typical_session(session_class), **resources)
    why = why_cold(of, settings_of(of, **resources), session_class, of_pool)
    assert (why.reason if why is not None else None) == reason
    assert why is None or why.message.endswith(".")


@pytest.mark.parametrize(
    ("spec", "changed", "suits"),
    [
        (CART, {}, True),
        (CAN, {}, True),
        (CART, {"image": "blender:next"}, False),
        (CART, {"egress": "Public"}, True),
        (CART, {"limits": {"sessions": 4}}, True),
        (CART, {"nodeSelector": {"gpu": "yes"}}, False),
        (CART | {"input": {"emulateNumpad": True}}, {}, False),
        ({}, {}, False),
    ],
)
def test_a_desktop_fits_if_it_is_what_would_be_made_but_for_the_sample(
    spec: Manifest, changed: dict[str, Any], suits: bool
) -> None:
    of = session(spec)
    assert fits(of, settings_of(of, **changed), waiting_pod(class_of(POOL), NAME)) is suits


def test_another_sample_is_opened_once_and_the_session_waits_for_it() -> None:
    of, observed = claimed(CAN)
    ((opening,),) = plan(of, observed).stages
    assert isinstance(opening, steps.OpenSample)
    assert opening.sample == "watering_can.blend"
    conditions = compute_conditions(of, observed)
    assert conditions[ConditionType.SCENE_READY].reason == Reason.SCENE_LOADING
    running = replace(observed, opening=Opening())
    assert not any(isinstance(step, steps.OpenSample) for stage in plan(of, running).stages for step in stage)
    assert not compute_conditions(of, running)[ConditionType.SCENE_READY].holds
    done = replace(observed, opening=Opening(running=False))
    assert compute_conditions(of, done)[ConditionType.SCENE_READY].holds


def test_the_pools_own_sample_is_not_opened() -> None:
    of, observed = claimed(CART)
    assert compute_conditions(of, observed)[ConditionType.SCENE_READY].holds
    assert not any(isinstance(step, steps.OpenSample) for stage in plan(of, observed).stages for step in stage)


ENDED = {"name": "blender", "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}


@pytest.mark.parametrize("how", ["opening", "ended", "failed"])
def test_a_desktop_that_is_of_no_use_is_replaced_without_an_error(how: str) -> None:
    of, observed = claimed(CAN)
    assert observed.pod is not None
    if how == "opening":
        observed = replace(observed, opening=Opening(running=False, failure="The agent does not answer."))
    else:
        changed = {"containerStatuses": [ENDED]} if how == "ended" else {"phase": "Failed", "reason": "Evicted"}
        observed = replace(observed, pod=observed.pod | {"status": observed.pod["status"] | changed})
    ((end,),) = plan(of, observed).stages
    assert isinstance(end, steps.DeleteObject)
    assert end.ref.name == NAME
    conditions = compute_conditions(of, observed)
    assert conditions[ConditionType.DESKTOP_READY].reason == Reason.POD_STARTING
    assert not conditions[ConditionType.STALLED].holds
    assert status(of, observed).last_termination is None, "nobody has seen that desktop"
    assert why_none(of, replace(observed, pod=None)) == FAILED


def test_the_start_is_told_in_the_status() -> None:
    of, observed = claimed(CART)
    assert startup_of(of, observed, 0.2).path is StartPath.WARM
    bare = session(CART)
    cold = replace(everything_observed(bare), settings=settings_of(bare))
    assert startup_of(bare, cold, 3.0).reason == ColdReason.POOL_EMPTY
    told = startup_of(bare, replace(cold, cold_because=RESUMED), 3.0)
    assert (told.path, told.reason, told.message) == (StartPath.COLD, ColdReason.RESUMED, RESUMED.message)
    assert startup_of(bare, everything_observed(bare), 3.0).reason == "", "its class has no pool"


@pytest.mark.parametrize(
    ("status", "took", "begun", "expected"),
    [
        (SessionStatus(), False, False, None),
        (SessionStatus(suspension=Suspension(Reason.SUSPENDING, NOW, 1)), False, False, None),
        (SessionStatus(), False, True, EMPTY),
        (SessionStatus(desktop_name="blender-own"), False, False, RESUMED),
        (SessionStatus(), True, False, FAILED),
        (SessionStatus(suspension=Suspension(Reason.SUSPENDING, NOW, 1)), True, False, RESUMED),
        (SessionStatus(ready_at=NOW), True, False, RESUMED),
        # It has taken over the Secret, so it was ready with it, and the suspension is over.
        (SessionStatus(), True, True, RESUMED),
    ],
)
def test_a_session_that_had_a_desktop_takes_no_other(
    status: SessionStatus, took: bool, begun: bool, expected: Explanation | None
) -> None:
    of = replace(session(CART), status=status, taken=NAME if took else "")
    seen = everything_observed(of) if begun else nothing_observed()
    if begun and took:
        seen = taken_over(*ready())
    assert why_none(of, replace(seen, pod=None)) == expected


def test_the_name_of_a_desktop_that_was_taken_stays_without_a_pod() -> None:
    of, observed = claimed(CART)
    known = replace(of, status=SessionStatus(desktop_name=NAME), taken="")
    assert status(known, replace(observed, pod=None)).desktop_name == NAME
    assert status(session(CART), nothing_observed()).desktop_name == ""


def test_a_second_desktop_of_a_session_goes_with_its_connections() -> None:
    of = session(CART)
    observed = everything_observed(of)
    _, other = claimed(CART)
    assert other.pod is not None
    connections, ends = plan(of, replace(observed, surplus=(other.pod,))).stages
    assert {type(step) for step in connections} == {steps.RemoveConnection}
    (end,) = ends
    assert isinstance(end, steps.DeleteObject)
    assert (end.ref.name, end.uid) == (NAME, other.pod["metadata"]["uid"])
