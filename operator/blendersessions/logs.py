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
            # What the API server answered says all; where Kopf was when it read that helps nobody.
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


def configure(level: str) -> None:
    """Send all logs to standard error as JSON; the libraries speak only from WARNING on."""
    # What no line says is not looked up: a session is a dozen lines, and the caller's name alone half the cost of one.
    logging._srcfile = None  # noqa: SLF001 - the documented way to leave it out
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("blendersessions").setLevel(level)
    # Kopf reports each event that it hands on, at INFO.
    logging.getLogger("kopf").setLevel(logging.WARNING)


def closing_quietly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle what the event loop reports while the process ends, in place of its own handler.

    Kopf leaves the generators of its watches to the loop, and some do not let themselves be closed while they wait.
    The process ends anyway, so that a traceback on each such SIGTERM would only send people looking for a fault.
    """
    if "asyncgen" in context:
        logger.debug("A watch did not end in order: %s", context.get("exception"))
    else:
        loop.default_exception_handler(context)
