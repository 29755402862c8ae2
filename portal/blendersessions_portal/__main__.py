"""Run the portal: `python -m blendersessions_portal`."""

from __future__ import annotations

import asyncio
import logging
import sys

import uvicorn
from kubernetes.aio.config.config_exception import ConfigException
from pydantic import ValidationError

from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions.clients.kubernetes.client import connect
from blendersessions_portal.app import create_app
from blendersessions_portal.session_store import KubernetesSessionStore
from blendersessions_portal.settings import Settings, describe_faults

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
    try:
        settings = Settings()
    except ValidationError as invalid:
        for line in describe_faults(invalid):
            sys.stderr.write(f"{line}\n")
        return _USAGE_ERROR
    try:
        logging.getLogger().setLevel(settings.log_level)
        asyncio.run(_serve(settings))
    except (ValueError, ConfigException) as error:
        logger.critical("The portal cannot start: %s", error)
        return _USAGE_ERROR
    return 0


async def _serve(settings: Settings) -> None:
    gateway = await connect()
    guacamole = SignInClient(settings.guacamole_url, settings.guacamole_ca_file)
    try:
        app = create_app(
            store=KubernetesSessionStore(gateway, settings.namespace),
            guacamole=guacamole,
            cookie_key=settings.read_cookie_key(),
            public_url=settings.public_url,
            samples_dir=settings.samples_dir,
            max_sessions=settings.max_sessions,
            max_sessions_of_all=settings.max_sessions_of_all,
        )
        server = uvicorn.Config(
            app,
            host="",  # all addresses, of both families: a pod's port is reached through its Service
            port=settings.port,
            access_log=False,
            log_config=None,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        await uvicorn.Server(server).serve()
    finally:
        await guacamole.close()
        await gateway.close()


if __name__ == "__main__":
    sys.exit(main())
