"""Observe a session: read the caches, and ask Guacamole if a decision needs more.

In the steady state nothing is asked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from blendersessions.model.access import access_list
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.errors import System, Unavailable
from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions_operator.controller.failures import gather_failures
from blendersessions_operator.planning.access import session_access
from blendersessions_operator.planning.observed import Observed
from blendersessions_operator.planning.ownership import (
    connection_conflict,
    doubtful_connections,
    doubtful_users,
    user_conflict,
)
from blendersessions_operator.planning.questions import Question, next_question
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.resources.network_policy import CLOSED, NETWORK_POLICY_KIND, PUBLIC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from blendersessions.model.effective_settings import EffectiveSettings
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext

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
    while True:
        session = context.cache.session(key)
        if session is None:
            return None
        observed = _from_caches(context, session, failures, datetime.now(UTC))
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
) -> Observed:
    """Return the state in the caches, without a request."""
    name, namespace, cache = session.desktop.name, session.namespace, context.cache
    wanted = access_list(session)
    secrets = {username: cache.get(Ref("Secret", namespace, user_secret_name(username))) for username in wanted}
    policies = {policy: cache.get(Ref(NETWORK_POLICY_KIND, namespace, policy)) for policy in (CLOSED, PUBLIC)}
    session_class = cache.session_class(namespace, session.spec.class_name)
    settings = effective_settings(session, session_class, context.installation) if session_class is not None else None
    position, holder = _turn(context, session, settings, now)
    return Observed(
        now=now,
        settings=settings,
        class_error=session_class.spec_error if session_class is not None else "",
        position=position,
        claim_holder=holder,
        installation=context.installation,
        secret=cache.get(Ref("Secret", namespace, name)),
        service=cache.get(Ref("Service", namespace, name)),
        pod=cache.get(Ref("Pod", namespace, name)),
        volume_claim=cache.get(Ref("PersistentVolumeClaim", namespace, name)),
        policies={policy: known for policy, known in policies.items() if known is not None},
        activity=context.activity.activity_of(session),
        asking=context.agent_calls.is_asking(session.uid),
        silent_at=context.activity.silent.get(session.uid),
        save=context.agent_calls.save_of(session, cache.uid(Ref("Pod", namespace, name))),
        users=len(context.activity.opened.get(session.uid, ())),
        warned_of=context.activity.warned.get(session.uid),
        user_secrets={username: secret for username, secret in secrets.items() if secret is not None},
        access=context.guacamole.view(session_access(session)),
        guacd_error=context.guacd.error,
        failures=failures,
    )


def _turn(
    context: ReconcilerContext, session: Session, settings: EffectiveSettings | None, now: datetime
) -> tuple[int | None, Ref | None]:
    """Return what the session waits for: its queue position, or what has its volume; it holds no capacity then."""
    if settings is None:
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
    return checks + [(area, _check_user(context, session, username)) for username, area in users.items()]


async def _check_connection(context: ReconcilerContext, session: Session, name: str) -> None:
    """Read a connection again; raises `NameTaken` if it is not the session's."""
    if conflict := connection_conflict(session, name, await context.guacamole.recheck_connection(name)):
        raise conflict


async def _check_user(context: ReconcilerContext, session: Session, username: str) -> None:
    """Look up a user again; raises `OwnerTaken` if the user was made for others."""
    if conflict := user_conflict(session, await context.guacamole.look_up_user(username)):
        raise conflict
