"""Gather what is known of a session; in the steady state this costs no request."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from blendersessions.model.manifest import Ref
from blendersessions.model.names import user_secret_name
from blendersessions.model.profile import Credentials
from blendersessions.planning.observed import Observed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from blendersessions.handlers.context import World
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions.planning.steps import Part

VNC_PASSWORD_CHARACTERS = 8
"""Only eight count in the protocol (RFC 6143, section 7.2.2)."""


def observe(world: World, session: Session, failures: Mapping[Part, DomainError]) -> Observed:
    """Take what the store and the registry know."""
    name, namespace, store = session.desktop_name, session.namespace, world.store
    return Observed(
        profile=world.profile,
        fresh=fresh_credentials(),
        secret=store.get(Ref("Secret", namespace, name)),
        service=store.get(Ref("Service", namespace, name)),
        pod=store.get(Ref("Pod", namespace, name)),
        user_secret=store.get(Ref("Secret", namespace, user_secret_name(session.username))),
        access=world.registry.view(name, session.username),
        failures=failures,
    )


def fresh_credentials() -> Credentials:
    """Draw random values for Secrets that may have to be made."""
    return Credentials(
        vnc_password=secrets.token_urlsafe(VNC_PASSWORD_CHARACTERS)[:VNC_PASSWORD_CHARACTERS],
        agent_token=secrets.token_urlsafe(32),
        user_password=secrets.token_urlsafe(24),
    )
