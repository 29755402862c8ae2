"""A plan depends on the observation and on nothing else, for any observation."""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from blendersessions.model import labels
from blendersessions.model.access import AccessView, UserRecord, access_list
from blendersessions.model.conditions import Reason
from blendersessions.model.container import AGENT_TOKEN, VNC_PASSWORD
from blendersessions.model.errors import Invalid, OwnerTaken, System, Unavailable
from blendersessions.model.secret_data import decode, encode
from blendersessions.model.session import Session, parse_session
from blendersessions.model.status import KeepAliveReason, parse_status
from blendersessions_operator.planning import plan as plan_module
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.lifetime import Activity
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.podstate import is_ready
from blendersessions_operator.planning.questions import next_question
from blendersessions_operator.planning.save_progress import SaveOutcome, SaveProgress
from blendersessions_operator.planning.saving import has_unsaved_work
from blendersessions_operator.planning.scene_questions import plan_scene_question
from blendersessions_operator.planning.scene_report import SceneReport
from blendersessions_operator.planning.status import status, with_suspension
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import NOW, body, everything_observed, running_pod, settings
from unit.operator.scenes import a_class

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Step

OPERATOR = Path(plan_module.__file__).parents[1]
FORBIDDEN = {"token_urlsafe", "token_hex", "uuid4", "monotonic", "time"}

specs = st.fixed_dictionaries(
    {},
    optional={
        "owner": st.sampled_from(["ann", "bo"]),
        "viewers": st.sampled_from([["vic"], ["vic", "wu"]]),
        "suspend": st.booleans(),
        "replicas": st.sampled_from([0, 1]),
        "workspace": st.just({"size": "1Gi"}),
        "scene": st.sampled_from(
            [
                {"sample": "cart.blend"},
                {"url": "https://example.org/cart.blend"},
                {"volume": {"claimName": "scenes", "path": "cart.blend"}},
                {"upload": {}},
            ]
        ),
        "lifetime": st.sampled_from([{"idleAfter": "20m"}, {"maxAge": "1h", "idleAfter": "30m"}]),
    },
)
statuses = st.fixed_dictionaries(
    {},
    optional={
        "connection": st.just({"identifier": "17"}),
        "suspension": st.sampled_from(
            [
                {"reason": reason, "at": "2026-11-24T05:59:00Z", "generation": generation}
                for reason in ("Requested", "Idle", "MaxAge")
                for generation in (2, 3)
            ]
        ),
    },
)
moments = st.none() | st.integers(0, 120).map(lambda minutes: NOW - timedelta(minutes=minutes))
activities = st.builds(
    Activity,
    started_at=moments,
    ready_at=moments,
    last_input_at=moments,
    work=st.sampled_from([None, KeepAliveReason.RENDER]),
    asked_at=moments,
)
attempts = st.none() | st.builds(
    SaveProgress,
    running=st.booleans(),
    outcome=st.none() | st.sampled_from(SaveOutcome),
    message=st.just("No answer."),
    ended_at=moments,
    row_since=moments,
    row=st.integers(0, 40),
    final=st.booleans(),
)
reports = st.none() | st.builds(
    SceneReport,
    asked_at=moments.map(lambda moment: moment or NOW + timedelta(hours=1)),
    ready=st.booleans(),
    reason=st.sampled_from([*Reason, "", "Anything"]),
    message=st.sampled_from(["", "12 of 40 MB.", "Blender 5.2 saved the file, and this is Blender 4.3."]),
    scene=st.sampled_from(["", "cart.blend"]),
    blender_version=st.sampled_from(["", "4.3.2"]),
)
errors = [kind("away", System.GUACAMOLE) for kind in (Unavailable, Invalid, OwnerTaken)]
failures = st.dictionaries(st.sampled_from(Area), st.sampled_from(errors), max_size=2)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    deleting, finalizer = draw(st.sampled_from([False, False, False, True])), draw(st.sampled_from([True, True, False]))
    return parse_session(body(draw(specs), deleting=deleting, finalizer=finalizer) | {"status": draw(statuses)})


