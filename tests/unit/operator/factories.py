"""Sessions and observations for tests of the planner, the builders and the status."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from blendersessions.model.access import AccessView, ConnectionRecord, UserRecord, access_list
from blendersessions.model.effective_settings import EffectiveSettings, effective_settings
from blendersessions.model.installation import InstallationDefaults
from blendersessions.model.labels import FINALIZER
from blendersessions.model.network import NetworkPeers
from blendersessions.model.secret_data import DesktopCredentials
from blendersessions.model.session import Session, parse_session
from blendersessions.model.session_class import parse_session_class
from blendersessions.model.user_credentials import fingerprint_of
from blendersessions_operator.planning.access import wanted_connections
from blendersessions_operator.planning.desktop import credentials_of
from blendersessions_operator.planning.observed import Observed
from blendersessions_operator.resources.pod import pod
from blendersessions_operator.resources.secret import desktop_secret, user_secret
from blendersessions_operator.resources.service import service

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

UID = "6f1c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e"
OTHER_UID = "00000000-0000-4000-8000-000000000001"
NOW = datetime(2026, 11, 24, 6, 0, 0, 250000, tzinfo=UTC)
PROFILE = InstallationDefaults(image="blender-sessions/blender:test", public_url="https://desk.example/")
CONFINING = replace(PROFILE, network=NetworkPeers())
"""An installation that starts no desktop without network policies."""
USER_PASSWORD = "user-password-1"
CREDENTIALS = DesktopCredentials("pw123456", "agent-token-1")


def body(spec: Manifest | None = None, *, deleting: bool = False, finalizer: bool = True) -> Manifest:
    """A session as the API server sends it."""
    metadata: Manifest = {
        "name": "cart",
        "namespace": "art",
        "uid": UID,
        "resourceVersion": "100",
        "generation": 3,
        "creationTimestamp": "2026-11-24T05:59:57Z",
    }
    if finalizer:
        metadata["finalizers"] = [FINALIZER]
    if deleting:
        metadata["deletionTimestamp"] = "2026-11-24T06:00:00Z"
    return {"kind": "BlenderSession", "metadata": metadata, "spec": {} if spec is None else spec}


def session(spec: Manifest | None = None, *, deleting: bool = False, finalizer: bool = True) -> Session:
    """A session as the operator reads it."""
    return parse_session(body(spec, deleting=deleting, finalizer=finalizer))


def stored(manifest: Manifest, uid: str = "object-uid") -> Manifest:
    """An object as the API server gives it back."""
    result = copy.deepcopy(manifest)
    result["metadata"] |= {"uid": uid, "resourceVersion": "7"}
    return result


def settings(of: Session | None = None, spec: Manifest | None = None) -> EffectiveSettings:
    """The effective settings of a session by a class with this spec."""
    body: Manifest = {"metadata": {"namespace": "art", "name": "default"}, "spec": spec or {}}
    return effective_settings(of or session(), parse_session_class(body), PROFILE)


def nothing_observed() -> Observed:
    """An observation in which no object exists and nothing is known of Guacamole."""
    return Observed(installation=PROFILE, now=NOW, settings=settings())


def running_pod(of: Session, *, ready: bool = True, by: EffectiveSettings | None = None) -> Manifest:
    """The session's pod, made by these settings, with a running container."""
    secret = stored(desktop_secret(of.desktop, of, CREDENTIALS), "secret-uid")
    made = stored(pod(of.desktop, of, by or settings(of), credentials_of(secret)), "pod-uid")
    made["metadata"]["creationTimestamp"] = "2026-11-24T05:59:58Z"
    made["status"] = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"name": "blender", "state": {"running": {}}}],
    }
    return made


def granted_access(of: Session) -> AccessView:
    """Guacamole with everything that the session wants."""
    specs = wanted_connections(of, CREDENTIALS.vnc_password)
    records = {
        wanted.key: ConnectionRecord(str(number), wanted.name, "vnc", wanted.attributes, wanted.parameters)
        for number, wanted in enumerate(specs, 17)
    }
    users = {name: made_user(of, name) for name in access_list(of)}
    return AccessView(True, "postgresql", records, users, frozenset(access_list(of).items()))


def user_secret_of(of: Session, name: str) -> Manifest:
    """The Secret of one of the session's users."""
    return stored(user_secret(of, name, USER_PASSWORD), f"user-secret-of-{name}")


def made_user(of: Session, name: str) -> UserRecord:
    """A user that was made for the session, with the password in the Secret."""
    secret = user_secret_of(of, name)
    return UserRecord(name, exists=True, made_for=of.namespace, fingerprint=fingerprint_of(secret))


def with_user(access: AccessView, user: UserRecord, *, granted: bool = True) -> AccessView:
    """The same Guacamole with another user of that name."""
    grants = access.grants if granted else frozenset(pair for pair in access.grants if pair[0] != user.username)
    return replace(access, users={**access.users, user.username: user}, grants=grants)


def without_connections(access: AccessView) -> AccessView:
    """The same Guacamole without the session's connections."""
    return replace(access, connections={}, grants=frozenset())


def everything_observed(of: Session) -> Observed:
    """An observation in which everything is as the session wants it."""
    return replace(
        nothing_observed(),
        settings=settings(of),
        secret=stored(desktop_secret(of.desktop, of, CREDENTIALS), "secret-uid"),
        service=stored(service(of.desktop, of)),
        pod=running_pod(of),
        user_secrets={name: user_secret_of(of, name) for name in access_list(of)},
        access=granted_access(of),
    )
