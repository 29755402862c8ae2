"""The words of the pages, for people who have never seen Kubernetes: reasons of conditions, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.files import Files
from blendersessions.model.status import KeepAliveReason


@dataclass(frozen=True)
class Words:
    """What happens, in a few words, and what it means or what a person can do about it."""

    headline: str
    way_out: str


_ASK_FOR_HELP = "If this does not change, show the details below to your administrator."

_DOES_NOT_START = Words(
    "Blender does not start",
    "It was tried several times, and ended each time. Remove this session and start a new one. If that fails too, show"
    " the details below to your administrator.",
)
_NO_BLENDER = Words(
    "There is no Blender for this kind of session",
    "The Blender that it asks for cannot be found. Show the details below to your administrator. Or remove the session"
    " and start one of another kind.",
)

FAILURES: Final[dict[str, Words]] = {
    Reason.SCENE_NOT_FOUND: Words(
        "This scene does not exist",
        "Blender has no scene of this name here. Remove this session and choose another scene.",
    ),
    Reason.SCENE_NOT_ALLOWED: Words(
        "This session may not use its scene",
        "The disk that has the scene is not meant for you. Show the details below to your administrator. Or remove"
        " the session.",
    ),
    Reason.CLASS_FILES_NOT_ALLOWED: Words(
        "This kind of session may not use its files",
        "It brings add-ons, a start-up file or preferences along, from a disk that is not meant for it. Show the"
        " details below to your administrator. Or remove the session.",
    ),
    Reason.SCENE_UNREACHABLE: Words(
        "The file could not be fetched",
        "Check that the address leads to the file itself, without a sign-in, and that the server can be reached from"
        " the internet. Then remove this session and open the right address. Or download the file, and open it as your"
        " own.",
    ),
    Reason.SCENE_TOO_LARGE: Words(
        "The file is too large",
        "Remove this session and open a smaller file. In Blender, File > Clean Up and compressed saving make a file"
        " smaller. Your administrator can allow larger ones.",
    ),
    Reason.NO_ROOM_FOR_SCENE: Words(
        "There is no room for the file",
        "Delete files that you no longer need here. Then suspend the session, and resume it: the file"
        " is brought in once more. Your administrator can give it more room.",
    ),
    Reason.SCENE_CHECKSUM_MISMATCH: Words(
        "The file is not the one that was expected",
        "Its checksum is another one, so it was not opened: it may have changed, or the download was damaged. Remove"
        " this session and try again, or ask who gave you the address.",
    ),
    Reason.SCENE_UNREADABLE: Words(
        "Blender cannot read this file",
        "It takes a .blend file, or a .zip with one .blend at its top. Remove this session and choose another file. If"
        " Blender on your own computer opens it, save it there anew first.",
    ),
    Reason.SCENE_TOO_NEW: Words(
        "This file needs a newer Blender",
        "It was saved by a newer Blender than the one here, which the details below name. Save it in a Blender of that"
        " version, or ask your administrator for a session with a newer one.",
    ),
    Reason.UPLOAD_TIMED_OUT: Words(
        "Your file did not come in time",
        "You can still send it below. Or remove the session, if you no longer need it.",
    ),
    Reason.OWNER_TAKEN: Words(
        "Your user name is in use elsewhere",
        "Sessions in another place go by the same user name as yours here. Remove this session. Then open"
        " this portal in a private window, which gets another name.",
    ),
    Reason.WORKSPACE_NOT_ALLOWED: Words(
        "This session may not use its workspace",
        "The disk that it names is not meant for you. Show the details below to your administrator: the session"
        " starts automatically as soon as the disk is meant for you. Or remove the session.",
    ),
    Reason.INVALID: Words(
        "This session cannot be started",
        "It asks for something that does not exist here. Remove it and start one from the list of scenes.",
    ),
    Reason.NAME_TAKEN: Words(
        "This session's name is already in use",
        "Remove this session and start a new one, which gets another name.",
    ),
    Reason.OWNER_NOT_ALLOWED: Words(
        "Your user name may not have sessions here",
        "Your account was made by an administrator, and is not let in here yet. Show the details below to your"
        " administrator. Or remove the session.",
    ),
    Reason.GROUP_TAKEN: Words(
        "The way to Blender cannot be set up",
        "Something else uses its place. You did nothing wrong, and only your administrator can set it right: show them"
        " the details below.",
    ),
    Reason.BEYOND_CLASS: Words(
        "This session asks for more than it may have",
        "Sessions of its kind have less. Remove it and start one from the list of scenes, or ask your administrator for"
        " more. The details below say what it is about.",
    ),
    Reason.UNCONFINED: Words(
        "No session may start here now",
        "What keeps sessions apart from each other is not in place, so none is started. Show the details below to your"
        " administrator. When that is set right, the session starts automatically.",
    ),
    Reason.START_DEADLINE_EXCEEDED: Words(
        "This start takes too long",
        "Blender is still not ready. It is tried further, so you can look at this page again in a while. Or remove the"
        " session and start a new one. If that takes too long as well, show the details below to your administrator.",
    ),
    Reason.OUT_OF_MEMORY: Words(
        "Blender needs more memory than this session has",
        "It was tried several times, and ended each time. Remove this session and open a smaller scene, or ask your"
        " administrator for more memory.",
    ),
    "BlenderFailed": _DOES_NOT_START,
    "DisplayFailed": _DOES_NOT_START,
    "ContainerFailed": _DOES_NOT_START,
    "CrashLoopBackOff": _DOES_NOT_START,
    "Error": _DOES_NOT_START,
    "InvalidImageName": _NO_BLENDER,
    "ErrImageNeverPull": _NO_BLENDER,
}
"""By the reason of Stalled. The session does not become ready until somebody acts."""

_ANOTHER_FILE: Final = "Choose another file."
_ANOTHER_ADDRESS: Final = "Choose another address, or send the file yourself."
SCENE_FAILURES: Final[dict[str, str]] = {
    Reason.SCENE_NOT_FOUND: "This scene is not there. Choose another one.",
    Reason.SCENE_NOT_ALLOWED: "This scene is not meant for this session. Choose another one.",
    Reason.SCENE_UNREACHABLE: f"Nothing could be fetched from this address. {_ANOTHER_ADDRESS}",
    Reason.SCENE_TOO_LARGE: f"This file is larger than what fits in here. {_ANOTHER_FILE}",
    Reason.NO_ROOM_FOR_SCENE: (
        "There is no room for this file. Choose another one, or make room and suspend and resume the session."
    ),
    Reason.SCENE_CHECKSUM_MISMATCH: f"The file at this address has changed or was damaged. {_ANOTHER_ADDRESS}",
    Reason.SCENE_UNREADABLE: f"Blender cannot open this file. {_ANOTHER_FILE}",
    Reason.SCENE_TOO_NEW: "A newer Blender saved this file. Choose another file, or save it in an older one.",
    Reason.UPLOAD_TIMED_OUT: "No file came in time. Choose one now: it is still taken.",
}
"""What the step of the scene says, by the reason of its failure. The message is for whoever can change the session's
spec, and quotes the desktop, so the page has it folded away."""

UNKNOWN_FAILURE: Final = Words(
    "This session could not start",
    "Remove it and start a new one. If that fails too, show the details below to your administrator.",
)

_NOT_STARTED = Words("Blender has not started yet", f"It is started again automatically. {_ASK_FOR_HELP}")
_NO_IMAGE = Words("Blender cannot be downloaded", f"The download is tried again automatically. {_ASK_FOR_HELP}")
_NO_CONNECTION = Words(
    "The connection to Blender is not ready yet", f"It is tried again automatically. {_ASK_FOR_HELP}"
)

_NO_MEMORY = Words(
    "Blender needed more memory than this session has",
    "It is started again automatically. If it happens again with your scene, ask your administrator for more memory.",
)

DELAYS: Final[dict[str, Words]] = {
    "Unschedulable": Words(
        "The cluster is full",
        "This session starts as soon as there is room. You can wait, or stop another one of your sessions."
        f" {_ASK_FOR_HELP}",
    ),
    Reason.DESKTOP_REFUSED: Words(
        "The cluster refuses another desktop",
        f"There may be too many. Stop another one of your sessions, and this one starts. {_ASK_FOR_HELP}",
    ),
    Reason.KUBERNETES_UNAVAILABLE: Words(
        "The cluster does not answer", f"It is asked again automatically. {_ASK_FOR_HELP}"
    ),
    "ImagePullBackOff": _NO_IMAGE,
    "ErrImagePull": _NO_IMAGE,
    "DisplayFailed": _NOT_STARTED,
    "BlenderFailed": _NOT_STARTED,
    "ContainerFailed": _NOT_STARTED,
    "CrashLoopBackOff": _NOT_STARTED,
    Reason.OUT_OF_MEMORY: _NO_MEMORY,
    Reason.EVICTED: Words(
        "The desktop was stopped, and starts again",
        f"A folder was full, or its machine is serviced. The details below say which. {_ASK_FOR_HELP}",
    ),
    Reason.NODE_LOST: Words(
        "The machine of this desktop does not answer",
        "The session starts again when the cluster has given the machine up. That may take an administrator: show them"
        " the details below.",
    ),
    Reason.WORKSPACE_IN_USE: Words(
        "Another session uses this workspace",
        "Two desktops on one workspace would overwrite each other. This session starts automatically when the one below"
        " is suspended or stopped.",
    ),
    "Error": _NOT_STARTED,
    Reason.GUACAMOLE_UNAVAILABLE: _NO_CONNECTION,
    Reason.GUACAMOLE_CREDENTIALS_REFUSED: _NO_CONNECTION,
    Reason.GUACAMOLE_REFUSED: _NO_CONNECTION,
    Reason.GUACD_UNAVAILABLE: _NO_CONNECTION,
}
"""By the reason of a step that is not done. The page shows them when the step lasts long."""

NEEDS_ADMINISTRATOR: Final[dict[str, Words]] = {
    Reason.CLASS_NOT_FOUND: Words(
        "This kind of session does not exist yet",
        "The session asks for a class that is not set up here. It starts automatically as soon as the class exists."
        " Show the details below to your administrator, or stop the session.",
    ),
    Reason.WORKSPACE_NOT_FOUND: Words(
        "The workspace of this session does not exist yet",
        "The session names a volume that is not there. It starts automatically as soon as there is one that allows it."
        " Show the details below to your administrator, or stop the session.",
    ),
    Reason.CLASS_FILES_NOT_FOUND: Words(
        "Files that belong to this kind of session are missing",
        "It brings add-ons, a start-up file or preferences along, and they are not there yet. It starts automatically"
        " as soon as they are. Show the details below to your administrator, or stop the session.",
    ),
}
"""By the reason of Ready. The session starts when an administrator has acted."""

QUEUE: Final = Words(
    "Waiting for its turn",
    "All places for sessions are taken. Yours starts automatically when another one ends. You can leave this page and"
    " come back.",
)

STEPS: Final = (
    (ConditionType.DESKTOP_READY, "Desktop", "Waiting for a place in the cluster."),
    (ConditionType.SCENE_READY, "Scene", "Waiting for the desktop."),
    (ConditionType.CONNECTION_READY, "Connection", "Waiting for Guacamole."),
)
"""Condition, title, and what the step waits for, until the operator reports a message."""

AWAITING: Final = Words(
    "Blender waits for your file",
    "Choose it below. Blender checks it and opens it at once, with the textures of a .zip.",
)
FETCHING: Final = Words(
    "Blender fetches your file", "This page opens Blender automatically when the file is there and can be read."
)
YOUR_FILE: Final = "Waiting for your file."
"""What the step of a scene says that the person is to send."""
NO_UPLOADS: Final = "Files of your own cannot be sent to Blender here: your administrator has switched that off."
HOW_TO_REPLACE: Final = "Tick “Replace a file of the same name”, or give the file another name."
NO_DOWNLOADS: Final = "Files cannot be taken out here: your administrator has switched that off."
NO_ADDRESSES: Final = (
    "Blender fetches no files from addresses here, since its desktops have no way to the internet. Download the file,"
    " and open it as your own."
)
STARTING: Final = Words("Blender is starting", "This page opens Blender automatically when it is ready.")
SLOW: Final = Words(
    "Blender is starting",
    "This takes longer than usual. The first start on a machine downloads Blender. The steps below show what happens.",
)
UNNOTICED: Final = Words(
    "Waiting for the operator",
    "It has not noticed what was asked of this session. Nothing is lost, and it goes on by itself. If this does not"
    " change, tell your administrator: the operator may not be running.",
)
NOT_CURRENT: Final = (
    "This may be out of date: there has been no news from the cluster since {since} UTC. The page goes on trying."
)
NO_STATUS: Final = Words(
    "Waiting for the start",
    "Nothing has happened yet. If this does not change, tell your administrator: the operator may not be running.",
)
_SAVES: Final = Words("Suspending …", "Blender saves and stops. Then you can resume the session.")
SUSPENDING: Final = {
    Files.LOST: Words("Suspending …", "Blender stops. Without a workspace, nothing in it is kept."),
    Files.DELETED: _SAVES,
    Files.KEPT: _SAVES,
}
NOT_SUSPENDED: Final = "The desktop still runs"
"""Headline while something holds up a suspension."""
SUSPENDED: Final[dict[str, str]] = {
    Reason.REQUESTED: "Suspended",
    Reason.IDLE: "Suspended because nobody worked in it",
    Reason.MAX_AGE: "Suspended because its time was over",
}
"""Headlines by the reason of the suspension."""
AFTER_RESUME: Final = {
    Files.LOST: "It had no workspace, so your work is lost. When you resume it, Blender opens the original scene.",
    Files.DELETED: "Your files are kept until you stop it. When you resume it, Blender opens the file that was open.",
    Files.KEPT: "Your files are kept. When you resume it, Blender opens the file that was open.",
}
"""What a person finds after a resume."""
_ASK: Final = "Only your administrator can start it again."
HELD: Final = {
    Files.LOST: f"It had no workspace, so your work is lost. {_ASK}",
    Files.DELETED: f"Your files are kept until you stop it. {_ASK}",
    Files.KEPT: f"Your files are kept. {_ASK}",
}
"""What a person finds who may not resume the session, because its spec suspends it."""

NOT_SAVED: Final = "The last save before the stop failed, so your last changes may be missing: {why} "
"""Comes before what a person finds after a resume."""

CONNECTED: Final[dict[int, str]] = {
    0: "It is open in no browser now.",
    1: "It is open in one browser now.",
}
CONNECTED_MORE: Final = "It is open in {users} browsers now."
"""Who is in a session, people who only look on among them."""

KEPT_ALIVE: Final[dict[str, str]] = {
    KeepAliveReason.STARTING: "This session has just started.",
    KeepAliveReason.INPUT: "Your work keeps this session running.",
    KeepAliveReason.RENDER: "A render keeps this session running, even if you close this tab.",
    KeepAliveReason.BAKE: "A bake keeps this session running, even if you close this tab.",
    KeepAliveReason.SIMULATION: "A simulation keeps this session running, even if you close this tab.",
    KeepAliveReason.OPERATION: "Blender works on something long, which keeps this session running.",
    KeepAliveReason.TUNNEL: (
        "This session was opened in a browser. Only work keeps it running for long. An open tab alone does not."
    ),
    KeepAliveReason.NOTHING: "Nobody is working in this session.",
}
"""By the operator's reason why a session is not idle."""

