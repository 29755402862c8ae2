"""A body that a call cannot use is unreadable, as for Guacamole."""

import pytest

from standin.answers import GuacamoleError, UnreadableBodyError
from standin.calls import Call
from standin.state import Session

SESSION = Session("TOKEN", "ann", 1, 0.0)


def test_a_body_is_read_as_the_call_needs_it() -> None:
    assert Call(SESSION, "", {"name": "desk"}).object == {"name": "desk"}
    assert Call(SESSION, "", [{"op": "add"}]).list == [{"op": "add"}]
    assert Call(SESSION, "", None).list == []


@pytest.mark.parametrize("body", [{}, {"op": "add"}, "", 0, False, ["add"], [None]])
def test_a_batch_that_is_no_list_of_objects_is_unreadable(body: object) -> None:
    with pytest.raises(UnreadableBodyError):
        Call(SESSION, "", body).list  # type: ignore[arg-type] # noqa: B018 - it raises


@pytest.mark.parametrize("body", [[], "", 0, False])
def test_an_object_that_is_none_is_unreadable(body: object) -> None:
    with pytest.raises(UnreadableBodyError):
        Call(SESSION, "", body).object  # type: ignore[arg-type] # noqa: B018 - it raises


def test_an_object_is_required() -> None:
    with pytest.raises(GuacamoleError, match="must be submitted"):
        Call(SESSION, "", None).object  # noqa: B018 - it raises
