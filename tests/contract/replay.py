"""Making the recorded calls, one after the other, and comparing what comes back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import requests
from urllib3 import HTTPHeaderDict
from websockets.sync.client import connect

from contract import scenario
from contract.matching import Bindings, MismatchError, filled, match
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from contract.scenario import Exchange
    from contract.standins import Guacamole

DATA = "api/session/data/postgresql/"
FORM = "application/x-www-form-urlencoded"
KEPT = "b1"
"""The one connection that was there before the recording."""


class Replay:
    """One run through a recording."""

    def __init__(self, guacamole: Guacamole, sockets: ExitStack) -> None:
        self._guacamole = guacamole
        self._sockets = sockets
        self._http = sockets.enter_context(requests.Session())
        self._bound: Bindings = {}

    def run(self) -> dict[str, str]:
        """Make all calls, and return how the answers of some differ from the recording."""
        self._prepare()
        return self._make_all(scenario.exchanges(), scenario.before())

    def run_with_header(self) -> dict[str, str]:
        """Make all calls to a Guacamole with the header extension, which begin with a sign-in of the administrator."""
        return self._make_all(scenario.exchanges(scenario.HEADER_RECORDING), scenario.before_with_header())

    def _make_all(self, recorded: list[Exchange], before: Mapping[str, Callable[[Replay], None]]) -> dict[str, str]:
        wrong = {}
        for exchange in recorded:
            if exchange.name in before:
                before[exchange.name](self)
            try:
                self._make(exchange)
            except MismatchError as mismatch:
                wrong[exchange.name] = str(mismatch)
        return wrong

    def open(self, token: str, connection: str, placeholder: str, headers: Mapping[str, str] | None = None) -> None:
        """Open a tunnel and keep it."""
        query = {
            "token": self._bound[token],
            "GUAC_DATA_SOURCE": "postgresql",
            "GUAC_ID": self._bound[connection],
            "GUAC_TYPE": "c",
        }
        url = self._guacamole.url.replace("http", "ws", 1) + "websocket-tunnel?" + urlencode(query)
        options = {"open_timeout": DEADLINE_SECONDS, "proxy": None}
        options["additional_headers"] = headers
        opened = connect(url, subprotocols=["guacamole"], **options)  # type: ignore[arg-type,list-item]
        socket = self._sockets.enter_context(opened)
        first = socket.recv(timeout=DEADLINE_SECONDS)
        found = re.match(r"0\.,36\.([0-9a-f-]{36});", str(first))
        assert found, f"the tunnel for {connection} did not open: {first!r}"
        self._bound[placeholder] = found[1]

    def grant(self, user: str, connection: str) -> None:
        """Grant READ on a connection."""
        change = [{"op": "add", "path": f"/connectionPermissions/{self._bound[connection]}", "value": "READ"}]
        self._administer("PATCH", f"users/{user}/permissions", change)

    def create(self, name: str, group: str, placeholder: str) -> None:
        """Make a connection."""
        body = {"name": name, "protocol": "vnc", "parameters": {}, "attributes": {}}
        body["parentIdentifier"] = self._bound[group]
        self._bound[placeholder] = self._administer("POST", "connections", body).json()["identifier"]

    def set_password(self, user: str, password: str) -> None:
        """Give a user another password."""
        self._administer("PUT", f"users/{user}", {"username": user, "password": password, "attributes": {}})

    def remove(self, kind: str, identifier: str) -> None:
        """Delete an object."""
        self._administer("PATCH", kind, [{"op": "remove", "path": f"/{self._bound.get(identifier, identifier)}"}])

    def clean(self, *kinds: str) -> None:
        """Delete all objects of some kinds, except those from before the recording."""
        for kind in kinds:
            for entry in self._administer("GET", kind).json().values():
                if entry["name"] != KEPT and kind == "connectionGroups":
                    # A group that was in another one is gone with it.
                    self._administer("DELETE", f"{kind}/{entry['identifier']}", accept=404)
                elif entry["name"] != KEPT:
                    self.remove(kind, entry["identifier"])

    def _prepare(self) -> None:
        credentials = {"username": self._guacamole.username, "password": self._guacamole.password}
        answer = self._http.post(self._guacamole.url + "api/tokens", data=credentials, timeout=DEADLINE_SECONDS)
        self._bound["<token>"] = answer.json()["authToken"]
        body = {"name": KEPT, "protocol": "vnc", "parameters": {}, "attributes": {"max-connections": "10"}}
        self._bound["<id:1>"] = self._administer("POST", "connections", body).json()["identifier"]
        self.open("<token>", "<id:1>", "<uuid:0>")
        self._administer("PATCH", "activeConnections", [{"op": "remove", "path": "/" + self._bound["<uuid:0>"]}])

    def _administer(self, method: str, path: str, body: object = None, accept: int = 200) -> requests.Response:
        headers = {"Guacamole-Token": self._bound["<token>"]}
        url = self._guacamole.url + DATA + path
        answer = self._http.request(method, url, json=body, headers=headers, timeout=DEADLINE_SECONDS)
        assert answer.ok or answer.status_code == accept, f"{method} {path}: {answer.text}"
        return answer

    def _make(self, exchange: Exchange) -> None:
        query = filled(dict(exchange.query), self._bound)
        assert isinstance(query, dict)
        url = self._guacamole.url + str(filled(exchange.path, self._bound))
        request = requests.Request(exchange.method, url, params=query, data=self._payload(exchange))
        prepared = self._http.prepare_request(request)
        # A header may have several lines here, which requests itself does not send.
        lines = HTTPHeaderDict(prepared.headers.items())
        for name, value in exchange.headers.items():
            lines.discard(name)
            for line in value if isinstance(value, list) else [value]:
                lines.add(name, str(filled(line, self._bound)))
        if exchange.name in scenario.DEAD_TOKEN:
            lines["Guacamole-Token"] = "0" * 64
        prepared.headers = lines  # type: ignore[assignment]
        self._compare(exchange, self._http.send(prepared, timeout=DEADLINE_SECONDS))

    def _payload(self, exchange: Exchange) -> bytes | None:
        body = filled(exchange.body, self._bound)
        if body is None:
            return None
        if isinstance(body, str):
            return body.encode()
        if isinstance(body, dict) and exchange.headers.get("Content-Type") == FORM:
            return urlencode(body).encode()
        return json.dumps(body).encode()

    def _compare(self, exchange: Exchange, answer: requests.Response) -> None:
        if answer.status_code != exchange.status:
            raise MismatchError(f"recorded {exchange.status}, answered {answer.status_code}: {answer.text[:300]}")
        kind = answer.headers.get("Content-Type", "")
        if kind != exchange.content_type:
            raise MismatchError(f"recorded the type {exchange.content_type!r}, answered {kind!r}")
        if exchange.answer is None:
            if answer.content:
                raise MismatchError(f"recorded no body, answered {answer.text[:300]}")
        elif kind == "application/json":
            self._compare_json(exchange, answer.json())
        elif kind == "text/plain":
            # The JSON parser's message names its own classes; that there is one is all that is promised.
            if not answer.text:
                raise MismatchError("recorded a message, answered none")
        else:
            for part in re.findall(r'"([^"]*)"', str(exchange.answer)):
                if part not in answer.text:
                    raise MismatchError(f"recorded a page with {part!r}, answered {answer.text[:300]}")

    def _compare_json(self, exchange: Exchange, actual: object) -> None:
        expected = exchange.answer
        if exchange.path == "api/tokens" and isinstance(expected, dict) and "authToken" in expected:
            # A fresh token, unless the request named a live one: then it must be the same.
            asked = exchange.body.get("token") if isinstance(exchange.body, dict) else None
            if asked != expected["authToken"]:
                self._bound.pop(str(expected["authToken"]), None)
        self._bound = match(expected, actual, self._bound)
