"""The rights that the chart grants, and those that docs/rights.md gives a reason for, as (resource, verb)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chart.rendering import ROOT

if TYPE_CHECKING:
    from chart.rendering import Rendered

Right = tuple[str, str]
"""A resource, with its subresource if there is one, and a verb."""


def rights_in(chart: Rendered, account: str) -> set[Right]:
    """Return what the roles that are bound to a service account grant, wherever they do."""
    documents: list[Any] = list(chart.documents)
    bound = {
        (document["roleRef"]["kind"], document["roleRef"]["name"], document["metadata"].get("namespace"))
        for document in documents
        if document["kind"] in {"RoleBinding", "ClusterRoleBinding"}
        and account in {subject["name"] for subject in document["subjects"]}
    }
    roles = [
        document
        for document in documents
        if (document["kind"], document["metadata"].get("name"), document["metadata"].get("namespace")) in bound
    ]
    rules = [rule for role in roles for rule in role["rules"]]
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def written_rights(account: str) -> dict[Right, tuple[str, str]]:
    """Return the rights in a section of the page, with their reason and whether a request shows them."""
    section = (ROOT / "docs" / "rights.md").read_text().split(f"\n## {account}\n")[1].split("\n## ")[0]
    found = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            resource, verb, reason, seen = (cell.strip() for cell in line.strip("|").split("|"))
            found[resource.strip("`"), verb.strip("`")] = (reason, seen)
    return found
