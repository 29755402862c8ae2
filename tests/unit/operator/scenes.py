"""Sessions whose scene is brought in, and what their agents say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from blendersessions.model.conditions import ConditionType
from blendersessions.model.session_class import SessionClass, parse_session_class
from blendersessions_operator.planning.scene_report import SceneReport
from blendersessions_operator.planning.status import status
from unit.operator.factories import NOW, everything_observed, running_pod, session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed

URL: Manifest = {"scene": {"url": "https://example.org/cart.blend"}}
VOLUME: Manifest = {"scene": {"volume": {"claimName": "scenes", "path": "shots/two.blend"}}}
UPLOAD: Manifest = {"scene": {"upload": {}}}
PUBLIC: Manifest = {"egress": "Public"}


def report(reason: str = "", message: str = "", *, seconds_ago: float = 0.5, **fields: Any) -> SceneReport:  # noqa: ANN401 - any field
    """What an agent said a moment ago."""
    return SceneReport(NOW - timedelta(seconds=seconds_ago), reason=reason, message=message, told_at=NOW, **fields)


def a_class(name: str, **spec: object) -> SessionClass:
    """A class of the namespace."""
    return parse_session_class({"metadata": {"namespace": "art", "name": name}, "spec": spec})


def bringing(
    spec: Manifest, told: SceneReport | None, *, of_class: Manifest | None = None, ready: bool = False
) -> tuple[Session, Observed]:
    """A session whose desktop runs, and brings its scene in."""
    of = session(spec)
    made = settings(of, PUBLIC | (of_class or {}))
    seen = replace(everything_observed(of), pod=running_pod(of, ready=ready, by=made), scene=told, settings=made)
    return of, seen


def told_by(of: Session, seen: Observed, kind: ConditionType = ConditionType.SCENE_READY) -> tuple[str, str, str]:
    """One condition: its status, its reason and its message."""
    found = status(of, seen).condition(kind)
    assert found is not None
    return found.status, found.reason, found.message
