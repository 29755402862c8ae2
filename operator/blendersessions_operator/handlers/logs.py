"""Logs as one JSON object a line."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from kopf._cogs.clients.errors import APIError

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Writes time, level, logger, message, and the session that the record is about, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        session = getattr(record, "session", None)
        if session:
            entry["session"] = session
        if record.exc_info and not isinstance(record.exc_info[1], APIError):
            # The message has the API server's answer. Kopf's traceback adds nothing.
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


def configure(level: str) -> None:
    """Send all logs to standard error as JSON; libraries log from WARNING on."""
    # The caller's name is not logged, and its look-up is half the cost of a record. A session logs a dozen records.
    logging._srcfile = None  # noqa: SLF001 - the documented way to leave it out
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("blendersessions", "blendersessions_operator"):
        logging.getLogger(name).setLevel(level)
    # Kopf logs each event that it hands on, at INFO.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # A repeated request to Guacamole needs no record, and the record would name its path.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle the event loop's errors while the process ends.

    Kopf leaves the generators of its watches to the loop, and some cannot be closed while they wait. That is harmless
    because the process ends, so it is logged at DEBUG and without a traceback.
    """
    if "asyncgen" in context:
        logger.debug("A watch did not end in order: %s", context.get("exception"))
    else:
        loop.default_exception_handler(context)
