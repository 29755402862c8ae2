"""A session that names two claims starts when both let it, and what one says is not forgotten over the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from blendersessions.model.errors import NotFound, System
from blendersessions.model.session import Spec
from blendersessions_operator.controller.cache import ObjectCache
from blendersessions_operator.controller.start_refusals import StartRefusals
from unit.operator.factories import OTHER_UID, PROFILE, body

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes import Kubernetes
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session

HOME: Manifest = {"workspace": {"claimName": "home"}}
SCENES: Manifest = {"scene": {"volume": {"claimName": "scenes", "path": "a.blend"}}}


class Claims:
    """The API server, with the annotations of each claim."""

    def __init__(self, **annotations: str) -> None:
        self.annotations, self.read = annotations, 0

    async def get(self, ref: Ref) -> Manifest:
        self.read += 1
        if ref.name not in self.annotations:
            raise NotFound("gone", System.KUBERNETES)
        uses = {"home": "workspace", "scenes": "scenes"}
        key = f"blendersessions.io/{uses[ref.name]}-for"
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
