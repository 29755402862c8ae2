"""Gather what is known of a session; in the steady state this costs no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.access import access_list
from blendersessions.model.effective_settings import effective_settings
from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions_operator.planning.access import session_access
from blendersessions_operator.planning.observed import Observed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.context import ReconcilerContext
    from blendersessions_operator.planning.steps import Area


def observe(
    context: ReconcilerContext, session: Session, failures: Mapping[Area, DomainError], now: datetime
) -> Observed:
    """Take what the store and the registry know."""
    name, namespace, store = session.desktop.name, session.namespace, context.cache
    wanted = access_list(session)
    secrets = {username: store.get(Ref("Secret", namespace, user_secret_name(username))) for username in wanted}
    of = store.session_class(namespace, session.spec.class_name)
    settings = effective_settings(session, of, context.installation) if of is not None else None
    return Observed(
        now=now,
        settings=settings,
        class_error=of.spec_error if of is not None else "",
        position=context.admission.position(session, settings.class_limits, now) if settings is not None else None,
        installation=context.installation,
        secret=store.get(Ref("Secret", namespace, name)),
        service=store.get(Ref("Service", namespace, name)),
        pod=store.get(Ref("Pod", namespace, name)),
        volume_claim=store.get(Ref("PersistentVolumeClaim", namespace, name)),
        activity=context.activity.activity_of(session),
        users=len(context.activity.opened.get(session.uid, ())),
        warned_of=context.activity.warned.get(session.uid),
        user_secrets={username: secret for username, secret in secrets.items() if secret is not None},
        access=context.guacamole.view(session_access(session)),
        failures=failures,
    )
