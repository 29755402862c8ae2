"""Our CRDs, applied as an administrator does, and waited for until the API server serves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from apiserver.api import Api, ApiError
from waiting import until

FOLDER = Path(__file__).parents[2] / "crds"


def serve_all(api: Api) -> None:
    """Apply every CRD."""
    for crd in load():
        serve(api, crd)


def load() -> list[dict[str, Any]]:
    """Read every CRD."""
    return [yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))]


def serve(api: Api, crd: dict[str, object]) -> None:
    """Apply a CRD and wait until the API server serves it."""
    api.apply(crd)

    def established() -> dict[str, object] | None:
        found = api.request("GET", api.path(crd))
        status = found["status"]
        assert isinstance(status, dict)
        conditions = {c["type"]: c for c in status.get("conditions") or []}
        structural = conditions.get("NonStructuralSchema", {})
        assert structural.get("status") != "True", structural.get("message")
        return found if conditions.get("Established", {}).get("status") == "True" else None

    found = until(f"{crd['metadata']} is established", established)
    spec = found["spec"]
    assert isinstance(spec, dict)
    address = f"apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"

    def listed() -> bool:
        try:
            api.request("GET", address)
        except ApiError:
            return False
        return True

    # The resource's own address answers a moment after the condition says so.
    until(f"{address} answers", listed)
