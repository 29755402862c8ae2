"""How an API server prints sessions: the columns of our CRD (meta/v1 Table)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

CRD = Path(__file__).parents[2] / "crds/blendersessions.yaml"
AGE = "2d"
"""The age of each session, which an API server counts."""


def printer_columns() -> list[dict[str, Any]]:
    """Return the columns of the CRD, with the name that an API server puts first."""
    [version] = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    return [{"name": "Name", "type": "string", "jsonPath": ".metadata.name"}, *version["additionalPrinterColumns"]]


def table_of(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the table of sessions."""
    columns = printer_columns()
    return {
        "kind": "Table",
        "metadata": {},
        "columnDefinitions": [{"priority": 0} | column for column in columns],
        "rows": [{"cells": [_cell(item, column) for column in columns], "object": item} for item in items],
    }


def _cell(item: dict[str, Any], column: dict[str, Any]) -> object:
    if column["type"] == "date":
        return AGE
    found: Any = item
    for step, kind in re.findall(r'\.(\w+)(?:\[\?\(@\.type=="(\w+)"\)\])?', column["jsonPath"]):
        found = (found or {}).get(step)
        if kind:
            found = next((each for each in found or () if each["type"] == kind), None)
    return found
