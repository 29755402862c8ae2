"""The observer: what it reads from Guacamole and the agent, when, and how a failure is reported."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.access import AccessView, ConnectionRecord, SessionAccess, UserRecord
from blendersessions.model.errors import DomainError, NameTaken, OwnerTaken, System, Unavailable
from blendersessions_operator.controller.executor import execute
from blendersessions_operator.controller.observer import MAX_QUESTIONS, observe
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.steps import Area
from unit.operator.contexts import context_of
from unit.operator.factories import body, everything_observed, granted_access, session
from unit.operator.simulation import KEY, FakeAgents

if TYPE_CHECKING:
    from blendersessions.clients.agent import AgentEndpoint, AgentStatus
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.observed import Observed

ALICE: Manifest = {"owner": "alice", "viewers": ["vera", "wim"]}


class Guacamole:
    """Knows nothing until it is read, and records each read."""

    def __init__(self, known: AccessView, found: AccessView | None = None) -> None:
        self.known, self.found = known, found or known
        self.reads: list[str] = []
        self.error: DomainError | None = None

    def view(self, access: SessionAccess) -> AccessView:
        del access
        return self.known

    async def inspect(self, access: SessionAccess) -> None:
        self.reads.append(f"inspect {access.hostname}")
        self._answer()

    async def recheck_connection(self, name: str) -> ConnectionRecord | None:
        self.reads.append(f"connection {name}")
        self._answer()
        return self.known.connections.get(name)

    async def look_up_user(self, username: str) -> UserRecord:
        self.reads.append(f"user {username}")
        self._answer()
        return self.known.users[username]

    def _answer(self) -> None:
        if self.error is not None:
            raise self.error
        self.known = self.found


def context_with(
    guacamole: Guacamole, spec: Manifest | None = None, agents: FakeAgents | None = None, **status: object
) -> ReconcilerContext:
    of = session(spec)
    observed = everything_observed(of)
    assert observed.pod is not None
    observed.pod["status"]["podIP"] = "10.0.0.7"
    children = (observed.secret, observed.service, observed.pod, *observed.user_secrets.values())
    known = body(spec) | ({"status": status} if status else {})
    made, _ = context_of(None, guacamole, known, *(child for child in children if child), agents=agents)
    return made


def with_users(of: Session, *users: UserRecord) -> AccessView:
    """Guacamole with everything done, except that these users have no grant."""
    access, names = granted_access(of), {user.username for user in users}
    grants = frozenset(pair for pair in access.grants if pair[0] not in names)
    return replace(access, users={**access.users, **{user.username: user for user in users}}, grants=grants)


async def failures_of(context: ReconcilerContext) -> dict[Area, DomainError]:
    seen = await observe(context, KEY, {})
    assert seen is not None
    return dict(seen[1].failures)


async def test_known_access_is_not_read_again() -> None:
    guacamole = Guacamole(granted_access(session()))
    assert await failures_of(context_with(guacamole)) == {}
    assert guacamole.reads == []


async def test_unknown_access_is_read_once() -> None:
    guacamole = Guacamole(AccessView(), granted_access(session()))
    context = context_with(guacamole)
    seen = await observe(context, KEY, {})
    assert seen is not None
    assert guacamole.reads == [f"inspect {session().desktop.name}.art.svc"]
    assert plan(*seen).empty


async def test_nothing_is_read_before_the_desktop_is_made() -> None:
    guacamole = Guacamole(AccessView(), granted_access(session()))
    context, _ = context_of(None, guacamole, body())
    assert await failures_of(context) == {}
    assert guacamole.reads == []


async def test_an_unavailable_guacamole_fails_access_and_nothing_else() -> None:
    guacamole = Guacamole(AccessView())
    guacamole.error = Unavailable("Guacamole is away", System.GUACAMOLE)
    assert await failures_of(context_with(guacamole)) == {Area.ACCESS: guacamole.error}
    assert len(guacamole.reads) == 1, "it is read once in a run"


async def test_an_owner_who_was_made_for_others_fails_access() -> None:
    of = session(ALICE)
    guacamole = Guacamole(with_users(of, UserRecord("alice", exists=True, made_for="music")))
    failures = await failures_of(context_with(guacamole, ALICE))
    assert guacamole.reads == ["user alice"]
    assert failures.keys() == {Area.ACCESS}
    assert isinstance(failures[Area.ACCESS], OwnerTaken)
    assert str(failures[Area.ACCESS]) == (
        "The owner alice is a Guacamole user that was made for sessions outside of the namespace art, where others "
        "know the password: delete the session and create it with another spec.owner, or have an administrator replace "
        "the user alice in Guacamole."
    )


async def test_an_owner_who_became_an_administrators_user_gets_access() -> None:
    of = session(ALICE)
    taken = UserRecord("alice", exists=True, made_for="music")
    found = UserRecord("alice", exists=True, admitted=("art",))
    guacamole = Guacamole(with_users(of, taken), with_users(of, found))
    assert await failures_of(context_with(guacamole, ALICE)) == {}
    assert guacamole.reads == ["user alice"]


async def test_viewers_who_were_made_for_others_fail_only_the_viewers() -> None:
    of = session(ALICE)
    taken = [UserRecord(name, exists=True, made_for="music") for name in ("vera", "wim")]
    guacamole = Guacamole(with_users(of, *taken))
    failures = await failures_of(context_with(guacamole, ALICE))
    assert guacamole.reads == ["user vera", "user wim"]
    assert failures.keys() == {Area.VIEWERS}
    assert "The viewer vera" in str(failures[Area.VIEWERS])
    assert "choose another name in spec.viewers" in str(failures[Area.VIEWERS])


async def test_an_accepted_viewer_does_not_wait_for_a_refused_one() -> None:
    of = session(ALICE)
    access = with_users(of, UserRecord("vera", exists=True, made_for="music"), UserRecord("wim", exists=False))
    guacamole = Guacamole(access)
    seen = await observe(context_with(guacamole, ALICE), KEY, {})
    assert seen is not None
    assert guacamole.reads == []
    assert [type(step).__name__ for stage in plan(*seen).stages for step in stage] == ["CreateUser"]


async def test_a_connection_that_leads_elsewhere_is_read_again_and_fails_access() -> None:
    of, access = session(), granted_access(session())
    record = replace(access.connections[of.desktop.name], parameters={"hostname": "elsewhere"})
    guacamole = Guacamole(replace(access, connections={of.desktop.name: record}))
    failures = await failures_of(context_with(guacamole))
    assert guacamole.reads == [f"connection {of.desktop.name}"]
    assert isinstance(failures[Area.ACCESS], NameTaken)
    assert str(failures[Area.ACCESS]) == (
        f"The connection {of.desktop.name} (identifier 17) in Guacamole's connection group of this installation is not "
        "this session's, because it leads elsewhere: rename or delete it, and the session goes on."
    )
    mended = Guacamole(guacamole.known, access)
    assert await failures_of(context_with(mended)) == {}


async def test_questions_without_end_are_reported_and_retried() -> None:
    guacamole = Guacamole(AccessView())
    failures = await failures_of(context_with(guacamole))
    assert len(guacamole.reads) == MAX_QUESTIONS
    assert isinstance(failures[Area.ACCESS], Unavailable)


class Agents(FakeAgents):
    """Agents that count their calls and may not answer."""

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.next_fault = lambda: "refused" if silent else ""
        self.gate = asyncio.Event()

    async def status(self, desktop: AgentEndpoint) -> AgentStatus:
        assert desktop.name == session().desktop.name
        await self.gate.wait()
        return await super().status(desktop)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_desktop_that_looks_idle_is_asked_once_and_not_by_the_worker(*, silent: bool) -> None:
    spec: Manifest = {"lifetime": {"idleAfter": "20m"}}
    begun = (datetime.now(UTC) - timedelta(minutes=18)).isoformat()
    agents = Agents(silent=silent)
    context = context_with(Guacamole(granted_access(session())), spec, agents, startedAt=begun, readyAt=begun)
    seen = await observed_of(context)
    for of in (parsed(context), parsed(context)):
        assert plan(of, seen).stages == ((steps.AskState(),),)
        await execute(context, of, plan(of, seen))
    assert agents.calls == 0, "the worker does not wait for it"
    waiting = await observed_of(context)
    assert waiting.asking
    assert plan(parsed(context), waiting).empty, "nothing ends before the answer"
    agents.gate.set()
    await context.agent_calls.idle()
    assert agents.calls == 1
    seen = await observed_of(context)
    assert (seen.asking, seen.failures) == (False, {})
    assert (seen.activity.asked_at is None, seen.silent_at is not None) == (silent, silent)
    assert plan(parsed(context), seen).empty, "and it is not asked again at once"


async def observed_of(context: ReconcilerContext) -> Observed:
    seen = await observe(context, KEY, {})
    assert seen is not None
    return seen[1]


def parsed(context: ReconcilerContext) -> Session:
    found = context.cache.session(KEY)
    assert found is not None
    return found


async def test_a_session_that_is_suspended_or_deleted_is_not_asked_for_activity() -> None:
    begun = (datetime.now(UTC) - timedelta(minutes=18)).isoformat()
    agents = Agents()
    spec: Manifest = {"lifetime": {"idleAfter": "20m"}, "suspend": True}
    context = context_with(Guacamole(AccessView()), spec, agents, startedAt=begun, readyAt=begun)
    assert await failures_of(context) == {}
    context.cache.put(body(spec | {"suspend": False}, deleting=True))
    assert await failures_of(context) == {}
    assert agents.calls == 0


async def test_a_session_that_is_gone_is_not_observed() -> None:
    context, _ = context_of(None, Guacamole(AccessView()))
    assert await observe(context, KEY, {}) is None
