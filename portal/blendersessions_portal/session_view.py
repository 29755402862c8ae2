"""A `BlenderSession` as the pages show it, and the object that makes a new one. Pure."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.fields import moment
from blendersessions.model.files import Files
from blendersessions.model.manifest import API_VERSION, SESSION_KIND, Manifest
from blendersessions.model.names import ALPHABET
from blendersessions.model.session import DEFAULT_CLASS, parse_session
from blendersessions.model.status import ReportedActivity
from blendersessions_portal.scene_choice import SceneChoice, scene_in

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.session import Session
    from blendersessions.model.status import SessionStatus

OWNER_HASH_LABEL = "blendersessions.io/owner-hash"
"""Label of the portal's sessions: the owner's hash, since an owner's name may not be a valid label value."""

_SUSPENDING: Final = (Reason.SUSPENDING, Reason.SAVE_FAILED, Reason.WAITING_FOR_WORK)
_RANDOM_CHARACTERS = 5
_HELD_UP: Final = (Reason.SAVE_FAILED, Reason.WAITING_FOR_WORK)
"""Reasons of Suspended and of Ready while something holds up a suspension."""


@dataclass(frozen=True)
class SessionView:
    """What the pages need of one session."""

    session: Session
    owner: str
    scene: SceneChoice
    """What the session opens first."""
    written: datetime | None = None
    """When a person or the portal last asked something of it; None if that is not known."""

    @property
    def name(self) -> str:
        """The session's name, unique in the portal's namespace."""
        return self.session.name

    @property
    def uid(self) -> str:
        """Kubernetes' UID. A later session of the same name has another one."""
        return self.session.uid

    @property
    def class_name(self) -> str:
        """The session's class."""
        return self.session.spec.class_name

    @property
    def can_duplicate(self) -> bool:
        """Whether there can be another session like this one."""
        return (self.ready or self.suspended) and not self.session.spec_error

    @property
    def scene_name(self) -> str:
        """Name of the file that was brought in; empty while none was."""
        return "" if self.scene.sample else self.status.scene_name

    @property
    def awaits_upload(self) -> bool:
        """Whether Blender runs and waits for the person's own file."""
        return self._runs and self._scene_reason == Reason.AWAITING_UPLOAD

    @property
    def takes_file(self) -> bool:
        """Whether the person's own file can be sent now. One that comes late is still taken."""
        return self._runs and self._scene_reason in (Reason.AWAITING_UPLOAD, Reason.UPLOAD_TIMED_OUT)

    @property
    def wants_file(self) -> bool:
        """Whether the person's own file is still to come, now or as soon as Blender runs."""
        before = self._scene_reason in ("", Reason.DESKTOP_NOT_READY, Reason.SCENE_LOADING)
        starting = self._runs and self.live and not self.ready
        return self.takes_file or (starting and self.scene.upload and not self.scene_name and before)

    @property
    def has_files(self) -> bool:
        """Whether a desktop runs whose files can be reached."""
        return self._runs and self.status.holds(ConditionType.DESKTOP_READY)

    @property
    def _runs(self) -> bool:
        return not self.ending and not self.suspend_requested

    @property
    def _scene_reason(self) -> str:
        condition = self.status.condition(ConditionType.SCENE_READY)
        return condition.reason if condition is not None else ""

    @property
    def created(self) -> datetime:
        """When the session was made."""
        return self.session.created_at

    @property
    def ending(self) -> bool:
        """Whether the session is being deleted."""
        return self.session.deleting

    @property
    def files(self) -> Files:
        """What becomes of the person's files at the end."""
        return self.session.files

    @property
    def suspend_requested(self) -> bool:
        """Whether a person or the lifetime suspended the session, and nobody has resumed it since."""
        return self.session.suspend_requested

    @property
    def held(self) -> bool:
        """Whether the session is suspended in its own spec, which the portal may not change."""
        return self.session.held

    @property
    def status(self) -> SessionStatus:
        """What the operator reported of the session."""
        return self.session.status

    @property
    def activity(self) -> ReportedActivity:
        """What keeps the session alive, and when and why it will end. Without a moment it does not end by itself."""
        return self.status.activity or ReportedActivity()

    @property
    def unnoticed_since(self) -> datetime | None:
        """When something was asked of the session that the operator has not noticed; None if there is nothing."""
        noticed = self.status.observed_generation
        return self.written if noticed is not None and noticed < self.session.generation else None

    @property
    def changed(self) -> datetime | None:
        """When a condition last became true or false; None if none did."""
        moments = (condition.last_transition_time for condition in self.status.conditions)
        return max((moment for moment in moments if moment is not None), default=None)

    @property
    def failed(self) -> bool:
        """Whether the session will not become ready until somebody acts."""
        return not self.ending and self.status.holds(ConditionType.STALLED)

    @property
    def suspended(self) -> bool:
        """Whether Blender was stopped, and starts again when the session is resumed."""
        return self.live and self.suspend_requested and self.status.holds(ConditionType.SUSPENDED)

    @property
    def suspending(self) -> bool:
        """Whether Blender is being saved and stopped."""
        if not self.live or self.suspended:
            return False
        ready = self.status.condition(ConditionType.READY)
        return self.suspend_requested or (ready is not None and ready.reason in _SUSPENDING)

    @property
    def why_not_suspended(self) -> str:
        """The operator's message about what holds up a suspension; empty if nothing does."""
        conditions = (self.status.condition(kind) for kind in (ConditionType.SUSPENDED, ConditionType.READY))
        held_up = (each.message for each in conditions if each is not None and each.reason in _HELD_UP)
        return next(held_up, "") if self.suspending else ""

    @property
    def can_resume(self) -> bool:
        """Whether the portal can resume the session: it is suspended, or something holds the suspension up."""
        return not self.held and (self.suspended or (self.suspend_requested and bool(self.why_not_suspended)))

    @property
    def may_hold_work(self) -> bool:
        """Whether somebody may have made something in the session that its end can lose."""
        return self.files is not Files.LOST or self.status.ready_at is not None

    @property
    def can_cancel(self) -> bool:
        """Whether the session starts or waits for its turn, and has never run: whoever gives it up loses nothing.

        Each suspension and each resume is another generation. A session that was resumed may have somebody's files.
        """
        never_ran = self.session.generation == 1 and self.status.ready_at is None
        gone_or_stopping = not self.live or self.suspending or self.suspended
        return never_ran and not (gone_or_stopping or self.ready or self.awaits_upload)

    @property
    def ready(self) -> bool:
        """Whether the session can be opened now."""
        openable = self.status.holds(ConditionType.READY) and bool(self.status.client_url)
        return self.live and not self.suspend_requested and openable

    @property
    def can_suspend(self) -> bool:
        """Whether the session can be suspended without losing files."""
        return self.live and not self.suspend_requested and self.files is not Files.LOST

    @property
    def live(self) -> bool:
        """Whether the session is ready or can become ready, by itself or when it is resumed."""
        return not self.ending and not self.failed


