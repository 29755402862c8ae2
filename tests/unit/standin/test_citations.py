"""A fact about Guacamole that the stand-in rests on names an exchange that was recorded."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "local" / "guacamole" / "standin"
RECORDINGS = [ROOT / "tests" / "contract" / "guacamole" / name for name in ("exchanges.json", "header-exchanges.json")]
CITATION = re.compile(r"\(recorded:([^)]*)\)")


def test_every_exchange_that_is_cited_was_recorded() -> None:
    recorded = {entry["name"] for path in RECORDINGS for entry in json.loads(path.read_text(encoding="utf-8"))}
    texts = [re.sub(r"\n *#", "\n", path.read_text(encoding="utf-8")) for path in sorted(SOURCES.rglob("*.py"))]
    cited = {name.strip() for text in texts for names in CITATION.findall(text) for name in names.split(",")}
    assert cited
    assert cited <= recorded
