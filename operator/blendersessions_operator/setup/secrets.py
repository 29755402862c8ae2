"""Makes the release's Secrets, each once.

The chart is rendered many times, and a password that a rendering draws is another one each time.
"""

from __future__ import annotations

import logging
import secrets
import string
from typing import TYPE_CHECKING

from blendersessions.model.errors import Conflict
from blendersessions.model.secret_data import encode
from blendersessions_operator.setup.labels import labels_of

if TYPE_CHECKING:
    from blendersessions.clients.kubernetes.client import Kubernetes
    from blendersessions.model.manifest import Manifest
    from blendersessions_operator.setup.wanted import Wanted, WantedSecret

logger = logging.getLogger(__name__)

_CHARACTERS = string.ascii_letters + string.digits


async def make_secrets(kubernetes: Kubernetes, wanted: Wanted) -> None:
    """Make the Secrets that are not there. The account needs the right to create Secrets, and none to read them."""
    for secret in wanted.secrets:
        try:
            await kubernetes.create(_manifest(wanted, secret))
        except Conflict:
            logger.info("The Secret %s/%s is there, and stays as it is.", wanted.namespace, secret.name)
        else:
            logger.info("The Secret %s/%s was made.", wanted.namespace, secret.name)


def _manifest(wanted: Wanted, secret: WantedSecret) -> Manifest:
    drawn = {key: "".join(secrets.choice(_CHARACTERS) for _ in range(length)) for key, length in secret.random.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret.name, "namespace": wanted.namespace, "labels": labels_of(wanted)},
        "type": "Opaque",
        "data": {key: encode(value) for key, value in (secret.values | drawn).items()},
    }
