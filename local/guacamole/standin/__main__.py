"""``python -m standin`` runs the stand-in."""

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
    """Return how uvicorn serves the stand-in.

    Its access log is off and its own messages start at WARNING: both write the query of a WebSocket, and with it the
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
        # Apache closes an idle connection after 20 seconds; a client must live with that.
        timeout_keep_alive=20,
        timeout_graceful_shutdown=3,
        ws="websockets-sansio",
        # What guacd sends is compressed already.
        ws_per_message_deflate=False,
    )


def _exit(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(0)


def main() -> int:
    """Run until a signal; return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    # guapy logs a line per connection; nothing in it is for people.
    logging.getLogger("guapy").setLevel(logging.WARNING)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        _log.error("%s", error)
        return 64
    _log.warning("This is a stand-in for Apache Guacamole, for local clusters and tests; never run it in production")
    # uvicorn stops in order, and then raises the signal once more; that too is to end in order.
    signal.signal(signal.SIGTERM, _exit)
    uvicorn.Server(configuration(settings)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
