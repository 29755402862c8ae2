"""Gather what is known of a session; in the steady state this costs no request."""

from __future__ import annotations

from functools import partial
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.people import connection_names, people
from blendersessions.model.profile import Credentials
from blendersessions.model.terms import terms_of
from blendersessions.planning.access import reported_identifier
from blendersessions.planning.observed import Observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from blendersessions.handlers.context import World
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions.planning.steps import Part

VNC_PASSWORD_CHARACTERS = 8
"""Only eight count in the protocol (RFC 6143, section 7.2.2)."""


def observe(world: World, session: Session, failures: Mapping[Part, DomainError], now: datetime) -> Observed:
    """Take what the store and the registry know."""
    name, namespace, store = session.desktop_name, session.namespace, world.store
    wanted = people(session)
    secrets = {username: store.get(Ref("Secret", namespace, user_secret_name(username))) for username in wanted}
    of = store.session_class(namespace, session.spec.class_name)
    terms = terms_of(session, of, world.profile) if of is not None else None
    return Observed(
        now=now,
        terms=terms,
        class_error=of.spec_error if of is not None else "",
        position=world.admissions.position(session, terms.class_limits, now) if terms is not None else None,
        profile=world.profile,
        fresh=partial(fresh_credentials, wanted),
        secret=store.get(Ref("Secret", namespace, name)),
        service=store.get(Ref("Service", namespace, name)),
        pod=store.get(Ref("Pod", namespace, name)),
        claim=store.get(Ref("PersistentVolumeClaim", namespace, name)),
        activity=world.activities.of(session),
        users=len(world.activities.opened.get(session.uid, ())),
        warned_of=world.activities.warned.get(session.uid),
        user_secrets={username: secret for username, secret in secrets.items() if secret is not None},
        access=world.registry.view(connection_names(session), wanted, reported_identifier(session)),
        failures=failures,
    )


def fresh_credentials(usernames: Iterable[str]) -> Credentials:
    """Draw random values for Secrets that may have to be made."""
    return Credentials(
        vnc_password=token_urlsafe(VNC_PASSWORD_CHARACTERS)[:VNC_PASSWORD_CHARACTERS],
        agent_token=token_urlsafe(32),
        user_passwords={username: token_urlsafe(24) for username in usernames},
    )
