"""Packages are installed once, and known to be there by what they provide."""

from __future__ import annotations

import pytest

from localcluster import packages
from localcluster.errors import LocalClusterError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What apt-get is asked for. It installs nothing."""
    asked: list[str] = []
    monkeypatch.setattr(packages, "_install", asked.extend)
    return asked


def test_what_is_there_is_not_installed_again(installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command of gettext-base is called envsubst."""
    there = {"envsubst", "nginx"}
    monkeypatch.setattr(packages, "_is_present", there.__contains__)
    assert packages.ensure("nginx", "gettext-base") == []
    assert installed == []


def test_a_package_without_its_command_is_told(installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_is_present", lambda _: False)
    with pytest.raises(LocalClusterError, match="The package gettext-base is installed, and has no envsubst"):
        packages.ensure("gettext-base")
    assert installed == ["gettext-base"]
