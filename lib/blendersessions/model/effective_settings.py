"""The settings that hold for one session: its spec, bounded by its class, over the installation's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from blendersessions.model.ceilings import beyond_class, beyond_volume, shorter
from blendersessions.model.container_resources import beyond_ceilings, container_resources
from blendersessions.model.files import Files
from blendersessions.model.people import owner_refusal, refused_viewers, viewer_refusal
from blendersessions.model.scene_rules import source_refusal
from blendersessions.model.session import Input
from blendersessions.model.session_class import Limits, Saving, Transfer

if TYPE_CHECKING:
    from datetime import timedelta

    from blendersessions.model.class_files import ClassSource
    from blendersessions.model.installation import InstallationDefaults
    from blendersessions.model.quantities import Amounts
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import ClassLifetime, SessionClass
    from blendersessions.model.warm_pool import WarmPool


@dataclass(frozen=True)
class EffectiveSettings:
    """How the session's desktop is made, and how long the session lives."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    max_age: timedelta | None = None
    idle_after: timedelta | None = None
    on_expiry: Literal["Suspend", "Delete"] = "Suspend"
    start_deadline: timedelta | None = None
    input: Input = field(default_factory=Input)
    placement: dict[str, Any] = field(default_factory=dict)
    """Fields of the pod's spec that select its nodes."""
    class_limits: Limits = field(default_factory=Limits)
    saving: Saving = field(default_factory=Saving)
    egress: Literal["None", "Public"] = "None"
    transfer: Transfer = field(default_factory=Transfer)
    fetch_networks: tuple[str, ...] = ()
    """Private networks (CIDR) that a URL of a scene may lead to."""
    class_files: tuple[ClassSource, ...] = ()
    """Where the class has its extensions, its start-up file and its preferences."""
    fixed_user: bool = True
    """Whether the pod names the user that it runs as. Otherwise the platform gives it one."""
    warm_pool: WarmPool | None = None
    """The pool of the class, of which the session may take a desktop."""
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets in the session's namespace: the class's, then the installation's."""
    refusals: tuple[str, ...] = ()
    """A sentence for each value in the spec that the class does not allow."""
    source_refused: bool = False
    """Whether one of the refusals is about the source of the scene, which another class may take."""
    refused_viewers: tuple[str, ...] = ()
    """The viewers whom the class does not allow. They get no grant, also while the desktop runs."""
    viewer_refusal: str = ""
    """A sentence about them, which is also among the refusals; empty if there are none."""
    volume_refusal: str = ""
    """What is said of a volume that is larger than the class allows; empty if it is not. It is neither made nor grown.
    A volume that was made before is used."""


def effective_settings(
    session: Session, session_class: SessionClass, installation: InstallationDefaults
) -> EffectiveSettings:
    """Compute the settings of a session. None is above what the class allows, not even one that is refused.

    Args:
        session: the session, whose spec comes first.
        session_class: its class, with defaults and ceilings.
        installation: the defaults where neither names a value.
    """
    spec, wanted = session_class.spec, session.spec
    lifetime, ceiling = spec.lifetime, spec.lifetime.ceiling
    requests, limits, refusals = _resources(session, session_class, installation)
    about_source = source_refusal(session, session_class)
    refused = refused_viewers(session, session_class)
    about_viewers = viewer_refusal(refused, session_class)
    about_people = [owner_refusal(session, session_class), about_viewers]
    in_sentences = [refusal for refusal in (*about_people, about_source) if refusal]
    return EffectiveSettings(
        image=spec.image or installation.image,
        image_pull_policy=installation.image_pull_policy,
        requests=requests,
        limits=limits,
        max_age=shorter(wanted.lifetime.max_age or lifetime.max_age, ceiling.max_age),
        idle_after=shorter(wanted.lifetime.idle_after or lifetime.idle_after, ceiling.idle_after),
        on_expiry=wanted.lifetime.on_expiry or _class_expiry(session, lifetime),
        start_deadline=spec.start_deadline,
        input=spec.input.model_copy(update=wanted.input.model_dump(exclude_none=True)),
        placement=_placement(session_class),
        class_limits=spec.limits,
        saving=spec.saving,
        egress=spec.egress,
        transfer=spec.transfer,
        fetch_networks=installation.fetch_networks,
        class_files=spec.files,
        fixed_user=installation.fixed_users,
        warm_pool=spec.warm_pool,
        image_pull_secrets=tuple(
            dict.fromkeys([*(secret.name for secret in spec.image_pull_secrets), *installation.image_pull_secrets])
        ),
        refusals=(*refusals, *beyond_class(session, session_class), *in_sentences),
        source_refused=bool(about_source),
        refused_viewers=refused,
        viewer_refusal=about_viewers,
        volume_refusal=beyond_volume(session, session_class),
    )


def _class_expiry(session: Session, of_class: ClassLifetime) -> Literal["Suspend", "Delete"]:
    """Return what an expiry does to a session that does not say. Only a session itself may have its files deleted."""
    if of_class.on_expiry == "Auto":
        # Without a workspace, a suspension would keep nothing.
        return "Delete" if session.files is Files.LOST else "Suspend"
    deletes = of_class.on_expiry == "Delete" and session.files is not Files.DELETED
    return "Delete" if deletes else "Suspend"


def _resources(
    session: Session, session_class: SessionClass, installation: InstallationDefaults
) -> tuple[Amounts, Amounts, list[str]]:
    """Return requests, limits, and why the class refuses what was asked for."""
    asked, of_class = session.spec.resources, session_class.spec.resources
    try:
        refusals = beyond_ceilings(asked, of_class, session_class.name)
        return (*container_resources(asked, of_class, installation), refusals)
    except ValueError as error:
        # The schema rejects malformed amounts. One that slipped past it must not stop the other sessions.
        return {}, {}, [f"The resources are malformed: {error}."]


def _placement(session_class: SessionClass) -> dict[str, Any]:
    spec = session_class.spec
    fields: dict[str, Any] = {
        "nodeSelector": spec.node_selector,
        "tolerations": list(spec.tolerations),
        "affinity": spec.affinity,
        "runtimeClassName": spec.runtime_class_name,
    }
    return {name: value for name, value in fields.items() if value}
