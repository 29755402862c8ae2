"""Run the operator: `python -m blendersessions`."""

from __future__ import annotations

import gc
import logging
import socket
import sys
import warnings

import kopf
from kopf._cogs.clients.errors import APIError
from pydantic import ValidationError

from blendersessions import logs
from blendersessions.handlers.context import Operator
from blendersessions.handlers.lifecycle import build_registry
from blendersessions.settings import Settings

logger = logging.getLogger("blendersessions")

USAGE_ERROR = 2
REFUSED = 1


def main() -> None:
    """Read the settings, and run until SIGTERM."""
    try:
        settings = Settings()
    except ValidationError as invalid:
        for fault in invalid.errors():
            name = "BLENDERSESSIONS_" + "_".join(str(step) for step in fault["loc"]).upper()
            sys.stderr.write(f"{name}: {fault['msg']}. See docs/interfaces.md for the operator's settings.\n")
        sys.exit(USAGE_ERROR)
    # Nearly all that is allocated are objects as JSON has them, without cycles: by default, looking for some takes a
    # tenth of the time of a burst.
    gc.set_threshold(20_000, 20, 20)
    gc.freeze()
    logs.configure(settings.log_level)
    memo = Operator(settings)
    run(memo)
    if memo.reason:
        logger.critical(
            "%s See that the CRDs are applied, and that the operator's account has the rights of the chart. The "
            "operator ends, for Kubernetes to start it again.",
            memo.reason,
        )
        sys.exit(REFUSED)


def run(memo: Operator) -> None:
    """Run until SIGTERM, or until the operator cannot go on, for `memo.reason`."""
    settings = memo.settings
    namespaces = settings.namespace_list
    try:
        kopf.run(
            registry=build_registry(),
            memo=memo,
            # Kopf would ask for the name of the account, and in a container there is none.
            identity=socket.gethostname(),  # type: ignore[arg-type]  # a NewType that Kopf does not export
            stop_flag=memo.ending,
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
        )
    except APIError as error:
        # Kopf watches no more what was refused once: better to begin anew than to sit there and see nothing.
        memo.reason = f"A watch failed for good (HTTP status {error.status}: {error})."
        # Kopf leaves its other watches open then, and the process ends anyway.
        warnings.simplefilter("ignore", ResourceWarning)


if __name__ == "__main__":
    main()