@st.composite
def children(draw: st.DrawFn, of: Session) -> dict[str, Any]:
    """The desktop's objects: complete, missing, damaged or not owned."""
    observed = everything_observed(of)
    found: dict[str, Any] = {"secret": observed.secret, "service": observed.service, "pod": running_pod(of)}
    found["pod"]["status"]["conditions"][0]["status"] = draw(st.sampled_from(["True", "True", "False"]))
    found["pod"]["status"]["phase"] = draw(st.sampled_from(["Running", "Running", "Failed"]))
    assert found["secret"] is not None
    granted = draw(st.sampled_from([",".join(access_list(of)), f"former,{of.username}", ""]))
    found["secret"]["metadata"]["annotations"][labels.GRANTED] = granted
    for key in draw(st.sets(st.sampled_from([VNC_PASSWORD, AGENT_TOKEN]), max_size=1)):
        del found["secret"]["data"][key]
    for name in draw(st.sets(st.sampled_from(sorted(found)), max_size=1)):
        found[name]["metadata"]["ownerReferences"] = []
    for name in draw(st.sets(st.sampled_from(sorted(found)), max_size=2)):
        found[name] = None
    return found


@st.composite
def accesses(draw: st.DrawFn, of: Session, whole: AccessView) -> AccessView:
    """Guacamole's state: all, some, nothing, objects of others, or not read yet."""
    users = {
        name: draw(
            st.sampled_from(
                [
                    whole.users[name],
                    UserRecord(name, exists=False),
                    UserRecord(name, exists=True, made_for="music"),
                    UserRecord(name, exists=True),
                    UserRecord(name, exists=True, made_for=of.namespace, fingerprint="0f"),
                ]
            )
        )
        for name in access_list(of)
    }
    records = {
        name: draw(st.sampled_from([record, replace(record, parameters={"hostname": "elsewhere"})]))
        for name, record in whole.connections.items()
        if draw(st.booleans())
    }
    granted = whole.grants | {("former", of.desktop.name)}
    grants = frozenset(pair for pair in sorted(granted) if pair[1] in records and draw(st.booleans()))
    return AccessView(draw(st.sampled_from([True, True, False])), "postgresql", records, users, grants)


@st.composite
def observations(draw: st.DrawFn) -> tuple[Session, Observed]:
    of = draw(sessions())
    observed = everything_observed(of)
    kept = draw(st.sets(st.sampled_from(sorted(observed.user_secrets))))
    found = replace(
        observed,
        settings=draw(st.sampled_from([None, settings(of), settings(of, {"egress": "Public"})])),
        scene=draw(reports),
        classes=draw(st.sampled_from([(), (a_class("newer", egress="Public", blenderVersion="5.2"),)])),
        position=draw(st.sampled_from([None, None, 2])),
        user_secrets={name: observed.user_secrets[name] for name in kept},
        access=draw(accesses(of, observed.access)),
        activity=draw(activities),
        asking=draw(st.booleans()),
        silent_at=draw(moments),
        save=draw(attempts),
        failures=draw(failures),
        **draw(children(of)),
    )
    return of, found


def all_steps(of: Session, observed: Observed) -> list[Step]:
    return [step for stage in plan(of, observed).stages for step in stage]


def secret_values(secrets: list[Manifest]) -> set[str]:
    return {decode(secret, key) for secret in secrets for key in secret.get("data", {})}


def secrets_in(step: Step) -> set[str]:
    """The values in a step that only a Secret may hold."""
    match step:
        case steps.CreateUser(password=password) | steps.SetPassword(password=password):
            return {password}
        case steps.CreateConnection(spec=spec) | steps.UpdateConnection(spec=spec):
            return {spec.parameters["password"]}
        case steps.CreateObject(manifest) | steps.ApplyObject(manifest) | steps.CompleteDesktopSecret(manifest):
            return secret_values([manifest]) if manifest["kind"] == "Secret" else set()
        case _:
            return set()