EXPIRIES: Final[dict[str, str]] = {
    Reason.IDLE: "It ends {when} unless somebody works in it.",
    Reason.MAX_AGE: "Its time is over {when}, even if somebody works in it.",
}
"""When a session ends by itself, by the operator's reason."""
EXPIRY: Final = "It ends {when}."

KEEPING: Final = {
    Files.LOST: "This session has no workspace: your work is lost when it stops.",
    Files.DELETED: "Suspend keeps your work. Stop deletes it with the workspace.",
    Files.KEPT: "Your work is kept in the workspace, also when you stop the session.",
}
"""What becomes of a person's work, said while the session runs."""

SUSPEND: Final = {
    Files.LOST: "Blender stops, and your work in this session is lost.",
    Files.DELETED: "Blender saves and stops. Your files are kept in the workspace until you stop the session.",
    Files.KEPT: "Blender saves and stops. Your files are kept in the workspace.",
}
"""What a person should know before suspending a session."""

DUPLICATE: Final = (
    "Another session starts with the same scene, as it was at the beginning, on the same kind of desktop. Your work and"
    " your files stay in this session: they are not copied."
)
DUPLICATE_UPLOAD: Final = (
    "Another session starts on the same kind of desktop, and waits for your file. Your files stay in this session: they"
    " are not copied. Send the file again, or first take out what you made of it, by Files."
)
DUPLICATE_HAS_NO_WORKSPACE: Final = "The other session has no workspace, so your work in it is lost when it stops."
"""What a person should know before starting another session like one."""

