"""A connection's name tells a person what it opens, and tells us whose it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blendersessions.clients.guacamole import groups
from blendersessions.model.access import ConnectionRecord
from blendersessions.model.desktop import MAX_CONNECTION_NAME, connection_key, connection_name
from blendersessions.model.names import name_for
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.sweep import find_orphans
from blendersessions_operator.resources.connection import connection, view_connection
from unit.operator.factories import OTHER_UID, UID, everything_observed, session

KEY = name_for(UID)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (f"art/cart ({KEY})", KEY),
        (f"art/cart, view only ({KEY}-view)", f"{KEY}-view"),
        (KEY, KEY),
        (f"{KEY}-view", f"{KEY}-view"),
        (f"art/cart ({name_for(OTHER_UID)}) ({KEY})", KEY),
        ("a person's own (blender-desk)", "a person's own (blender-desk)"),
        (f"art/cart ({KEY}) ", f"art/cart ({KEY}) "),
        ("", ""),
    ],
)
def test_the_key_stands_at_the_end(name: str, key: str) -> None:
    assert connection_key(name) == key


@pytest.mark.parametrize("length", [1, 63, 85, 86, 87, 253])
def test_a_long_name_is_cut_and_never_its_key(length: int) -> None:
    for suffix in ("", ", view only"):
        person = "n/" + "x" * (length - 1)
        name = connection_name(f"{KEY}-view", person, suffix)
        assert len(name) <= MAX_CONNECTION_NAME
        assert connection_key(name) == f"{KEY}-view"
        assert name.startswith(person) or "..." in name


def test_a_session_made_anew_with_the_same_name_has_another_connection() -> None:
    first, second = session(), replace(session(), uid=OTHER_UID)
    both = [connection(of.desktop, of, "pw") for of in (first, second)]
    assert both[0].name != both[1].name
    assert both[0].key != both[1].key


def test_a_connection_of_an_older_version_is_renamed_in_place() -> None:
    of = session({"viewers": ["vera"]})
    observed = everything_observed(of)
    older = {key: replace(record, name=key) for key, record in observed.access.connections.items()}
    [stage] = plan(of, replace(observed, access=replace(observed.access, connections=older))).stages
    assert stage == tuple(
        steps.UpdateConnection(older[spec.key].identifier, spec)
        for spec in (connection(of.desktop, of, "pw123456"), view_connection(of.desktop, of, "pw123456"))
    )


def test_of_two_connections_of_one_key_the_older_one_is_the_sessions_and_the_other_goes() -> None:
    names = {"17": f"art/cart ({KEY})", "9": KEY, "3": "a person's own"}
    records = groups._by_key(ConnectionRecord(number, name, "vnc", {}) for number, name in names.items())
    assert records[KEY].identifier == "9"
    found = find_orphans(records, (), lambda key: key == KEY, lambda *_: False, [])
    assert [records[key].identifier for key in found.connections] == ["17"]
    assert found.unmanaged == ("a person's own",)
