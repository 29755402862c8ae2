"""The words of the administrators' pages. They speak of other people's sessions."""

from __future__ import annotations

from typing import Final

from blendersessions.model.files import Files
from blendersessions_portal.progress import State

STATES: Final[dict[State, str]] = {
    State.WAITING: "Starting",
    State.WORKING: "Starting",
    State.QUEUED: "In the line",
    State.AWAITING: "Waits for a file",
    State.READY: "Ready",
    State.FAILED: "Failed",
    State.SUSPENDING: "Being suspended",
    State.SUSPENDED: "Suspended",
    State.ENDING: "Ending",
}
SUSPEND: Final = {
    Files.LOST: "Blender stops, and the owner's work is lost.",
    Files.DELETED: "Blender saves and stops. The owner's files are kept in the workspace until the session is stopped.",
    Files.KEPT: "Blender saves and stops. The owner's files are kept in the workspace.",
}
"""What an administrator should know before suspending somebody's session."""
STOP: Final = {
    Files.LOST: "The session is deleted, and the owner's work in it is lost.",
    Files.DELETED: (
        "The session is deleted, and its workspace with all the owner's files. To keep them, suspend the session"
        " instead, or leave it suspended."
    ),
    Files.KEPT: "Blender saves and closes if it runs, and the session is deleted. The files in the workspace stay.",
}
"""What an administrator should know before stopping somebody's session."""

OTHER_SESSION: Final = (
    "The session “{name}” of your page is gone, and its name belongs to a new one, which was left alone. Load the page"
    " of all sessions again."
)
NOT_SUSPENDABLE: Final = (
    "Session “{name}” cannot be suspended. Either it does not run, or it has no workspace and the owner's work would be"
    " lost. Stop the session if nobody needs it."
)
NOT_RESUMABLE: Final = (
    "Session “{name}” cannot be resumed: it is not suspended, or its suspension has not ended yet. Load the page of all"
    " sessions again."
)
HELD: Final = (
    "Session “{name}” cannot be resumed here: it is suspended in its spec, which the portal may not change. Set"
    " spec.suspend to false with kubectl."
)

POOLS: Final = {
    "PoolFull": "As many desktops wait as the class wants.",
    "PoolFilling": "Desktops are being started.",
    "PoolWaiting": "Sessions wait for room and come first, so no desktop is made for the pool.",
    "PoolFailing": "A desktop of the pool does not start. The status of the class says why.",
    "PoolRefused": "The cluster makes no desktop for the pool. The status of the class says why.",
    "PoolBlocked": "Kubernetes or Guacamole does not answer. It is tried again automatically.",
    "PoolScheduleInvalid": "A part of the schedule cannot be read, and counts as left out.",
    "PoolClassInvalid": "The class cannot be read, so no session of it starts. The pool stays as it is.",
}
"""By the reason in the status of a class (docs/pools.md). The message quotes the cluster, so the page leaves it out."""
NO_POOL: Final = "The class has no pool."
POOL_NOT_REPORTED: Final = "Nothing was reported of the pool yet. The operator may not be running."
NO_SUCH_CLASS: Final = "There is no such class. Its sessions start as soon as there is one."
BUILT_IN: Final = "The built-in class, since nobody made one of this name. It has no pool."

MESSAGE: Final = "From your administrator: {text}"
"""What stands on the desktop."""
MAX_MESSAGE_CHARACTERS: Final = 400
"""Of a message. With what comes before it, an agent takes 500."""
NO_MESSAGE: Final = "The message to session “{name}” is empty. Write at least one word."
LONG_MESSAGE: Final = "The message to session “{name}” is too long: it has {length} characters, and {most} may be."
NO_DESKTOP: Final = "Session “{name}” has no desktop at the moment that could show the message."
NOT_SHOWN: Final = (
    "The desktop of session “{name}” does not answer, or did not show the message. Try again in a moment: load the page"
    " of all sessions again."
)