@given(observations())
def test_the_same_observation_gives_the_same_plan(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    planned = plan(of, observed)
    target(float(sum(map(len, planned.stages))))
    assert plan(of, copy.deepcopy(observed)) == planned
    assert next_question(of, copy.deepcopy(observed)) is next_question(of, observed)


@given(observations())
def test_no_step_holds_a_secret_that_did_not_exist_before(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    existing = [*observed.user_secrets.values(), *([observed.secret] if observed.secret is not None else [])]
    for step in all_steps(of, observed):
        assert not isinstance(step, steps.CreateObject) or step.manifest["kind"] != "Secret"
        assert secrets_in(step) <= secret_values(existing)


@given(observations())
def test_users_made_by_others_get_neither_grants_nor_passwords(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    for step in all_steps(of, observed):
        if isinstance(step, steps.Grant | steps.SetPassword | steps.CreateUser):
            username = step.username if isinstance(step, steps.Grant) else step.user.username
            assert not observed.access.users[username].taken(of.namespace)


@given(observations())
def test_the_same_observation_gives_the_same_status_and_it_stays(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    first = status(of, observed)
    assert status(of, copy.deepcopy(observed)) == first
    assert status(replace(of, status=first), observed) == status(replace(of, status=first), copy.deepcopy(observed))
    assert parse_status(first.to_manifest()) == first


@given(observations())
def test_an_agent_is_asked_for_its_scene_only_while_there_is_something_to_learn(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    asked = plan_scene_question(of, observed)
    pod = own_pod(of, observed)
    learnt = observed.scene is not None and observed.scene.ready and pod is not None and is_ready(pod)
    assert not asked or (of.spec.scene.is_brought_in and pod is not None and not learnt and not observed.asking)


def carried_out(of: Session, observed: Observed, step: steps.RecordSuspension | steps.ScaleToZero) -> Session:
    if isinstance(step, steps.RecordSuspension):
        return replace(of, status=with_suspension(of, step.reason, observed.now))
    return replace(of, scaled_to_zero=True, generation=of.generation + 1)


@given(observations(), st.booleans())
def test_a_suspension_comes_to_rest_after_one_record_and_one_scale(
    seen: tuple[Session, Observed], reported: bool
) -> None:
    """Whether or not the status is written in between."""
    of, observed = seen
    done: list[str] = []
    while len(done) < 4:
        of = replace(of, status=status(of, observed)) if reported else of
        kinds = (steps.RecordSuspension, steps.ScaleToZero)
        step = next((each for each in all_steps(of, observed) if isinstance(each, kinds)), None)
        if step is None:
            break
        of = carried_out(of, observed, step)
        done.append(type(step).__name__)
    assert done in ([], ["RecordSuspension"], ["ScaleToZero"], ["RecordSuspension", "ScaleToZero"])
    assert "ScaleToZero" not in done or of.status.suspension is not None


@given(observations())
def test_nothing_is_stopped_by_an_expiry_before_the_spec_says_so(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    if not of.suspend_requested and any(isinstance(step, steps.ScaleToZero) for step in all_steps(of, observed)):
        assert len(all_steps(of, observed)) == 1


@given(observations())
def test_no_work_is_stopped_before_a_save_was_tried(seen: tuple[Session, Observed]) -> None:
    of, observed = seen
    pod = own_pod(of, observed)
    if not (of.suspend_requested or of.deleting) or pod is None or not has_unsaved_work(of, pod):
        return
    stopped = any(isinstance(step, steps.DeleteObject) and step.ref.kind == "Pod" for step in all_steps(of, observed))
    assert not stopped or (observed.save is not None and observed.save.outcome is not None)


def test_a_random_value_in_a_plan_would_be_noticed() -> None:
    drawn = {"kind": "Secret", "data": {AGENT_TOKEN: encode("drawn")}}
    assert secrets_in(steps.ApplyObject(drawn)) == {"drawn"}


@pytest.mark.parametrize("folder", ["planning", "resources"])
def test_a_decision_takes_no_clock_and_no_random_value(folder: str) -> None:
    for file in sorted((OPERATOR / folder).glob("*.py")):
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)}
        impure = {call for call in calls if call.endswith((".now", ".utcnow", ".today")) or call in FORBIDDEN}
        modules = {
            alias.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not impure, f"{file.name} calls {impure}"
        assert not modules & {"logging", "random", "requests", "secrets", "time", "uuid"}, file.name
