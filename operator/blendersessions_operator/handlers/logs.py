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
    """Writes time, level, logger, message, and the session if the line is about one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
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
            # The API server's answer says all; Kopf's traceback adds nothing.
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


def configure(level: str) -> None:
    """Send all logs to standard error as JSON; libraries log from WARNING on."""
    # The caller's name is not logged, and looking it up is half the cost of a line. A session is a dozen lines.
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
    # A request to Guacamole that is sent again is no news, and the line would name its path.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what the event loop reports while the process ends; installed as the loop's exception handler then.

    Kopf leaves the generators of its watches to the loop, and some cannot be closed while they wait. That is harmless,
    since the process ends anyway, so it is logged at DEBUG and without a traceback.
    """
    if "asyncgen" in context:
        logger.debug("A watch did not end in order: %s", context.get("exception"))
    else:
        loop.default_exception_handler(context)
