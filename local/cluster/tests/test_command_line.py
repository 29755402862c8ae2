"""Each command works on a machine where nothing was prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from localcluster import packages, release
from localcluster.__main__ import main

if TYPE_CHECKING:
    import pytest


def test_images_installs_what_the_builds_need_first(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(packages, "_is_present", lambda thing: thing != "debootstrap" or bool(done))
    monkeypatch.setattr(packages, "_install", done.extend)
    monkeypatch.setattr(release, "build_recipes", lambda _, recipes: done.append(recipes[0].name) or {})
    result = CliRunner().invoke(main, ["images", "proxy"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert done == ["debootstrap", "proxy"]
