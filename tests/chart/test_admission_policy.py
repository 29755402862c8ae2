"""The chart's admission policy: off by default, where it holds, and who is exempt."""

from __future__ import annotations

from typing import Any

import pytest

from chart.rendering import EVERYTHING, Rendered, render

ON = "admissionPolicy.enabled=true"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


def condition(chart: Rendered) -> str:
    conditions: Any = chart.get(POLICY, "studio-owners", "spec", "matchConditions")
    [entry] = conditions
    return str(entry["expression"])


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert not render().names(POLICY)
    assert not render().names(BINDING)


def test_it_refuses_and_an_error_in_it_refuses_too() -> None:
    chart = render(ON)
    assert chart.get(POLICY, "studio-owners", "spec", "failurePolicy") == "Fail"
    assert chart.get(BINDING, "studio-owners", "spec", "validationActions") == ["Deny"]
    assert chart.get(BINDING, "studio-owners", "spec", "policyName") == "studio-owners"


@pytest.mark.parametrize(
    ("options", "namespaces"),
    [
        ((), None),
        (("operator.namespaces={art,music}",), ["art", "music", "blender-desktops"]),
        (("operator.namespaces={art,blender-desktops}",), ["art", "blender-desktops"]),
        (("operator.namespaces={art}", "portal.enabled=false"), ["art"]),
    ],
)
def test_it_holds_where_sessions_are_served(options: tuple[str, ...], namespaces: list[str] | None) -> None:
    chart = render(ON, *options)
    spec: Any = chart.get(BINDING, "studio-owners", "spec")
    found = spec.get("matchResources", {}).get("namespaceSelector", {}).get("matchExpressions")
    wanted = [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces}]
    assert found == (None if namespaces is None else wanted)


def test_the_parts_of_the_release_are_exempt_and_who_is_named() -> None:
    operator, portal = (f'"system:serviceaccount:studio-system:studio-{part}"' for part in ("operator", "portal"))
    assert operator in condition(render(ON))
    assert portal in condition(render(ON))
    assert portal not in condition(render(ON, "portal.enabled=false")), "nobody could be that account but an intruder"
    everything = condition(render(values=EVERYTHING))
    assert '"root@example.org"' in everything
    assert 'group in ["studio-admins"]' in everything


def test_the_name_of_an_owner_is_the_value_of_an_expression() -> None:
    variables: Any = render(values=EVERYTHING).get(POLICY, "studio-owners", "spec", "variables")
    assert {
        "name": "requester",
        "expression": "request.userInfo.?extra['example.org/email'][?0].orValue('')",
    } in variables
