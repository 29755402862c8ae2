"""200 hostile objects: each is refused with a message, or has a clear condition, and nothing of it stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.api import SESSIONS, ApiError
from apiserver.hostile_objects import CLASS, NUMBER, SESSION, Hostile, hostile_objects
from apiserver.installation import Object, ignoring_not_found
from blendersessions.model.names import name_for
from blendersessions.model.session_class import parse_session_class
from status_rules import faults_of
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation

THREADS = 8
BATCH_SECONDS = 180.0
"""Deadline for all sessions together."""
UNDECIDED = {"", "DesktopPending", "ConnectionPending"}
STRANGER = "00000000-0000-4000-8000-00000000000b"
"""UID of a session that never was. Objects of somebody else say that they are its."""


@pytest.fixture
def lookalikes(installation: Installation) -> list[Object]:
    """Objects of others that look like a desktop's."""
    labels = {
        "app.kubernetes.io/managed-by": "blender-sessions",
        "app.kubernetes.io/name": "blender-desktop",
        "blendersessions.io/session-uid": STRANGER,
        "blendersessions.io/desktop-name": name_for(STRANGER),
    }
    metadata = {"name": name_for(STRANGER), "labels": labels}
    secret = {"metadata": metadata, "stringData": {"vnc-password": "\u202e" * 1000, "agent-token": ""}}
    user = {"metadata": {"name": "blender-user-0", "labels": labels | {"blendersessions.io/secret": "user"}}}
    service = {"metadata": metadata, "spec": {"ports": [{"port": 1}]}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1e300"}}}
    pod = {"metadata": metadata, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    path = f"api/v1/namespaces/{installation.namespace}"
    return [
        installation.api.request("POST", f"{path}/{plural}", body)
        for plural, body in (
            ("secrets", secret),
            ("secrets", user),
            ("services", service),
            ("persistentvolumeclaims", {"metadata": metadata, "spec": claim}),
            ("pods", pod),
        )
    ]


def create(installation: Installation, hostile: Hostile) -> Object | ApiError:
    """Send one object; return what is stored, or the refusal."""
    plural = "blendersessions" if hostile.kind == SESSION else "blendersessionclasses"
    path = f"{SESSIONS}/namespaces/{installation.namespace}/{plural}"
    try:
        stored = dict(installation.api.request("POST", path, hostile.body))
        if hostile.status:
            with ignoring_not_found():
                installation.api.request(
                    "PATCH", f"{path}/{hostile.name}/status", {"status": hostile.status}, "application/merge-patch+json"
                )
    except ApiError as refusal:
        return refusal
    return stored


def verdicts(installation: Installation, names: list[str]) -> dict[str, Object]:
    """Wait until the condition Ready of each session says how things stand; a session may be gone by then."""
    found: dict[str, Object] = {}

    def undecided() -> list[str]:
        found.update({name: {"reason": "Gone", "message": "It has expired."} for name in names})
        for session in installation.sessions():
            ready: Object = next(
                (entry for entry in session.get("status", {}).get("conditions", ()) if entry["type"] == "Ready"), {}
            )
            seen = ready.get("observedGeneration") == session["metadata"]["generation"]
            found[session["metadata"]["name"]] = ready if seen else {}
        return [name for name in names if found[name].get("reason", "") in UNDECIDED]

    until(
        lambda: f"each session has a verdict; without one are {undecided()}",
        lambda: not undecided(),
        BATCH_SECONDS,
        0.5,
    )
    return found


def delete_what_others_keep(installation: Installation, lookalikes: list[Object]) -> None:
    """Check that nobody touched the objects of others, and delete them."""
    for former in lookalikes:
        plural = {"Secret": "secrets", "Service": "services", "Pod": "pods"}.get(
            str(former["kind"]), "persistentvolumeclaims"
        )
        meta: Any = former["metadata"]
        now = installation.child(plural, meta["name"])
        assert now is not None
        assert now["metadata"]["resourceVersion"] == meta["resourceVersion"]
        installation.delete_child(plural, meta["name"])


def test_each_is_refused_with_a_message_or_has_a_clear_condition(
    installation: Installation, lookalikes: list[Object]
) -> None:
    objects = hostile_objects()
    assert len(objects) == NUMBER
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(lambda each: create(installation, each), objects))
        stored: list[tuple[Hostile, Object]] = []
        for hostile, answer in zip(objects, answers, strict=True):
            if isinstance(answer, ApiError):
                assert 400 <= answer.status < 500, (hostile.body, answer)
                assert answer.message.strip(), hostile.body
            else:
                stored.append((hostile, answer))
        classes = [hostile.name for hostile, _ in stored if hostile.kind == CLASS]
        for hostile, answer in stored:
            if hostile.kind == CLASS:
                assert parse_session_class(answer).spec_error == "", "what the schema takes, the operator reads"
        # A session of each class that is there, and one of the class that serves the others.
        guests = [Hostile(SESSION, {"name": f"of-{name}"[:63]}, {"className": name}) for name in classes]
        made = list(threads.map(lambda each: create(installation, each), guests))
        assert not [answer for answer in made if isinstance(answer, ApiError)]
    names = [hostile.name for hostile, _ in stored if hostile.kind == SESSION] + [each.name for each in guests]
    found = verdicts(installation, names)
    for name, ready in found.items():
        assert ready["message"].strip(), name
        assert "malformed" not in ready["message"], (name, ready, "what the schema takes, the operator reads")
    installation.until_reason("Suspended", "MaxAge", "expires-at-once")
    # Statuses that were written by hand break the rules of ours, and the operator has mended them by now.
    with pytest.raises(AssertionError, match="the status of a session broke its rules"):
        installation.statuses.check()
    assert [fault for session in installation.sessions() for fault in faults_of(session)] == []
    assert len({ready["reason"] for ready in found.values()}) > 3, "the objects differ in what they bring about"
    assert "Traceback" not in installation.log
    assert "do not converge" not in installation.log
    assert not [line for line in installation.log.splitlines() if '"level":"ERROR"' in line]
    installation.delete("finalized")
    until("its pod is stopped", lambda: "finalized" not in pods_of(installation))
    installation.patch("finalized", {"metadata": {"finalizers": None}})
    delete_what_others_keep(installation, lookalikes)
    for name in classes:
        path = f"{SESSIONS}/namespaces/{installation.namespace}/blendersessionclasses/{name}"
        installation.api.request("DELETE", path)


def pods_of(installation: Installation) -> set[str]:
    """Return the names of the sessions that have a pod."""
    return {pod["metadata"].get("annotations", {}).get("blendersessions.io/session", "") for pod in installation.pods()}
