"""The executor carries out steps: the objects that the API server gets, and the random values in them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, get_args

from blendersessions.model.errors import KindUnknown, System
from blendersessions.model.manifest import Manifest, Ref, ref_of
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import decode, encode
from blendersessions.model.session import parse_session
from blendersessions_operator.controller.executor import HANDLERS, execute
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import Plan
from blendersessions_operator.resources.secret import desktop_secret
from unit.operator.api_server import Server
from unit.operator.contexts import context_of
from unit.operator.factories import CREDENTIALS, body, session, stored
from unit.operator.simulation import KEY

if TYPE_CHECKING:
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.steps import Step


async def carried_out(server: Server, step: Step) -> None:
    context, _ = context_of(server, None, body())
    assert await execute(context, session(), Plan(((step,),))) == {}


def values(secret: Manifest) -> dict[str, str]:
    return {key: decode(secret, key) for key in secret["data"]}


async def test_each_secret_gets_values_of_its_own() -> None:
    drawn: list[str] = []
    for _ in range(2):
        server = Server()
        await carried_out(server, steps.CreateDesktopSecret())
        await carried_out(server, steps.CreateUserSecret("alice"))
        desktop = values(server.objects[Ref("Secret", "art", session().desktop.name)])
        user = values(server.objects[Ref("Secret", "art", user_secret_name("alice"))])
        assert len(desktop["vnc-password"]) == 8, "the protocol uses no more"
        assert len(desktop["agent-token"]) >= 32
        assert user["username"] == "alice"
        assert len(user["password"]) >= 24
        drawn += [*desktop.values(), user["password"]]
    assert len(set(drawn)) == len(drawn)


async def test_a_missing_value_is_drawn_and_the_other_kept() -> None:
    server = Server()
    damaged = stored(desktop_secret(session().desktop, session(), CREDENTIALS))
    damaged["data"] = {"vnc-password": encode("original")}
    server.objects[ref_of(damaged)] = damaged
    await carried_out(server, steps.CompleteDesktopSecret(damaged))
    found = values(server.objects[ref_of(damaged)])
    assert found["vnc-password"] == "original"
    assert len(found["agent-token"]) >= 32


def expired() -> Manifest:
    return body() | {"status": {"suspension": {"reason": "Idle", "generation": 3}}}


async def scale_to_zero(server: Server, seen: Manifest) -> tuple[dict[steps.Area, DomainError], Session | None]:
    """Return the failures of the step, and the session that the cache has afterwards."""
    context, _ = context_of(server, None, seen)
    of = parse_session(seen)
    return await execute(context, of, Plan(((steps.ScaleToZero(),),))), context.cache.session(of.ref)


async def test_an_expired_session_is_scaled_and_read_again_so_that_the_next_plan_sees_it() -> None:
    server = Server()
    server.objects[KEY] = expired()
    failures, seen = await scale_to_zero(server, expired())
    assert failures == {}
    assert seen is not None
    assert (seen.scaled_to_zero, seen.generation) == (True, 4)


async def test_a_change_since_the_decision_is_never_overwritten() -> None:
    """Neither a person's resume after a scale of ours whose answer was lost, nor a session made again."""
    server = Server()
    server.objects[KEY] = expired() | {"spec": {"replicas": 1, "viewers": ["vic"]}}
    server.touched(KEY)
    failures, seen = await scale_to_zero(server, expired())
    assert failures == {}
    assert seen is not None
    assert (seen.suspend_requested, seen.spec.viewers) == (False, ("vic",))
    assert server.expiries == []
    del server.objects[KEY]
    assert await scale_to_zero(server, expired()) == ({}, None)


async def test_sessions_that_have_no_scale_are_a_failure_that_is_told() -> None:
    """Their CRD is older than the operator. A session that is gone is none."""

    class OldServer(Server):
        async def scale(self, ref: Ref, uid: str, replicas: int, version: str = "") -> None:
            raise KindUnknown(f"apply the CRDs: {ref}, {uid}, {replicas}, {version}", System.KUBERNETES)

    failures, _ = await scale_to_zero(OldServer(), expired())
    assert isinstance(failures[steps.Area.SESSION], KindUnknown)


def test_every_step_has_a_function_that_carries_it_out() -> None:
    assert set(HANDLERS) == set(get_args(steps.Step))
    for kind, handler in HANDLERS.items():
        assert inspect.signature(handler).parameters["step"].annotation == f"steps.{kind.__name__}"
