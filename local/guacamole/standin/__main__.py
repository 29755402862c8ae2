"""Run the stand-in: ``python -m standin``."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from standin.app import create_app
from standin.settings import Settings, SettingsError

if TYPE_CHECKING:
    from types import FrameType

_log = logging.getLogger("standin")


def configuration(settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration for the stand-in.

    The access log is off and uvicorn logs from WARNING up. Both would write the query of a WebSocket, which holds a
    token.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    return uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        # Guacamole's servlet container closes a connection after 20 idle seconds, and clients must cope with that.
        timeout_keep_alive=20,
        timeout_graceful_shutdown=3,
        ws="websockets-sansio",
        # guacd's data is already compressed.
        ws_per_message_deflate=False,
    )


def _exit(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(0)


def main() -> int:
    """Run until a signal arrives, and return the exit code: 0, or 64 for a wrong setting."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    # guapy logs a line for each connection, and nobody needs it.
    logging.getLogger("guapy").setLevel(logging.WARNING)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        _log.error("%s", error)
        return 64
    _log.warning("This is a stand-in for Apache Guacamole, for local clusters and tests; never run it in production")
    # uvicorn raises the signal again after it has shut down. This handler makes the exit code 0 in that case too.
    signal.signal(signal.SIGTERM, _exit)
    uvicorn.Server(configuration(settings)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
