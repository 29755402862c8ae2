"""The clients of Guacamole cite recorded exchanges by their names, and those exchanges exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = ROOT / "lib" / "blendersessions" / "clients" / "guacamole"
RECORDINGS = [ROOT / "tests" / "contract" / "guacamole" / name for name in ("exchanges.json", "header-exchanges.json")]
CITING = ("answers", "client", "connections", "groups", "sign_in", "token_cache", "transport", "tunnels", "users")
CITATION = re.compile(r"`([a-z0-9]+(?:-[A-Za-z0-9]+)+)`")
"""Words with hyphens in backticks: no identifier of Python has hyphens."""


def cited(module: str) -> set[str]:
    return set(CITATION.findall((CLIENTS / f"{module}.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("module", CITING)
def test_every_client_of_guacamole_cites_exchanges(module: str) -> None:
    assert cited(module)


def test_every_cited_exchange_was_recorded() -> None:
    recorded = {entry["name"] for path in RECORDINGS for entry in json.loads(path.read_text(encoding="utf-8"))}
    unknown = {path.stem: cited(path.stem) - recorded for path in CLIENTS.glob("*.py")}
    assert {module: names for module, names in unknown.items() if names} == {}
