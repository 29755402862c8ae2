"""An installation for tests of chaos: Guacamole is behind faults, and operators that ended are started again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from apiserver.guacamole_admin import GuacamoleAdmin
from apiserver.installation import Installation
from apiserver.repetition import repeated
from apiserver.replicas import Replicas, replicated
from apiserver.tcp_proxy import DirectAddress
from contract.faults import Faults, before
from contract.standins import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from apiserver.api import Api

LEASE_SECONDS = 4
CONVERGENCE_SECONDS = 300.0
Chaos = tuple[Installation, Faults, Replicas]


@contextlib.contextmanager
def chaotic(
    api: Api,
    folder: Path,
    faults: Faults,
    kubelet: Callable[[Installation], contextlib.AbstractContextManager[object]],
) -> Iterator[Chaos]:
    """Make an installation with two operators that are started whenever they do not run, and with a kubelet."""
    with running() as guacamole, before(guacamole.url, faults):
        admin = GuacamoleAdmin(guacamole.url, guacamole.username, guacamole.password)
        settings = {"BLENDERSESSIONS_SWEEP_GRACE_SECONDS": "5"}
        installation = Installation(
            api, api.create_namespace(), DirectAddress(faults.url), admin, folder, settings=settings
        )
        installation.write_password(guacamole.password)
        with replicated(installation, faults.url, LEASE_SECONDS) as replicas:
            try:
                with kubelet(installation), repeated(replicas.start_what_ended, "starter"):
                    yield installation, faults, replicas
            finally:
                installation.end()
                admin.close()
        installation.statuses.check()
