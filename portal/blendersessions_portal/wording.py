"""What the reasons in a session's conditions mean to somebody who has never seen Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.status import KeepAliveReason
from blendersessions_portal.session_view import Files


@dataclass(frozen=True)
class Words:
    """What is wrong, in a few words, and what a person can do about it."""

    headline: str
    way_out: str


_TELL = "If this stays, show the details below to your administrator."

FAILURES: Final[dict[str, Words]] = {
    Reason.SCENE_NOT_FOUND: Words(
        "This scene does not exist",
        "The Blender that runs here has no scene of that name. Remove this session and choose another scene.",
    ),
    Reason.OWNER_TAKEN: Words(
        "Your name belongs to sessions elsewhere",
        "This browser's name at Guacamole was given to sessions in another place. Remove this session and open this"
        " portal in a private window, which gets a name of its own.",
    ),
    Reason.INVALID: Words(
        "This session cannot be served",
        "It asks for something that does not exist here. Remove it and start one from the scenes.",
    ),
    Reason.NAME_TAKEN: Words(
        "Something else has this session's name",
        "Remove this session and start a new one: that one gets a name of its own.",
    ),
}
"""Reasons of Stalled: waiting is of no use."""

UNKNOWN_FAILURE: Final = Words(
    "This session could not start",
    "Remove it and start a new one. If that fails too, show the details below to your administrator.",
)

_TRIED_AGAIN = Words("Blender has not come up yet", f"It is started again by itself. {_TELL}")
_NO_IMAGE = Words("Blender's image cannot be fetched", f"It is tried again by itself. {_TELL}")
_NO_WAY_IN = Words("The way into Blender is not open yet", f"Guacamole is asked again by itself. {_TELL}")

TROUBLES: Final[dict[str, Words]] = {
    "Unschedulable": Words(
        "The cluster is full",
        f"This session starts as soon as there is room. You can wait, or stop another one of yours. {_TELL}",
    ),
    Reason.DESKTOP_REFUSED: Words(
        "The cluster refuses another desktop",
        f"It may allow no more at a time. Stop another session of yours, and this one starts. {_TELL}",
    ),
    Reason.KUBERNETES_UNAVAILABLE: Words("The cluster is busy", f"It is asked again by itself. {_TELL}"),
    "ImagePullBackOff": _NO_IMAGE,
    "ErrImagePull": _NO_IMAGE,
    "DisplayFailed": _TRIED_AGAIN,
    "BlenderFailed": _TRIED_AGAIN,
    "ContainerFailed": _TRIED_AGAIN,
    "CrashLoopBackOff": _TRIED_AGAIN,
    "OOMKilled": _TRIED_AGAIN,
    "Error": _TRIED_AGAIN,
    Reason.GUACAMOLE_UNAVAILABLE: _NO_WAY_IN,
    Reason.GUACAMOLE_CREDENTIALS_REFUSED: _NO_WAY_IN,
    Reason.GUACAMOLE_REFUSED: _NO_WAY_IN,
}
"""Reasons for which a session waits, that a person should know of once they last."""

DEMANDS: Final[dict[str, Words]] = {
    Reason.CLASS_NOT_FOUND: Words(
        "This kind of session does not exist yet",
        "It asks for a class that nobody has made here. It starts by itself as soon as there is one: show the details"
        " below to your administrator, or stop it.",
    ),
}
"""Reasons of Ready for which somebody else has to act."""

QUEUE: Final = Words(
    "Waiting for its turn",
    "As many sessions run as are allowed. Yours starts by itself when another one ends; you can leave this page and"
    " come back.",
)

STEPS: Final = (
    (ConditionType.DESKTOP_READY, "Desktop", "Waits for a place in the cluster."),
    (ConditionType.SCENE_READY, "Scene", "Waits for the desktop."),
    (ConditionType.CONNECTION_READY, "Connection", "Waits to be registered in Guacamole."),
)
"""Condition, title, and what it waits for while the operator has not said anything."""

STARTING: Final = Words("Blender is starting", "This page opens Blender by itself as soon as it is there.")
SLOW: Final = Words(
    "Blender is starting",
    "This takes longer than usual. On a machine's first start the image has to be fetched; the steps say more.",
)
UNNOTICED: Final = Words(
    "Waiting to be taken up",
    "Nobody has taken this session up yet. If this stays, the operator may not be running: tell your administrator.",
)
SUSPENDING: Final = Words("Being suspended …", "Blender saves and stops. After that the session can be resumed.")
SUSPENDED: Final[dict[str, str]] = {
    Reason.REQUESTED: "Suspended",
    Reason.IDLE: "Suspended, because nobody worked in it",
    Reason.MAX_AGE: "Suspended, because its time was over",
}
"""Headlines by the reason of the suspension."""
RESUMED: Final = {
    Files.LOST: "It had no workspace: when you resume it, Blender opens the scene as it was at first.",
    Files.DELETED: "Its files are kept until you stop it. Resume it, and Blender opens the file that was open.",
    Files.KEPT: "Its files are kept. Resume it, and Blender opens the file that was open.",
}
"""What is there when it is resumed."""

KEPT_ALIVE: Final[dict[str, str]] = {
    KeepAliveReason.STARTING: "It has just started.",
    KeepAliveReason.INPUT: "You work in it: that keeps it alive.",
    KeepAliveReason.RENDER: "A render keeps it alive, also when this tab is closed.",
    KeepAliveReason.TUNNEL: (
        "It was opened in a browser. Only work in it keeps it alive for long, an open tab alone does not."
    ),
    KeepAliveReason.NOTHING: "Nobody works in it.",
}
"""By the operator's word for what keeps a session alive."""

EXPIRIES: Final[dict[str, str]] = {
    Reason.IDLE: "It ends {when} unless somebody works in it.",
    Reason.MAX_AGE: "Its time is over {when}, whatever happens in it.",
}
EXPIRY: Final = "It ends {when}."

LOSS: Final = {
    Files.LOST: "It has no workspace: what you make in it is lost when it stops.",
    Files.DELETED: "Its workspace keeps your files when it is suspended, and goes when it is stopped.",
    Files.KEPT: "",
}
"""What is lost at the end."""

STOPPING: Final = {
    Files.LOST: "Blender closes, and what you made in this session is lost.",
    Files.DELETED: "Blender closes, and the workspace goes with all files in it. To keep them, suspend the session.",
    Files.KEPT: "Blender saves and closes. The files in the workspace stay, the session goes.",
}
"""What a person should know before it is stopped."""

READY: Final = Words("Ready", "Blender opens now.")
ENDING: Final = Words("Ending …", "The desktop is shut down, and everything of this session goes.")
