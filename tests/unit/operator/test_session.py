"""Sessions are read from the API server's objects, also when something slipped past its schema."""

from __future__ import annotations

import pytest

from blendersessions.model.session import parse_session
from unit.operator.worlds import body, session


def test_an_empty_spec_has_the_documented_defaults() -> None:
    spec = session().spec
    assert (spec.owner, spec.scene.sample) == ("", "")
    assert (spec.display.width, spec.display.height, spec.display.color_depth) == (1280, 720, 24)
    assert spec.display.read_only is False
    assert (spec.connections.max, spec.connections.max_per_user) == (10, None)


def test_a_session_without_owner_has_a_user_of_its_own() -> None:
    assert session().username == session().desktop_name
    assert session({"owner": "alice"}).username == "alice"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"scene": {"sample": "../etc/passwd"}}, "spec.scene.sample"),
        ({"scene": {"sample": "a/b.blend"}}, "spec.scene.sample"),
        ({"scene": "shopping_cart.blend"}, "spec.scene"),
        ({"display": {"width": 0}}, "spec.display.width"),
        ({"display": {"colorDepth": 7}}, "spec.display.colorDepth"),
        ({"connections": {"max": 2, "maxPerUser": 3}}, "spec.connections"),
        ({"owner": "a/b"}, "spec.owner"),
        ({"resources": {"limits": ["cpu"]}}, "spec.resources.limits"),
        ("nonsense", "spec"),
    ],
)
def test_a_malformed_spec_is_explained_and_not_raised(spec: object, field: str) -> None:
    parsed = parse_session(body() | {"spec": spec})
    assert field in parsed.spec_error
    assert "kubectl edit" in parsed.spec_error
    assert parsed.name == "cart"


def test_fields_of_later_versions_are_ignored() -> None:
    assert session({"suspend": True}).spec_error == ""
