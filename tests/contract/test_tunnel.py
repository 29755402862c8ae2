"""The WebSocket tunnel of the stand-in, as measured on Guacamole 1.6.0."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests
from guapy import Instruction

from contract.browsing import Site
from contract.standins import running
from ports import HeldPort
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from contract.fake_guacd import FakeGuacd


def test_a_tunnel_begins_with_its_uuid_and_is_listed_by_it(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    first = tunnel.next()
    assert first.opcode == ""
    assert re.fullmatch(r"[0-9a-f-]{36}", first.args[0])
    assert tunnel.socket.subprotocol == "guacamole"
    listed = site.active()[first.args[0]]
    assert listed["connectionIdentifier"] == site.connection
    assert listed["username"] == site.guacamole.username
    assert site.call("GET", f"connections/{site.connection}").json()["activeConnections"] == 1
    guacd.next_connection()


def test_guacd_gets_the_parameters_and_the_size_of_the_window(site: Site, guacd: FakeGuacd) -> None:
    site.open()
    connection = guacd.next_connection()
    assert connection.selected == "vnc"
    assert {
        name: connection.arguments[name] for name in ("hostname", "port", "password", "read-only", "color-depth")
    } == {
        "hostname": "desk.example",
        "port": "5900",
        "password": "s3cret",
        "read-only": "true",
        "color-depth": "",
    }
    assert connection.capabilities["size"] == ("1280", "720", "96")
    assert connection.capabilities["timezone"] == ("UTC",)


def test_instructions_go_both_ways(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    connection = guacd.next_connection()
    assert tunnel.next().opcode == ""
    assert tunnel.next().opcode == "sync"
    guacd.send(connection, "name", "Bürø ☃ 🙂")
    assert tunnel.next() == Instruction.create("name", "Bürø ☃ 🙂")
    tunnel.send("mouse", "10", "20", "0")
    assert connection.next() == Instruction.create("mouse", "10", "20", "0")


def test_a_ping_is_answered_by_the_application_alone(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    connection = guacd.next_connection()
    assert [tunnel.next().opcode, tunnel.next().opcode] == ["", "sync"]
    tunnel.send("", "ping", "1700000000000")
    assert tunnel.next() == Instruction.create("", "ping", "1700000000000")
    tunnel.send("key", "65", "1")
    assert connection.next().opcode == "key"


def test_an_error_from_guacd_is_passed_on_and_does_not_close(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    connection = guacd.next_connection()
    assert [tunnel.next().opcode, tunnel.next().opcode] == ["", "sync"]
    guacd.send(connection, "error", "Aborted. See logs.", "519")
    guacd.send(connection, "nop")
    assert [tunnel.next().args, tunnel.next().opcode] == [("Aborted. See logs.", "519"), "nop"]


@pytest.mark.parametrize("subprotocols", [[], ["other"]])
def test_only_guacamoles_subprotocol_is_answered(site: Site, guacd: FakeGuacd, subprotocols: list[str]) -> None:
    tunnel = site.open(subprotocols)
    assert tunnel.socket.subprotocol is None
    guacd.next_connection()


@pytest.mark.parametrize(
    ("query", "close"),
    [
        ({"token": ""}, (1008, "769")),
        ({"token": "0" * 64}, (1008, "769")),
        ({"GUAC_DATA_SOURCE": "nope"}, (1002, "516")),
        ({"GUAC_ID": "999999"}, (1002, "516")),
        ({"GUAC_ID": "abc"}, (1002, "516")),
        ({"GUAC_TYPE": "g"}, (1002, "516")),
        ({"GUAC_TYPE": "a"}, (1002, "516")),
        ({"GUAC_TYPE": "x"}, (1002, "768")),
        ({"GUAC_TYPE": ""}, (1002, "768")),
        ({"GUAC_ID": ""}, (1002, "768")),
        ({"GUAC_DATA_SOURCE": ""}, (1002, "768")),
        ({"GUAC_WIDTH": "wide"}, (1002, "768")),
    ],
)
def test_a_refusal_follows_the_upgrade_as_a_close_frame(
    site: Site, query: dict[str, str], close: tuple[int, str]
) -> None:
    assert site.open(**query).closed() == close
    assert site.active() == {}


def test_without_read_a_connection_looks_unknown(site: Site) -> None:
    assert site.open(token=site.make_user("eve")).closed() == (1002, "516")


def test_read_is_enough_to_open_a_tunnel(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open(token=site.make_user("ann", reads=site.connection))
    assert tunnel.next().opcode == ""
    guacd.next_connection()
    assert [entry["username"] for entry in site.active().values()] == ["ann"]


@pytest.mark.parametrize(
    ("limit", "close"), [("max-connections", (1008, "517")), ("max-connections-per-user", (1008, "797"))]
)
def test_a_full_connection_refuses_until_a_tunnel_is_closed(
    site: Site, guacd: FakeGuacd, limit: str, close: tuple[int, str]
) -> None:
    connection = site.make_connection("narrow", **{limit: "1"})
    first = site.open(GUAC_ID=connection)
    assert first.next().opcode == ""
    assert site.open(GUAC_ID=connection).closed() == close
    first.socket.close()
    until("no tunnel is listed", lambda: not site.active())
    assert site.open(GUAC_ID=connection).next().opcode == ""
    guacd.next_connection()


def test_two_at_once_cannot_take_the_last_place(site: Site, guacd: FakeGuacd, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = site.make_connection("narrow", **{"max-connections": "1"})
    guacd.ready = False
    # The first one waits for guacd until the test lets it go, however slow the machine is.
    monkeypatch.setattr("standin.tunnel.HANDSHAKE_SECONDS", 3600.0)
    first = site.open(GUAC_ID=connection)
    served = guacd.next_connection()
    assert site.open(GUAC_ID=connection).closed() == (1008, "517")
    guacd.close_connection(served)
    assert first.closed()[0] != 1000, "the first one was still being opened"


@pytest.mark.parametrize("how", ["patch", "token", "session"])
def test_a_killed_tunnel_closes_in_order(site: Site, guacd: FakeGuacd, how: str) -> None:
    token = site.make_user("ann", reads=site.connection)
    tunnel = site.open(token=token)
    uuid = tunnel.next().args[0]
    guacd.next_connection()
    if how == "patch":
        body = [{"op": "remove", "path": f"/{uuid}"}, {"op": "remove", "path": "/not-a-uuid"}]
        assert site.call("PATCH", "activeConnections", body).status_code == 200
    elif how == "token":
        assert requests.delete(site.guacamole.url + f"api/tokens/{token}", timeout=DEADLINE_SECONDS).status_code == 204
    else:
        headers = {"Guacamole-Token": token}
        assert (
            requests.delete(site.guacamole.url + "api/session", headers=headers, timeout=DEADLINE_SECONDS).status_code
            == 204
        )
    assert tunnel.closed() == (1000, "0")
    assert site.active() == {}


def test_taking_access_away_leaves_the_tunnel_open(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open(token=site.make_user("ann", reads=site.connection))
    uuid = tunnel.next().args[0]
    connection = guacd.next_connection()
    site.remove("users", "ann")
    site.remove("connections", site.connection)
    assert list(site.active()) == [uuid]
    tunnel.send("key", "65", "1")
    assert connection.next().opcode == "key"


def test_a_dropped_line_frees_the_connection(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    tunnel.next()
    guacd.next_connection()
    tunnel.socket.socket.close()
    until("no tunnel is listed", lambda: not site.active())


def test_a_guacd_that_closes_the_connection_ends_the_tunnel(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    guacd.close_connection(guacd.next_connection())
    assert tunnel.closed() == (1000, "0")


def test_no_guacd_is_an_error_of_the_server() -> None:
    with HeldPort() as port, running(port.number) as guacamole, ExitStack() as sockets:
        assert Site(guacamole, sockets).open().closed() == (1011, "512")


def test_another_users_tunnel_shows_only_its_existence(site: Site, guacd: FakeGuacd) -> None:
    tunnel = site.open()
    uuid = tunnel.next().args[0]
    guacd.next_connection()
    carol = site.make_user("carol", reads=site.connection)
    seen = site.call("GET", "activeConnections", token=carol).json()[uuid]
    assert (seen["username"], seen["remoteHost"], seen["connectable"]) == (None, None, False)
    body = [{"op": "remove", "path": f"/{uuid}"}]
    assert site.call("PATCH", "activeConnections", body, token=carol).status_code == 400
    assert list(site.active()) == [uuid]
