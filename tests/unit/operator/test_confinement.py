"""No desktop is started in a namespace before its network policies are there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import DomainError, Invalid, System, Unauthorised, Unavailable
from blendersessions.model.manifest import Manifest, Ref, ref_of
from blendersessions_operator.controller.executor import execute
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.plan import Plan, plan
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import network_policies
from unit.operator.api_server import Server
from unit.operator.contexts import context_of
from unit.operator.factories import CONFINING, body, everything_observed, nothing_observed, session, stored

if TYPE_CHECKING:
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Step

assert CONFINING.network is not None
WANTED = network_policies("art", CONFINING.network)
POLICIES = {policy["metadata"]["name"]: stored(policy) for policy in WANTED}
CLOSED = WANTED[0]
FORBIDDEN = Unauthorised("networkpolicies is forbidden", System.KUBERNETES)


def all_steps(observed: Observed, *, deleting: bool = False, suspend: bool = False) -> list[Step]:
    of = session({"suspend": suspend} if suspend else None, deleting=deleting)
    return [step for stage in plan(of, replace(observed, installation=CONFINING)).stages for step in stage]


def makes_a_pod(step: Step) -> bool:
    return isinstance(step, steps.CreateObject) and step.manifest["kind"] == "Pod"


def test_the_policies_come_before_the_rest() -> None:
    assert all_steps(nothing_observed()) == [steps.ApplyPolicy(policy) for policy in WANTED]


@pytest.mark.parametrize("lacking", sorted(POLICIES))
def test_each_missing_policy_is_made_and_no_pod_before_it(lacking: str) -> None:
    observed = replace(everything_observed(session()), pod=None)
    found = all_steps(replace(observed, policies={name: POLICIES[name] for name in POLICIES if name != lacking}))
    assert [step.manifest["metadata"]["name"] for step in found if isinstance(step, steps.ApplyPolicy)] == [lacking]
    assert not any(map(makes_a_pod, found))
    assert any(map(makes_a_pod, all_steps(replace(observed, policies=POLICIES))))


def test_a_refused_policy_keeps_the_pod_from_being_made_and_nothing_else() -> None:
    found = all_steps(replace(nothing_observed(), failures={Area.NETWORK: FORBIDDEN}))
    assert [type(step) for step in found] == [steps.CreateDesktopSecret, steps.CreateObject]
    with_secret = replace(everything_observed(session()), pod=None, failures={Area.NETWORK: FORBIDDEN})
    assert not any(map(makes_a_pod, all_steps(with_secret)))


@pytest.mark.parametrize("suspend", [False, True])
def test_the_policies_of_a_desktop_that_runs_are_repaired_first(suspend: bool) -> None:
    changed = stored(CLOSED) | {"spec": CLOSED["spec"] | {"egress": [{}]}}
    observed = replace(everything_observed(session()), policies=POLICIES | {ref_of(changed).name: changed})
    assert all_steps(observed, suspend=suspend) == [steps.ApplyPolicy(CLOSED)]


def test_a_session_without_a_desktop_needs_no_policy() -> None:
    for observed in (replace(nothing_observed(), position=2), replace(nothing_observed(), settings=None)):
        assert not [step for step in all_steps(observed) if isinstance(step, steps.ApplyPolicy)]
    assert not [step for step in all_steps(nothing_observed(), deleting=True) if isinstance(step, steps.ApplyPolicy)]
    assert not [step for step in all_steps(nothing_observed(), suspend=True) if isinstance(step, steps.ApplyPolicy)]


def test_an_installation_without_policies_makes_none() -> None:
    found = [step for stage in plan(session(), nothing_observed()).stages for step in stage]
    assert [type(step) for step in found] == [steps.CreateDesktopSecret, steps.CreateObject]


@pytest.mark.parametrize("error", [FORBIDDEN, Invalid("denied by a webhook", System.KUBERNETES)])
def test_a_session_that_cannot_be_confined_says_so(error: DomainError) -> None:
    observed = replace(nothing_observed(), installation=CONFINING, failures={Area.NETWORK: error})
    conditions = compute_conditions(session(), observed)
    for kind in ("Ready", "DesktopReady", "Stalled"):
        assert conditions[kind].reason == "Unconfined"
        assert str(error) in conditions[kind].message
        assert "namespace art" in conditions[kind].message
        assert "networkPolicies.enabled=false" in conditions[kind].message
    assert (conditions["Ready"].status, conditions["Stalled"].status) == ("False", "True")


def test_an_api_server_that_is_away_refuses_nothing() -> None:
    away = Unavailable("The API server does not answer", System.KUBERNETES)
    observed = replace(nothing_observed(), installation=CONFINING, failures={Area.NETWORK: away})
    conditions = compute_conditions(session(), observed)
    assert conditions["Ready"].reason == "KubernetesUnavailable"
    assert conditions["Stalled"].status == "False"


def test_a_desktop_that_runs_stays_ready_and_names_the_policy_that_is_refused() -> None:
    observed = replace(everything_observed(session()), installation=CONFINING, failures={Area.NETWORK: FORBIDDEN})
    conditions = compute_conditions(session(), observed)
    assert conditions["Ready"].status == "True"
    assert "networkpolicies is forbidden" in conditions["DesktopReady"].message


class Admission(Server):
    """An API server whose admission opens every policy."""

    async def apply(self, manifest: Manifest) -> Manifest:
        return await super().apply(manifest | {"spec": manifest["spec"] | {"egress": [{}]}})


async def applied(server: Server, *known: Manifest) -> tuple[dict[Area, DomainError], Manifest | None]:
    context, _ = context_of(server, None, body(), *known)
    failures = await execute(context, session(), Plan(((steps.ApplyPolicy(CLOSED),),)))
    return failures, context.cache.get(ref_of(CLOSED))


async def test_an_applied_policy_is_known_at_once_and_applied_once() -> None:
    server = Server()
    failures, known = await applied(server)
    assert failures == {}
    assert known is not None
    assert known["spec"] == CLOSED["spec"]
    before = server.calls
    await applied(server, known)
    assert server.calls == before


async def test_a_policy_that_admission_changed_confines_nobody() -> None:
    failures, _ = await applied(Admission())
    assert "an admission policy of the cluster changed its rules" in str(failures[Area.NETWORK])


def test_a_policy_concerns_every_session_of_its_namespace() -> None:
    context, _ = context_of(None, None, body())
    assert context.cache.sessions_of(CLOSED) == {Ref("BlenderSession", "art", "cart")}
    (elsewhere, _) = network_policies("music", CONFINING.network)  # type: ignore[arg-type]  # asserted above
    assert context.cache.sessions_of(elsewhere) == set()
