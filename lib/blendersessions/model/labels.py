"""Labels, annotations and the finalizer: all keys that the operator writes or selects by."""

from __future__ import annotations

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY_VALUE = "blender-sessions"
NAME = "app.kubernetes.io/name"
NAME_VALUE = "blender-desktop"

DESKTOP_NAME = "blendersessions.io/desktop-name"
"""Label: name of the desktop that an object is part of; the Service selects the pod by it."""

SESSION_UID = "blendersessions.io/session-uid"
"""Label: UID of the session that an object belongs to."""

EGRESS = "blendersessions.io/egress"
"""Label on the pod: the `egress` of its class; the network policies select by it."""

POOL = "blendersessions.io/pool"
"""Label on what was made for a pool: the name of its class. It stays when a session has taken the desktop."""

SECRET = "blendersessions.io/secret"  # noqa: S105 - a label's key
"""Label on the Secret of a Guacamole user; its value is `user`."""
SECRET_USER = "user"  # noqa: S105 - a label's value

SESSION = "blendersessions.io/session"
"""Annotation: the session's name, for users. Not a label, because names may be longer than a label's value."""

GRANTED = "blendersessions.io/granted"
"""Annotation on the desktop's Secret, or on a pod that was taken from a pool until the session has its Secret too: the
Guacamole users who may have a grant, separated by commas. Users who are neither owner nor viewer any more are found by
it, and their grants are revoked."""

WORKSPACE_FOR = "blendersessions.io/workspace-for"
"""Annotation on a volume claim that sessions name: the owners whose sessions may use it, separated by commas; `*`
allows every session of the namespace. The operator reads it and never sets it."""

SCENES_FOR = "blendersessions.io/scenes-for"
"""Annotation on a volume claim with scenes: the owners whose sessions may read it, as in `WORKSPACE_FOR`."""

CLASS_FILES_FOR = "blendersessions.io/class-files-for"
"""Annotation on a volume claim with extensions, start-up files or preferences: the classes that may use them, separated
by commas; `*` allows every class of the namespace. The operator reads it and never sets it."""

CREDENTIALS = "blendersessions.io/credentials"
"""Annotation on the pod: a hash of the Secret's values at its start. The pod reads them once."""

DESKTOP = "blendersessions.io/desktop"
"""Annotation on the pod: a hash of its spec at its creation. Another hash shows that the session's settings changed."""

POOL_SCENE = "blendersessions.io/pool-scene"
"""Annotation on the pod of a desktop that was made for a pool: the sample that it showed then."""

SHOWN = "blendersessions.io/shown"
"""Annotation on a pod that a session has taken from a pool: the session was ready with it, so a person may have worked
in it."""

FINALIZER = "blendersessions.io/finalizer"
"""Finalizer of a session. It stays until nothing of the session is left in Guacamole."""

SELECTOR = f"{MANAGED_BY}={MANAGED_BY_VALUE}"
"""Selects all objects that the operator made."""

FIELD_MANAGER = "blender-sessions-operator"
"""Field manager of the fields that the operator applies."""