STOP: Final = {
    Files.LOST: "Blender closes, and your work in this session is lost.",
    Files.DELETED: (
        "Blender closes, and the workspace is deleted with all your files. To keep them, suspend the session instead."
    ),
    Files.KEPT: "Blender saves and closes. The files in the workspace stay. The session is deleted.",
}
"""What a person should know before stopping a session that runs or starts."""
STOP_SUSPENDED: Final = {
    Files.LOST: "The session is deleted. Without a workspace, nothing of it was kept.",
    Files.DELETED: "The workspace is deleted with all your files. To keep them, leave the session suspended.",
    Files.KEPT: "The session is deleted. The files in the workspace stay.",
}
STOP_FAILED: Final = {
    Files.LOST: "The session is deleted, and what was made in it is lost.",
    Files.DELETED: (
        "The workspace is deleted with all your files. To keep them, leave the session as it is, and show this page to"
        " your administrator."
    ),
    Files.KEPT: "The session is deleted. The files in the workspace stay.",
}

RESTARTED: Final[dict[str, str]] = {
    Reason.OUT_OF_MEMORY: "Your desktop was restarted at {at}, because its memory was full.",
    Reason.EVICTED: "Your desktop was replaced at {at}, because its place was taken away.",
    Reason.NODE_LOST: "Your desktop was replaced at {at}, because its machine did not answer.",
}
"""What happened, by the reason why a desktop ended. The operator's message about the cause follows."""
RESTARTED_OTHERWISE: Final = "Your desktop was restarted at {at}."

