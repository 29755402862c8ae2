"""Labels, annotations and the finalizer: every key that the operator writes or selects by."""

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
"""Label on the pod: what its class lets it reach; the chart's network policies select by it."""

SECRET = "blendersessions.io/secret"  # noqa: S105 - a label's key
"""Label on the Secret of a Guacamole user; its value is `user`."""
SECRET_USER = "user"  # noqa: S105 - a label's value

SESSION = "blendersessions.io/session"
"""Annotation: the session's name, for people. No label, since names may be longer than a label's value."""

GRANTED = "blendersessions.io/granted"
"""Annotation on the desktop's Secret: the Guacamole users who may have been granted, with commas, so that whoever is no
longer among the owner and the viewers is shut out, whenever that is noticed."""

CREDENTIALS = "blendersessions.io/credentials"
"""Annotation on the pod: a hash of the Secret's values that it was started with, for it reads them once."""

DESKTOP = "blendersessions.io/desktop"
"""Annotation on the pod: a hash of what it was made from, to see that the session asks for another one now."""

FINALIZER = "blendersessions.io/finalizer"
"""Held by a session until nothing of it is left in Guacamole."""

SELECTOR = f"{MANAGED_BY}={MANAGED_BY_VALUE}"
"""Selects everything that the operator made."""

FIELD_MANAGER = "blender-sessions-operator"
"""Owner of the fields that the operator applies."""
