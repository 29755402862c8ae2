"""One notice is shown at a time, by a program whose failure does no harm."""

import sys
from pathlib import Path

import pytest

from agent.notices import MAX_ADDED_CHARACTERS, Notices, NotShown
from waiting import DEADLINE_SECONDS

SHOWS = """
import signal, sys
from pathlib import Path
file = Path(sys.argv[1])
file.write_text(sys.argv[2] + " " + sys.stdin.read())
print("shown", flush=True)
signal.pause()
"""


@pytest.fixture(autouse=True)
def _time_for_a_slow_machine_to_start_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.notices._SHOWN_SECONDS", DEADLINE_SECONDS)


def banner(script: str, *arguments: object) -> Notices:
    return Notices([sys.executable, "-c", script, *map(str, arguments)])


def test_the_program_gets_the_text_and_the_time(tmp_path: Path) -> None:
    notices = banner(SHOWS, tmp_path / "shown")
    notices.show("--It ends soon; $(reboot)", 30.5)
    assert (tmp_path / "shown").read_text() == "30.5 --It ends soon; $(reboot)"
    notices.show("", 0)


def test_another_notice_replaces_the_first(tmp_path: Path) -> None:
    notices = banner(SHOWS, tmp_path / "shown")
    notices.show("one", 30)
    first = notices._process
    notices.show("two", 30)
    assert first is not None
    assert first.poll() is not None
    assert (tmp_path / "shown").read_text() == "30 two"
    second = notices._process
    notices.show("", 0)
    assert second is not None
    assert second.poll() is not None
    assert notices._process is None


@pytest.mark.parametrize("script", ["", "print('no')", "raise SystemExit(1)", "import sys; sys.stdin.close()"])
def test_a_program_that_shows_nothing_is_a_failure(script: str) -> None:
    with pytest.raises(NotShown, match="did not appear on the screen"):
        banner(script).show("words", 30)


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(NotShown, match="cannot be shown"):
        Notices([str(tmp_path / "none")]).show("words", 30)


def test_a_further_notice_is_added_below_the_first(tmp_path: Path) -> None:
    notices = banner(SHOWS, tmp_path / "shown")
    notices.add("one", 30)
    notices.add("two", 60)
    assert (tmp_path / "shown").read_text() == "60 one\n\ntwo"
    notices.add("one", 60)
    assert (tmp_path / "shown").read_text() == "60 one"
    notices.show("", 0)


def test_a_notice_that_is_over_is_not_shown_again_with_a_further_one(tmp_path: Path) -> None:
    notices = banner(SHOWS, tmp_path / "shown")
    notices.show("one", 30)
    assert notices._process is not None
    notices._process.kill()
    notices._process.wait()
    notices.add("two", 60)
    assert (tmp_path / "shown").read_text() == "60 two"
    notices.show("", 0)


def test_a_text_that_became_too_long_gives_way(tmp_path: Path) -> None:
    notices = banner(SHOWS, tmp_path / "shown")
    notices.show("a" * MAX_ADDED_CHARACTERS, 30)
    notices.add("two", 60)
    assert (tmp_path / "shown").read_text() == "60 two"
    notices.show("", 0)


def test_a_name_with_bytes_that_are_no_text_is_shown(tmp_path: Path) -> None:
    notices = banner(SHOWS, tmp_path / "shown")
    notices.show("\udcff.blend is gone.", 30)
    assert (tmp_path / "shown").read_text() == "30 ?.blend is gone."
    notices.show("", 0)
