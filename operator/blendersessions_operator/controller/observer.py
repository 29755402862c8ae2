"""Observe a session: read the caches, and ask Guacamole if a decision needs more.

In the steady state nothing is asked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model.access import access_list
from blendersessions.model.ceilings import within_class
from blendersessions.model.conditions import Reason
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.errors import System, Unavailable
from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions_operator.controller.failures import gather_failures
from blendersessions_operator.controller.offers import surplus_of, with_offer
from blendersessions_operator.planning.access import session_access
from blendersessions_operator.planning.observed import Observed
from blendersessions_operator.planning.ownership import (
    connection_conflict,
    doubtful_connections,
    doubtful_users,
)
from blendersessions_operator.planning.questions import Question, next_question
from blendersessions_operator.planning.refusals import refusal
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import CLOSED, NETWORK_POLICY_KIND, PUBLIC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import SessionClass
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.controller.start_refusals import Named
    from blendersessions_operator.planning.scene_report import SceneReport

MAX_QUESTIONS: Final = 8
"""Three suffice. More are needed only while the answers change during the questions."""


async def observe(
    context: ReconcilerContext, key: Ref, failures: Mapping[Area, DomainError]
) -> tuple[Session, Observed] | None:
    """Return the session and its observed state once no question is open; None if the session is gone.

    Args:
        context: the clients and caches.
        key: the session.
        failures: the failures of this reconciliation so far, by area. The result adds those of the questions. Nothing
            more is asked in an area that failed.
    """
    failures, asked = dict(failures), 0
    read: tuple[Named, ...] = ()
    while True:
        known = context.cache.session(key)
        if known is None:
            return None
        # What is asked takes time, in which the session or its class may come to name another claim, or its pod may go.
        named = context.refusals.named(known)
        if Area.DESKTOP not in failures and named != read and context.refusals.claims_to_read(known):
            read = named
            failures |= await gather_failures([(Area.DESKTOP, context.refusals.read_claims(context.kubernetes, known))])
            continue
        if unread := context.cache.unread(known):
            # They were seen before the session was, so their content was not kept.
            for ref in unread:
                await context.reread(ref)
            continue
        session, observed = _from_caches(context, known, failures, datetime.now(UTC))
        question = next_question(session, observed)
        if question is None:
            return session, observed
        if asked == MAX_QUESTIONS:
            message = "The session's state in Guacamole changes faster than it can be read; it is tried again."
            failure = Unavailable(message, System.GUACAMOLE)
            return session, replace(observed, failures=failures | {Area.ACCESS: failure})
        failures |= await gather_failures(_requests(context, session, observed, question))
        asked += 1


def _from_caches(
    context: ReconcilerContext, session: Session, failures: Mapping[Area, DomainError], now: datetime
) -> tuple[Session, Observed]:
    """Return the session within the bounds of its class, and the state in the caches. Nothing is asked."""
    name, namespace, cache = session.desktop.name, session.namespace, context.cache
    session_class, settings = cache.session_class(namespace, session.spec.class_name), None
    if session_class is not None:
        settings = effective_settings(session, session_class, context.installation)
    position, holder = _turn(context, session, settings, now)
    if session_class is not None and settings is not None and not session.deleting:
        session = within_class(session.without_viewers(settings.refused_viewers), session_class)
    wanted = access_list(session)
    secrets = {username: cache.get(Ref("Secret", namespace, user_secret_name(username))) for username in wanted}
    scene = context.scenes.report_of(session.uid, cache.uid(Ref("Pod", namespace, name)))
    policies = {policy: cache.get(Ref(NETWORK_POLICY_KIND, namespace, policy)) for policy in (CLOSED, PUBLIC)}
    observed = Observed(
        now=now,
        settings=settings,
        class_error=session_class.spec_error if session_class is not None else "",
        position=position,
        claim_holder=holder,
        claim_refusal=context.refusals.of_claim(session),
        installation=context.installation,
        secret=cache.get(Ref("Secret", namespace, name)),
        service=cache.get(Ref("Service", namespace, name)),
        pod=cache.get(Ref("Pod", namespace, name)),
        volume_claim=cache.get(Ref("PersistentVolumeClaim", namespace, session.generated_name)),
        policies={policy: known for policy, known in policies.items() if known is not None},
        activity=context.activity.activity_of(session, scene),
        asking=context.agent_calls.is_asking(session.uid),
        silent_at=context.activity.silent.get(session.uid),
        scene=scene,
        classes=_other_classes(context, session, settings, scene),
        save=context.agent_calls.save_of(session, cache.uid(Ref("Pod", namespace, name))),
        users=len(context.activity.opened.get(session.uid, ())),
        warned_of=context.activity.warned.get(session.uid),
        user_secrets={username: secret for username, secret in secrets.items() if secret is not None},
        access=context.guacamole.view(session_access(session)),
        guacd_error=context.guacd.error,
        opening=context.openings.opening_of(session.uid, cache.uid(Ref("Pod", namespace, name))),
        surplus=surplus_of(context, session),
        failures=failures,
    )
    return session, with_offer(context, session, observed)


def _other_classes(
    context: ReconcilerContext, session: Session, settings: EffectiveSettings | None, scene: SceneReport | None
) -> tuple[SessionClass, ...]:
    """Return the other classes of the namespace, if a message names those that take or open the session's scene."""
    too_new = scene is not None and scene.reason == Reason.SCENE_TOO_NEW
    if not too_new and (settings is None or not settings.source_refused):
        return ()
    return context.cache.other_classes(session.namespace, session.spec.class_name)


def _turn(
    context: ReconcilerContext, session: Session, settings: EffectiveSettings | None, now: datetime
) -> tuple[int | None, Ref | None]:
    """Return what the session waits for: its queue position, or what has its volume; it holds no capacity then."""
    if settings is None or context.refusals.refuses(session):
        context.admission.release(session.uid)
        return None, None
    if (holder := context.claims.holder(session)) is not None:
        context.admission.release(session.uid)
        return None, holder
    return context.admission.position(session, settings.class_limits, now), None


def _requests(
    context: ReconcilerContext, session: Session, observed: Observed, question: Question
) -> list[tuple[Area, Awaitable[None]]]:
    """Return the requests that answer a question. Each updates a cache, or fails an area."""
    if question is Question.ACCESS:
        return [(Area.ACCESS, context.guacamole.inspect(session_access(session)))]
    checks: list[tuple[Area, Awaitable[None]]] = [
        (Area.ACCESS, _check_connection(context, session, name)) for name in doubtful_connections(session, observed)
    ]
    users = doubtful_users(session, observed)
    return checks + [(area, _check_user(context, session, observed, username)) for username, area in users.items()]


async def _check_connection(context: ReconcilerContext, session: Session, name: str) -> None:
    """Read a connection again; raises `NameTaken` if it is not the session's."""
    if conflict := connection_conflict(session, name, await context.guacamole.recheck_connection(name)):
        raise conflict


async def _check_user(context: ReconcilerContext, session: Session, observed: Observed, username: str) -> None:
    """Look up a user again; raises the refusal if the session may not let the user in."""
    if refused := refusal(session, observed, await context.guacamole.look_up_user(username)):
        raise refused
