"""docs/rights.md has each verb that the chart grants, with its reason, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from chart.rendering import ROOT, render
from chart.rights import rights_in, written_rights

ACCOUNTS = {"The operator": "studio-operator", "The portal": "studio-portal", "The setup": "studio-setup"}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_each_right_is_on_the_page_and_nothing_else_is(account: str) -> None:
    assert set(written_rights(account)) == rights_in(render(), ACCOUNTS[account])


def test_every_right_has_a_reason() -> None:
    for account in ACCOUNTS:
        for right, (reason, seen) in written_rights(account).items():
            assert reason, right
            assert seen in {"request", "checked"}, right


def test_rights_on_the_cluster_are_the_same() -> None:
    assert rights_in(render("operator.clusterWide=true"), "studio-operator") == rights_in(render(), "studio-operator")


def test_in_the_releases_namespace_the_operator_only_posts_events() -> None:
    rules: Any = render().get("Role", "studio-operator-events", "rules")
    assert rules == [{"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}]


def test_the_page_holds_no_right_twice() -> None:
    lines = [line for line in (ROOT / "docs" / "rights.md").read_text().splitlines() if line.startswith("| `")]
    assert len(lines) == sum(len(written_rights(account)) for account in ACCOUNTS)
