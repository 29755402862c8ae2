"""A Guacamole with a connection in it, and the browser's side of a tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import requests
from guapy import Instruction, InstructionParser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from contextlib import ExitStack

    from contract.standins import Guacamole

VIEW = {"GUAC_WIDTH": "1280", "GUAC_HEIGHT": "720", "GUAC_DPI": "96", "GUAC_TIMEZONE": "UTC"}


class Tunnel:
    """A browser's side of a tunnel."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._parser = InstructionParser()
        self._waiting: list[Instruction] = []

    def next(self) -> Instruction:
        while not self._waiting:
            frame = self.socket.recv(timeout=DEADLINE_SECONDS)
            assert isinstance(frame, str)
            assert frame.endswith(";"), "a frame ends where an instruction ends"
            self._waiting = self._parser.feed(frame)
        return self._waiting.pop(0)

    def send(self, *elements: str) -> None:
        self.socket.send(Instruction.from_elements(elements).encode())

    def closed(self) -> tuple[int, str]:
        """Return the close code and the reason that end it."""
        try:
            while True:
                self.socket.recv(timeout=DEADLINE_SECONDS)
        except ConnectionClosed:
            return self.socket.close_code or 0, self.socket.close_reason or ""


class Site:
    """A Guacamole with one connection, and a browser's way into it."""

    def __init__(self, guacamole: Guacamole, sockets: ExitStack, connection: str = "desk") -> None:
        self.guacamole = guacamole
        self._sockets = sockets
        self.token = self.sign_in(guacamole.username, guacamole.password)
        self.data = guacamole.url + "api/session/data/postgresql/"
        self.connection = self.make_connection(connection)

    def sign_in(self, username: str, password: str) -> str:
        body = {"username": username, "password": password}
        answer = requests.post(self.guacamole.url + "api/tokens", data=body, timeout=DEADLINE_SECONDS)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["authToken"])

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> requests.Response:
        headers = {"Guacamole-Token": token or self.token}
        return requests.request(method, self.data + path, json=body, headers=headers, timeout=DEADLINE_SECONDS)

    def make_connection(self, name: str, **attributes: str) -> str:
        parameters = {"hostname": "desk.example", "port": "5900", "password": "s3cret", "read-only": "true"}
        body = {"name": name, "protocol": "vnc", "parameters": parameters, "attributes": attributes}
        return str(self.call("POST", "connections", body).json()["identifier"])

    def make_user(self, name: str, *, reads: str | None = None) -> str:
        self.call("POST", "users", {"username": name, "password": "pw", "attributes": {}})
        if reads:
            change = [{"op": "add", "path": f"/connectionPermissions/{reads}", "value": "READ"}]
            assert self.call("PATCH", f"users/{name}/permissions", change).status_code == 204
        return self.sign_in(name, "pw")

    def remove(self, kind: str, identifier: str) -> None:
        """Delete a connection or a user, or close a tunnel."""
        assert self.call("PATCH", kind, [{"op": "remove", "path": f"/{identifier}"}]).status_code == 200

    def active(self) -> dict[str, dict[str, object]]:
        answer: dict[str, dict[str, object]] = self.call("GET", "activeConnections").json()
        return answer

    def open(self, subprotocols: list[str] | None = None, **query: str) -> Tunnel:
        wanted = {
            "token": self.token,
            "GUAC_DATA_SOURCE": "postgresql",
            "GUAC_ID": self.connection,
            "GUAC_TYPE": "c",
            **VIEW,
            **query,
        }
        url = self.guacamole.url.replace("http://", "ws://") + "websocket-tunnel?"
        url += urlencode({name: value for name, value in wanted.items() if value})
        names = ["guacamole"] if subprotocols is None else subprotocols
        socket = connect(url, subprotocols=names or None, open_timeout=DEADLINE_SECONDS, proxy=None)  # type: ignore[arg-type]
        return Tunnel(self._sockets.enter_context(socket))
