"""The page of what the stand-in covers is what it covers."""

from contract import coverage

COMMAND = "PYTHONPATH=tests python -m contract.coverage"


def test_the_page_of_what_the_stand_in_covers_is_current() -> None:
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(), f"run: {COMMAND}"
