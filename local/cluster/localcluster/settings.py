"""The settings that a cluster keeps from one run to the next: its ports and its slot of addresses."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from localcluster import network
from localcluster.addresses import Addresses, choose_slot
from localcluster.errors import LocalClusterError

# By a cluster's name: the HTTP port and the API port on 127.0.0.1. A cluster with another name has no default.
_PORTS = {"demo": (8080, 6443), "test": (18080, 16443)}
_FILE = "settings.json"


@dataclass(frozen=True)
class Settings:
    """The slot and the ports that were chosen when the cluster was started."""

    slot: int
    http_port: int
    api_port: int

    @property
    def addresses(self) -> Addresses:
        """The cluster's addresses."""
        return Addresses(self.slot)


def ports(name: str, http_port: int | None, api_port: int | None) -> tuple[int, int]:
    """Return the ports on 127.0.0.1 for the portal and the API: the given ones, or the defaults for this name.

    Raises:
        LocalClusterError: there is no default for this name, or both ports are the same.
    """
    default_http, default_api = _PORTS.get(name, (None, None))
    http, api = http_port or default_http, api_port or default_api
    if http is None or api is None:
        raise LocalClusterError(f"Cluster {name!r} has no default ports. Add --http-port and --api-port.")
    if http == api:
        raise LocalClusterError(f"--http-port and --api-port are both {http}. Choose two different ports.")
    return http, api


def read(state: Path) -> Settings | None:
    """Return the settings in a cluster's folder, and None if there are none or they are unreadable."""
    try:
        return Settings(**json.loads((state / _FILE).read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def choose(state: Path, http_port: int, api_port: int, *, runs: bool) -> Settings:
    """Choose a slot, and write the settings to the cluster's folder.

    Args:
        state: the cluster's folder, beside the folders of other clusters.
        http_port: the port on 127.0.0.1 for the portal.
        api_port: the port on 127.0.0.1 for the API.
        runs: whether the node runs. If so, the slot stays the same.

    Raises:
        LocalClusterError: no slot is free.
    """
    old, others = read(state), _slots_of_others(state)
    if old is not None and (runs or _is_free(old.slot, others)):
        slot = old.slot
    else:
        slot = choose_slot(others, network.host_routes())
    settings = Settings(slot, http_port, api_port)
    (state / _FILE).write_text(json.dumps(asdict(settings)))
    return settings


def _is_free(slot: int, others: set[int]) -> bool:
    block = Addresses(slot).block
    return slot not in others and not any(block.overlaps(route) for route in network.host_routes())


def _slots_of_others(state: Path) -> set[int]:
    others = (folder for folder in state.parent.iterdir() if folder != state)
    return {settings.slot for folder in others if (settings := read(folder)) is not None}
