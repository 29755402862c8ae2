"""Set up a release, as the chart's Job does: `python -m blendersessions_operator.setup`."""

from __future__ import annotations

import asyncio
import logging
import sys

from pydantic import ValidationError

from blendersessions.clients.kubernetes.client import connect
from blendersessions.model.errors import DomainError
from blendersessions_operator.setup.classes import apply_classes
from blendersessions_operator.setup.secrets import make_secrets
from blendersessions_operator.setup.wanted import Settings, Wanted

logger = logging.getLogger(__name__)

USAGE_ERROR = 2
SETUP_FAILED = 1


def main() -> int:
    """Make the Secrets and the classes, and return the exit code. Kubernetes starts a Job that failed again."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        wanted = Settings().setup
    except ValidationError as invalid:
        # Without the document's own values.
        for fault in invalid.errors(include_input=False):
            sys.stderr.write(f"BLENDERSESSIONS_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}\n")
        return USAGE_ERROR
    try:
        asyncio.run(_set_up(wanted))
    except DomainError as error:
        logger.critical("The release %s is not set up: %s", wanted.release, error)
        return SETUP_FAILED
    return 0


async def _set_up(wanted: Wanted) -> None:
    gateway = await connect()
    try:
        await make_secrets(gateway, wanted)
        await apply_classes(gateway, wanted)
    finally:
        await gateway.close()


if __name__ == "__main__":
    sys.exit(main())
