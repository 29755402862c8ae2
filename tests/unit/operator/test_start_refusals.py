"""A session that names two claims starts when both let it, and what one says is not forgotten over the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from blendersessions.model.access import AccessView
from blendersessions.model.conditions import Reason
from blendersessions.model.errors import NotFound, System
from blendersessions.model.session import Spec
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.observer import observe
from blendersessions_operator.controller.start_refusals import StartRefusals
from unit.operator.contexts import context_of
from unit.operator.factories import OTHER_UID, PROFILE, body, everything_observed, granted_access
from unit.operator.factories import session as session_of
from unit.operator.simulation import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session

HOME: Manifest = {"workspace": {"claimName": "home"}}
SCENES: Manifest = {"scene": {"volume": {"claimName": "scenes", "path": "a.blend"}}}


class Claims:
    """The API server, with the annotations of each claim."""

    def __init__(self, **annotations: str) -> None:
        self.annotations = annotations
        self.meanwhile: Callable[[], object] = lambda: None

    async def get(self, ref: Ref) -> Manifest:
        self.meanwhile()
        if ref.name not in self.annotations:
            raise NotFound("gone", System.KUBERNETES)
        use = "workspace" if ref.name == "home" else "scenes"
        key = f"blendersessions.io/{use}-for"
        return {"metadata": {"name": ref.name, "annotations": {key: self.annotations[ref.name]}}}


class Refusing:
    """Refusals over a cache with these sessions."""

    def __init__(self, *specs: Manifest) -> None:
        self.cache, self.changed = ObjectCache(), 0
        for number, spec in enumerate(specs):
            made = body(spec)
            made["metadata"] |= {"name": f"cart-{number}", "uid": f"{OTHER_UID[:-1]}{number}"}
            self.cache.put(made)
        self.cache.on_capacity_change = self._count
        self.refusals = StartRefusals(self.cache, PROFILE)
        self.sessions = sorted(self.cache.sessions(), key=lambda each: each.name)

    def _count(self, refs: Any) -> None:  # noqa: ANN401 - the sessions
        del refs
        self.changed += 1

    async def reasons(self, claims: Claims, session: Session) -> list[str]:
        """Read the claims of one session, and return why each session is refused."""
        await self.refusals.read_claims(cast("Kubernetes", claims), session)
        found = [self.refusals.of_claim(each) for each in self.sessions]
        assert [self.refusals.refuses(each) for each in self.sessions] == [bool(each) for each in found]
        return [each.reason if each is not None else "" for each in found]


async def test_both_claims_must_let_a_session_start() -> None:
    refusing = Refusing(HOME | SCENES)
    [session] = refusing.sessions
    assert refusing.refusals.claims_to_read(session)
    assert await refusing.reasons(Claims(), session) == ["WorkspaceNotFound"]
    assert await refusing.reasons(Claims(home="*"), session) == ["SceneNotFound"]
    assert await refusing.reasons(Claims(home="*", scenes="bo"), session) == ["SceneNotAllowed"]
    assert await refusing.reasons(Claims(home="bo", scenes="*"), session) == ["WorkspaceNotAllowed"]
    assert refusing.changed == 1, "it counts for its class once, when it is first refused"
    assert await refusing.reasons(Claims(home="*", scenes="*"), session) == [""]
    assert refusing.changed == 2


async def test_a_workspace_refuses_all_that_want_it_and_scenes_refuse_the_one_that_asks() -> None:
    refusing = Refusing(HOME, HOME, SCENES, SCENES)
    first, _, third, _ = refusing.sessions
    assert await refusing.reasons(Claims(home="bo"), first) == ["WorkspaceNotAllowed"] * 2 + ["", ""]
    assert await refusing.reasons(Claims(scenes="bo"), third) == ["WorkspaceNotAllowed"] * 2 + ["SceneNotAllowed", ""]


async def test_a_session_that_is_gone_or_names_another_claim_is_forgotten() -> None:
    refusing = Refusing(SCENES)
    [session] = refusing.sessions
    assert await refusing.reasons(Claims(), session) == ["SceneNotFound"]
    volume: Manifest = {"scene": {"volume": {"claimName": "others", "path": "a.blend"}}}
    for scene in (volume, {"scene": {"sample": "a.blend"}}):
        changed = replace(session, spec=Spec.model_validate(scene))
        assert refusing.refusals.of_claim(changed) is None
        assert not refusing.refusals.refuses(changed)
    refusing.refusals.forget(session.uid)
    assert refusing.refusals.of_claim(session) is None


def test_a_session_that_names_no_claim_has_none_read() -> None:
    refusing = Refusing(
        {}, {"scene": {"sample": "a.blend"}}, {"workspace": {"size": "1Gi"}}, SCENES | {"suspend": True}
    )
    assert not any(refusing.refusals.claims_to_read(each) for each in refusing.sessions)


class Guacamole:
    """Knows everything once it was asked. Something happens meanwhile."""

    def __init__(self, of: Session, meanwhile: Callable[[], object]) -> None:
        self.known, self.found, self.meanwhile = AccessView(), granted_access(of), meanwhile

    def view(self, access: object) -> AccessView:
        del access
        return self.known

    async def inspect(self, access: object) -> None:
        del access
        self.known = self.found
        self.meanwhile()


@pytest.mark.parametrize("claim", ["scenes", "others"])
async def test_a_claim_that_the_session_names_meanwhile_is_read_before_the_start(claim: str) -> None:
    others: Manifest = {"scene": {"volume": {"claimName": claim, "path": "a.blend"}}}
    claims = Claims(scenes="*", others="somebody")
    context, _ = context_of(claims, Guacamole(session_of(others), lambda: None), body(SCENES))
    changed = body(others)
    changed["metadata"]["resourceVersion"] = "101"
    claims.meanwhile = lambda: context.cache.put(changed)
    seen = await observe(context, KEY, {})
    assert seen is not None
    refusal = seen[1].claim_refusal
    assert (refusal and refusal.reason) == (None if claim == "scenes" else Reason.SCENE_NOT_ALLOWED)
    assert seen[1].may_start == (claim == "scenes")


async def test_a_claim_is_read_if_the_pod_goes_while_something_else_is_asked() -> None:
    of = session_of(SCENES)
    everything = everything_observed(of)
    pod = everything.pod
    assert pod is not None
    guacamole = Guacamole(of, lambda: context.cache.remove(of.desktop.ref("Pod")))
    children = (everything.secret, everything.service, pod, *everything.user_secrets.values())
    known = [each for each in children if each is not None]
    context, _ = context_of(Claims(scenes="somebody"), guacamole, body(SCENES), *known)
    context.activity.silent[of.uid] = datetime.now(UTC)
    seen = await observe(context, KEY, {})
    assert seen is not None
    assert seen[1].pod is None
    assert seen[1].claim_refusal is not None
    assert not seen[1].may_start
