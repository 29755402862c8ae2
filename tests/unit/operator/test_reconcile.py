"""One reconciliation, with an API server in memory that notes the requests."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from blendersessions.model.access import AccessView, SessionAccess, UserRecord
from blendersessions.model.errors import System, Unauthorised, Unavailable
from blendersessions.model.manifest import Manifest, Ref, ref_of
from blendersessions.model.secret_data import decode
from blendersessions_operator.controller.reconciler import reconcile
from blendersessions_operator.controller.status_debouncer import FIRST_STATUS_DELAY_SECONDS
from blendersessions_operator.resources.secret import desktop_secret, user_secret
from blendersessions_operator.resources.service import service
from unit.operator.api_server import Server
from unit.operator.contexts import context_of
from unit.operator.factories import (
    CREDENTIALS,
    NOW,
    OTHER_UID,
    USER_PASSWORD,
    body,
    everything_observed,
    granted_access,
    running_pod,
    session,
)
from unit.operator.simulation import clock

KEY = Ref("BlenderSession", "art", "cart")


class FakeGuacamole:
    """Guacamole with everything done, or away."""

    def __init__(self, view: AccessView, error: Exception | None = None) -> None:
        self._view, self._error = view, error

    def view(self, access: SessionAccess) -> AccessView:
        assert access.connections
        assert access.usernames
        assert access.reported_identifier in ("", "17")
        return self._view

    async def inspect(self, access: SessionAccess) -> None:
        assert access.connections
        assert access.usernames
        assert access.hostname.startswith(access.connections[0])
        assert access.reported_identifier in ("", "17")
        if self._error is not None:
            raise self._error

    async def look_up_user(self, username: str) -> UserRecord:
        return self._view.users[username]


def finished() -> list[Manifest]:
    observed = everything_observed(session())
    found = (observed.secret, observed.service, observed.pod, *observed.user_secrets.values())
    return [body(), *(each for each in found if each is not None)]


def starting() -> tuple[list[Manifest], Manifest]:
    """A new session that is complete except that its pod does not run yet. Also return the pod."""
    objects = finished()
    objects[0]["metadata"]["creationTimestamp"] = datetime.now(UTC).isoformat()
    pod = next(each for each in objects if each["kind"] == "Pod")
    pod["status"] = {"phase": "Pending"}
    return objects, pod


async def test_the_status_is_written_once_and_the_steady_state_makes_no_request() -> None:
    objects = finished()
    api = Server(*objects)
    made, _ = context_of(api, FakeGuacamole(granted_access(session())), *objects)
    assert await reconcile(made, KEY)
    assert api.requests == ["STATUS BlenderSession"]
    assert api.objects[KEY]["status"]["phase"] == "Ready"
    for _ in range(3):
        assert await reconcile(made, KEY)
    assert api.requests == ["STATUS BlenderSession"]


async def test_a_quick_start_is_one_status_write() -> None:
    objects, pod = starting()
    api = Server(*objects)
    made, queue = context_of(api, FakeGuacamole(granted_access(session())), *objects)
    made.debouncer.clock = lambda: 0.0
    assert await reconcile(made, KEY)
    assert api.requests == []
    assert queue.delays == [FIRST_STATUS_DELAY_SECONDS], "one that takes longer is looked at then"
    ran = running_pod(session())["status"]
    made.cache.put(pod | {"status": ran, "metadata": pod["metadata"] | {"resourceVersion": "9000"}})
    assert await reconcile(made, KEY)
    assert api.requests == ["STATUS BlenderSession"]
    assert api.objects[KEY]["status"]["phase"] == "Ready"


async def test_a_slower_start_is_reported() -> None:
    objects, _ = starting()
    api = Server(*objects)
    made, _ = context_of(api, FakeGuacamole(granted_access(session())), *objects)
    seconds = 0.0
    made.debouncer.clock = lambda: seconds
    assert await reconcile(made, KEY)
    assert api.requests == []
    seconds = FIRST_STATUS_DELAY_SECONDS
    assert await reconcile(made, KEY)
    assert api.requests == ["STATUS BlenderSession"]
    assert api.objects[KEY]["status"]["phase"] == "Starting"


async def test_an_event_older_than_the_written_status_changes_nothing() -> None:
    objects = finished()
    api = Server(*objects)
    made, _ = context_of(api, FakeGuacamole(granted_access(session())), *objects)
    await reconcile(made, KEY)
    made.cache.put(body())
    await reconcile(made, KEY)
    assert api.requests == ["STATUS BlenderSession"]


async def test_a_cache_that_is_behind_neither_duplicates_nor_overwrites() -> None:
    objects = finished()
    api = Server(*objects)
    made, _ = context_of(api, FakeGuacamole(granted_access(session())), body())
    await reconcile(made, KEY)
    writes = [request for request in api.requests if not request.startswith(("GET", "CREATE"))]
    assert writes == ["STATUS BlenderSession"]
    secret = api.objects[Ref("Secret", "art", session().desktop.name)]
    assert decode(secret, "vnc-password") == CREDENTIALS.vnc_password
    assert api.objects[KEY]["status"]["phase"] == "Ready"


async def test_an_object_not_owned_that_no_watch_shows_is_reported_and_retried() -> None:
    foreign = service(session().desktop, session())
    foreign["metadata"] |= {"ownerReferences": [], "labels": {}, "uid": "foreign"}
    api = Server(body(), foreign)
    made, _ = context_of(api, FakeGuacamole(AccessView(), Unavailable("away", System.GUACAMOLE)), body())
    assert not await reconcile(made, KEY), "it must be reconciled again, since no watch shows the change"
    assert api.objects[ref_of(foreign)] == foreign
    conditions = {entry["type"]: entry for entry in api.objects[KEY]["status"]["conditions"]}
    assert conditions["Stalled"]["reason"] == "NameTaken"
    assert {request.partition(" ")[0] for request in api.requests} == {"CREATE", "GET", "STATUS"}


async def test_a_malformed_session_is_reported_and_not_acted_upon() -> None:
    wrong = body({"display": {"width": "wide"}})
    api = Server(wrong)
    made, _ = context_of(api, FakeGuacamole(AccessView()), wrong)
    assert await reconcile(made, KEY), "nothing to retry: the next change enqueues it"
    assert api.requests == ["STATUS BlenderSession"]
    conditions = {entry["type"]: entry for entry in api.objects[KEY]["status"]["conditions"]}
    assert (conditions["Stalled"]["status"], conditions["Stalled"]["reason"]) == ("True", "Invalid")
    assert conditions["Ready"]["reason"] == "Invalid"


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("Guacamole is away", System.GUACAMOLE),
        Unauthorised("Guacamole refuses the account", System.GUACAMOLE),
    ],
)
async def test_an_unavailable_guacamole_is_retried_and_reported_once(error: Exception) -> None:
    known = [
        body(),
        desktop_secret(session().desktop, session(), CREDENTIALS),
        service(session().desktop, session()),
        user_secret(session(), session().username, USER_PASSWORD),
    ]
    known[0]["metadata"]["creationTimestamp"] = datetime.now(UTC).isoformat()
    for each in known[1:]:
        each["metadata"]["uid"] = "some-uid"
    api = Server(*known)
    made, _ = context_of(api, FakeGuacamole(AccessView(), error), *known)
    for _ in range(3):
        assert not await reconcile(made, KEY)
    assert api.requests == ["CREATE Pod", "STATUS BlenderSession"]


async def test_an_owner_made_for_another_namespace_is_refused_and_checked_again() -> None:
    of = session({"owner": "alice"})
    observed = everything_observed(of)
    taken = AccessView(inspected=True, users={"alice": UserRecord("alice", exists=True, made_for="music")})
    found = (observed.secret, observed.service, observed.pod, *observed.user_secrets.values())
    objects = [body({"owner": "alice"}), *(each for each in found if each is not None)]
    api = Server(*objects)
    assert not await reconcile(context_of(api, FakeGuacamole(taken), *objects)[0], KEY), (
        "no watch shows a change in Guacamole"
    )
    assert api.requests == ["STATUS BlenderSession"]
    conditions = {entry["type"]: entry for entry in api.objects[KEY]["status"]["conditions"]}
    for kind, truth in (("ConnectionReady", "False"), ("Stalled", "True"), ("Ready", "False")):
        assert (conditions[kind]["status"], conditions[kind]["reason"]) == (truth, "OwnerTaken")
        assert "alice" in conditions[kind]["message"]
        assert "create it with another spec.owner, or have an administrator" in conditions[kind]["message"]


async def test_an_unavailable_api_server_is_retried() -> None:
    api = Server(body())
    api.next_fault = lambda: "refused"
    assert not await reconcile(context_of(api, FakeGuacamole(AccessView()), body())[0], KEY)


async def test_a_session_that_is_gone_is_done() -> None:
    api = Server()
    assert await reconcile(context_of(api, FakeGuacamole(AccessView()))[0], KEY)
    assert api.requests == []


async def test_a_session_that_becomes_ready_is_requeued_for_its_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("blendersessions_operator.controller.observer.datetime", clock(lambda: NOW))
    wanted = {"lifetime": {"idleAfter": "20m"}}
    of = session(wanted)
    observed = everything_observed(of)
    found = (observed.secret, observed.service, observed.pod, *observed.user_secrets.values())
    objects = [body(wanted), *(each for each in found if each is not None)]
    objects[0]["metadata"]["creationTimestamp"] = NOW.isoformat()
    api = Server(*objects)
    made, queue = context_of(api, FakeGuacamole(granted_access(of)), *objects)
    assert await reconcile(made, KEY)
    assert api.requests == ["STATUS BlenderSession"]
    assert queue.delays == [15 * 60], "when the warning would begin, since no event marks that"


async def test_a_status_whose_answer_was_lost_is_not_written_again() -> None:
    objects = finished()
    api = Server(*objects)
    faults = iter(["lost"])
    api.next_fault = lambda: next(faults, "")
    made, queue = context_of(api, FakeGuacamole(granted_access(session())), *objects)
    assert not await reconcile(made, KEY), "nobody knows whether it was written"
    written = copy.deepcopy(api.objects[KEY])
    queue.added.clear()
    assert await reconcile(made, KEY)
    assert queue.added == [KEY], "another look is needed, at once, and the write's own event is no news any more"
    assert await reconcile(made, KEY)
    assert queue.added == [KEY]
    assert api.objects[KEY] == written
    assert api.requests == ["STATUS BlenderSession", "STATUS BlenderSession", "GET BlenderSession"]


async def test_a_status_is_not_written_to_a_successor_of_the_same_name() -> None:
    objects = finished()
    api = Server(*objects)
    made, queue = context_of(api, FakeGuacamole(granted_access(session())), *objects)
    api.objects[KEY]["metadata"] |= {"uid": OTHER_UID, "resourceVersion": "2000"}
    queue.added.clear()
    assert await reconcile(made, KEY)
    assert queue.added == [KEY], "what is there now wants to be looked at"
    assert "status" not in api.objects[KEY]
    assert api.requests == ["STATUS BlenderSession", "GET BlenderSession"]