def read_session(body: Manifest) -> SessionView:
    """Return the view of a session's object."""
    session = parse_session(body)
    # Read from the object itself: if a part of the spec is malformed, the model has defaults for all of it.
    spec = body.get("spec") or {}
    return SessionView(session, str(spec.get("owner", "")), scene_in(spec), _written(body["metadata"]))


def _written(metadata: Manifest) -> datetime | None:
    """Return when something besides the status was last written, as the API server keeps it for each writer."""
    entries = (entry for entry in metadata.get("managedFields") or () if entry.get("subresource") != "status")
    moments = [moment(entry.get("time")) for entry in entries] + [moment(metadata.get("deletionTimestamp"))]
    return max((each for each in moments if each is not None), default=None)


def new_session(
    namespace: str, owner: str, scene: SceneChoice, *, class_name: str = DEFAULT_CLASS, no_middle_button: bool = False
) -> Manifest:
    """Return the object of a new session, with a random name.

    Args:
        namespace: where it is made.
        owner: the Guacamole user whose session it is.
        scene: what it opens.
        class_name: its class.
        no_middle_button: whether to ask for help with input. Without it the class decides.
    """
    spec: Manifest = {"owner": owner}
    if class_name != DEFAULT_CLASS:
        spec["className"] = class_name
    if scene.manifest:
        spec["scene"] = scene.manifest
    if no_middle_button:
        # A keyboard without a numeric keypad goes with a pointer without a middle button.
        spec["input"] = {"emulateMiddleButton": True, "emulateNumpad": True}
    return _object(namespace, owner, scene.name_stem, spec)


def session_like(session: SessionView) -> Manifest:
    """Return the object of a new session with the scene, class, screen and input of another one, and its owner.

    It has no workspace: two sessions do not share one, and a new volume would be no copy of the files.
    """
    asked = session.session.spec
    parts = {"scene": asked.scene, "display": asked.display, "input": asked.input}
    given = {name: part.model_dump(mode="json", by_alias=True, exclude_defaults=True) for name, part in parts.items()}
    spec: Manifest = {"owner": session.owner} | {name: part for name, part in given.items() if part}
    if session.class_name != DEFAULT_CLASS:
        spec["className"] = session.class_name
    on_volume = asked.scene.volume
    scene = SceneChoice(sample=on_volume.path.rpartition("/")[2]) if on_volume is not None else session.scene
    return _object(session.session.namespace, session.owner, scene.name_stem, spec)


def _object(namespace: str, owner: str, name_stem: str, spec: Manifest) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": SESSION_KIND,
        "metadata": {
            "name": name_stem + "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS)),
            "namespace": namespace,
            "labels": {OWNER_HASH_LABEL: owner_hash(owner)},
        },
        "spec": spec,
    }


def owner_hash(owner: str) -> str:
    """Return the first 16 hex digits of the name's SHA-256, as in docs/interfaces.md ("Objects of a session")."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
