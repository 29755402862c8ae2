"""Run the portal: `python -m blendersessions_portal`."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import uvicorn
from kubernetes.aio.config.config_exception import ConfigException
from pydantic import ValidationError

from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions.clients.kubernetes.client import connect
from blendersessions_portal.app import create_app
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.session_store import KubernetesSessionStore
from blendersessions_portal.session_watch import WATCHES, SessionWatch
from blendersessions_portal.settings import Settings, describe_faults
from blendersessions_portal.sign_on_settings import PREFIX, SignOnSettings

if TYPE_CHECKING:
    import socket

    from blendersessions_portal.live_parts import LiveParts

logger = logging.getLogger(__name__)

_USAGE_ERROR = 64
"""Exit code for a configuration that cannot be used (EX_USAGE in sysexits.h)."""
_SHUTDOWN_SECONDS = 5


def main() -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The exit code: 64 if the settings, the samples or the kubeconfig cannot be used, with what to change on
        standard error; else 0.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Its lines hold paths of requests, and a request that is sent again is not worth a warning.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    settings, sign_on, faults = _read_settings()
    if settings is None or sign_on is None:
        sys.stderr.writelines(f"{line}\n" for line in faults)
        return _USAGE_ERROR
    try:
        logging.getLogger().setLevel(settings.log_level)
        asyncio.run(_serve(settings, sign_on))
    except (ValueError, ConfigException) as error:
        logger.critical("The portal cannot start: %s", error)
        return _USAGE_ERROR
    return 0


def _read_settings() -> tuple[Settings | None, SignOnSettings | None, list[str]]:
    """Return the settings, and one line for each that is missing or wrong."""
    settings, sign_on = None, None
    faults: list[str] = []
    try:
        settings = Settings()
    except ValidationError as invalid:
        faults += describe_faults(invalid)
    try:
        sign_on = SignOnSettings()
    except ValidationError as invalid:
        faults += describe_faults(invalid, PREFIX)
    return settings, sign_on, faults


async def _serve(settings: Settings, sign_on: SignOnSettings) -> None:
    gateway = await connect(watches=WATCHES)
    guacamole = SignInClient(settings.guacamole_url, settings.guacamole_ca_file)
    cache = SessionCache()
    watch = SessionWatch(gateway, settings.namespace, cache)
    try:
        app = create_app(
            store=KubernetesSessionStore(gateway, settings.namespace, cache),
            guacamole=guacamole,
            cookie_key=settings.read_cookie_key(),
            public_url=settings.public_url,
            samples_dir=settings.samples_dir,
            max_sessions=settings.max_sessions,
            max_sessions_of_all=settings.max_sessions_of_all,
            sign_on=sign_on,
            cache=cache,
        )
        server = uvicorn.Config(
            app,
            host="",  # all addresses, of both families: a pod's port is reached through its Service
            port=settings.port,
            access_log=False,
            log_config=None,
            # Whom a connection comes from decides who may name people. No header changes it.
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        watch.start()
        await _Server(server, app.live).serve()
    finally:
        await watch.stop()
        await guacamole.close()
        await gateway.close()


class _Server(uvicorn.Server):
    """Ends the streams to open pages when it has to end. It would wait for them, and they have no end of their own."""

    def __init__(self, config: uvicorn.Config, live: LiveParts) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, and end those that are there."""
        self._live.close()
        await super().shutdown(sockets)


if __name__ == "__main__":
    sys.exit(main())
