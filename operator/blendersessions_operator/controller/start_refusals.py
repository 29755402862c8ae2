"""Know which sessions cannot start whatever room there is, so that they hold up nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.class_files import ClassSource
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.errors import NotFound
from blendersessions.model.manifest import Ref
from blendersessions_operator.planning.class_files import class_files_refusal
from blendersessions_operator.planning.named_claim import WORKSPACE, ClaimUse, claim_refusal, named_claims

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import ClassSpec
    from blendersessions_operator.controller.cache import ObjectCache
    from blendersessions_operator.planning.endings import Explanation

    Named = tuple[ClaimUse | ClassSource, str]
    """What something is named for, and its name: a claim of the session's, or a claim or ConfigMap of its class."""


class StartRefusals:
    """The sessions that their class refuses, or something that they or their class name: a claim, a ConfigMap."""

    def __init__(self, cache: ObjectCache, installation: InstallationDefaults) -> None:
        self._cache = cache
        self._installation = installation
        self._by_class: dict[str, tuple[Session, ClassSpec | None, bool]] = {}
        """By UID: whether the class refuses a session, and the session and the spec that this was computed from."""
        self._by_claim: dict[str, dict[Named, Explanation]] = {}
        """By UID, use and name: why a session was refused when these were last read. No entry is empty."""

    def refuses(self, session: Session) -> bool:
        """Return whether something other than missing room keeps a session from starting."""
        return self.of_claim(session) is not None or self._class_refuses(session)

    def of_claim(self, session: Session) -> Explanation | None:
        """Return why something named refused a session when it was last read; None if nothing did."""
        if (known := self._by_claim.get(session.uid)) is None:
            return None
        # The session may have been changed since, and name another claim or none.
        return next((known[named] for named in self.named(session) if named in known), None)

    def named(self, session: Session) -> tuple[Named, ...]:
        """Return what is read before each start of a session: what its spec names, and then what its class names."""
        session_class = self._cache.session_class(session.namespace, session.spec.class_name)
        sources = session_class.spec.files if session_class is not None else ()
        return (*named_claims(session).items(), *((source, source.name) for source in sources))

    def claims_to_read(self, session: Session) -> bool:
        """Return whether a session would start if the claims and ConfigMaps that it and its class name let it."""
        if not self.named(session) or session.deleting or session.suspend_requested or session.spec_error:
            return False
        return not self._cache.has_pod(session) and not self._class_refuses(session)

    async def read_claims(self, kubernetes: Kubernetes, session: Session) -> None:
        """Read what a session and its class name, and note which of the sessions without a pod are refused by it.

        The informers know only claims that we made, and no ConfigMaps. These are read before each start, so that an
        annotation which was taken away counts.

        Raises:
            DomainError: one cannot be read.
        """
        for use, name in self.named(session):
            kind = use.kind if isinstance(use, ClassSource) else "PersistentVolumeClaim"
            try:
                claim = await kubernetes.get(Ref(kind, session.namespace, name))
            except NotFound:
                claim = None
            if isinstance(use, ClassSource):
                self._note(session, (use, name), class_files_refusal(session, use, claim))
                continue
            for each in self._naming(session, use, name):
                self._note(each, (use, name), claim_refusal(each, use, claim, self._cache.session_with))

    def _naming(self, session: Session, use: ClaimUse, name: str) -> list[Session]:
        """Return the sessions that a claim just read is noted for: this one, and those that want the same workspace."""
        if use is not WORKSPACE:
            return [session]
        sessions = self._cache.sessions_of_claim(session.namespace, name)
        return [each for each in sessions if use in named_claims(each) and not self._cache.has_pod(each)]

    def forget(self, uid: str) -> None:
        """Forget a session that is gone."""
        self._by_class.pop(uid, None)
        self._by_claim.pop(uid, None)

    def _note(self, session: Session, read: Named, refusal: Explanation | None) -> None:
        former, named = self._by_claim.pop(session.uid, {}), self.named(session)
        noted = {each: known for each, known in former.items() if each != read and each in named}
        if refusal is not None:
            noted[read] = refusal
        if noted:
            self._by_claim[session.uid] = noted
        if bool(former) != bool(noted):
            self._cache.on_capacity_change([session.ref])

    def _class_refuses(self, session: Session) -> bool:
        session_class = self._cache.session_class(session.namespace, session.spec.class_name)
        spec, known = session_class.spec if session_class is not None else None, self._by_class.get(session.uid)
        if known is None or known[0] is not session or known[1] is not spec:
            refused = (
                session_class is None
                or bool(session_class.spec_error)
                or bool(effective_settings(session, session_class, self._installation).refusals)
            )
            known = self._by_class[session.uid] = session, spec, refused
        return known[2]
