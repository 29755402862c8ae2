"""Run the operator: `python -m blendersessions_operator`."""

from __future__ import annotations

import gc
import logging
import sys

from pydantic import ValidationError

from blendersessions_operator.handlers import logs
from blendersessions_operator.handlers.run import run
from blendersessions_operator.settings import Settings

logger = logging.getLogger("blendersessions")

USAGE_ERROR = 2
OPERATOR_FAILED = 1


def main() -> None:
    """Read the settings, and run until SIGTERM."""
    try:
        settings = Settings()
    except ValidationError as invalid:
        for fault in invalid.errors():
            name = "BLENDERSESSIONS_" + "_".join(str(step) for step in fault["loc"]).upper()
            sys.stderr.write(f"{name}: {fault['msg']}. See docs/interfaces.md for the operator's settings.\n")
        sys.exit(USAGE_ERROR)
    # Most allocated objects are decoded JSON, which has no cycles. With the default thresholds the search for cycles
    # takes a tenth of the time of a burst.
    gc.set_threshold(20_000, 20, 20)
    gc.freeze()
    logs.configure(settings.log_level)
    if failure := run(settings):
        logger.critical(
            "%s Check that the CRDs are applied, and that the operator's account has the rights of the chart. The "
            "operator ends, and Kubernetes starts it again.",
            failure,
        )
        sys.exit(OPERATOR_FAILED)


if __name__ == "__main__":
    main()
