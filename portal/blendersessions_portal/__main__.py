"""Starts the portal: `python -m blendersessions_portal`."""

from __future__ import annotations

import logging
import sys

import uvicorn
from kubernetes import config
from kubernetes.client.api_client import ApiClient
from kubernetes.config.config_exception import ConfigException
from pydantic import ValidationError

from blendersessions_portal.app import create_app
from blendersessions_portal.settings import Settings
from blendersessions_portal.signin import GuacamoleRest
from blendersessions_portal.store import KubernetesSessionStore

logger = logging.getLogger(__name__)

_BAD_CONFIGURATION = 64
_SHUTDOWN_SECONDS = 5


def main() -> int:
    """Serve until a signal ends it.

    Returns:
        64 if the settings, the samples or the way to the cluster cannot be used; the log says what to change.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings()
        app = create_app(
            store=KubernetesSessionStore(_cluster(), settings.namespace),
            signin=GuacamoleRest(settings.guacamole_url, settings.guacamole_ca_file),
            cookie_key=settings.read_cookie_key(),
            public_url=settings.public_url,
            samples_dir=settings.samples_dir,
        )
    except (ValidationError, ValueError, ConfigException) as error:
        logger.critical("The portal cannot start: %s", error)
        return _BAD_CONFIGURATION
    logging.getLogger().setLevel(settings.log_level)
    # Of urllib3's debug lines some hold whole addresses.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 - a pod's port is reached through its Service
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return 0


def _cluster() -> ApiClient:
    """Connect as the pod's service account, or, outside a cluster, as KUBECONFIG says."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except ConfigException:
        config.load_kube_config()  # type: ignore[no-untyped-call]
    return ApiClient()


if __name__ == "__main__":
    sys.exit(main())
