"""The executor carries out steps: the objects that the API server gets, and the random values in them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, get_args

from blendersessions.model.manifest import Manifest, Ref, ref_of
from blendersessions.model.names import user_secret_name
from blendersessions.model.secret_data import decode, encode
from blendersessions_operator.controller.executor import HANDLERS, execute
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import Plan
from blendersessions_operator.resources.secret import desktop_secret
from unit.operator.contexts import context_of
from unit.operator.factories import CREDENTIALS, body, session, stored
from unit.operator.simulation import Server

if TYPE_CHECKING:
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


def test_every_step_has_a_function_that_carries_it_out() -> None:
    assert set(HANDLERS) == set(get_args(steps.Step))
    for kind, handler in HANDLERS.items():
        assert inspect.signature(handler).parameters["step"].annotation == f"steps.{kind.__name__}"