OWN_REASONS: Final = frozenset(Reason) - {
    Reason.DESKTOP_REFUSED,
    Reason.KUBERNETES_UNAVAILABLE,
    Reason.GUACAMOLE_UNAVAILABLE,
    Reason.GUACAMOLE_CREDENTIALS_REFUSED,
    Reason.GUACAMOLE_REFUSED,
    Reason.GUACD_UNAVAILABLE,
    Reason.NODE_LOST,
    Reason.CLASS_INVALID,
    Reason.START_DEADLINE_EXCEEDED,
}
"""Reasons whose messages are the operator's own words. The others quote the cluster or Guacamole."""
STOPPED_HERE: Final = "The start stopped here."
"""What the step says at which a start failed, if there is no more to say of it than the headline says."""
NOT_DONE: Final = "Not done."
"""What the other steps of a start that failed say."""
NO_REASON: Final = "No reason was given."
"""What the details of a step say where there is nothing else."""
DONE: Final = "Done."
"""What a step that is done says."""
REASON_ALONE: Final = "The cluster reports {reason}."
DELETION_WAITS: Final = "The session is deleted as soon as nothing of it is left. It waits because of {reason}."

READY: Final = Words("Ready", "Blender opens now.")
ENDING: Final = Words("Ending …", "The desktop shuts down, and the session is deleted.")
