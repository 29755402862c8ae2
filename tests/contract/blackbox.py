"""A bare client for the black-box suite: nothing in it knows the stand-in."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from contract.standins import Guacamole

AT_ONCE = 16


class Api:
    """One administrator's session with a scratch group; it removes what it made when the stack closes."""

    def __init__(self, guacamole: Guacamole, stack: ExitStack) -> None:
        self.guacamole = guacamole
        self._stack = stack
        self.session = self.sign_in(guacamole.username, guacamole.password)
        self.token = str(self.session["authToken"])
        stack.callback(self.sign_out, self.token)
        self.source = str(self.session["dataSource"])
        self.group = str(self.create_group("ROOT")["identifier"])
        stack.callback(self.call, "DELETE", f"connectionGroups/{self.group}")

    @staticmethod
    def name() -> str:
        """Return a unique name."""
        return f"contract-{uuid.uuid4()}"

    def post_token(self, more: Mapping[str, str] | None = None, /, **form: str) -> requests.Response:
        """Post a form to the sign-in endpoint, with more headers."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(more or {})}
        url = self.guacamole.url + "api/tokens"
        return requests.post(url, data=urlencode(form), headers=headers, timeout=DEADLINE_SECONDS)

    def sign_in(self, username: str, password: str) -> dict[str, object]:
        """Sign a user in."""
        answer = self.post_token(username=username, password=password)
        assert answer.status_code == 200, answer.text
        session: dict[str, object] = answer.json()
        return session

    def named_by(self, header: str, name: str, **form: str) -> dict[str, object]:
        """Sign in the person whom a header names, until the stack closes."""
        answer = self.post_token({header: name}, **form)
        assert answer.status_code == 200, answer.text
        session: dict[str, object] = answer.json()
        self._stack.callback(self.sign_out, str(session["authToken"]))
        return session

    def sign_out(self, token: str) -> requests.Response:
        """Sign a token out."""
        return requests.delete(self.guacamole.url + f"api/tokens/{token}", timeout=DEADLINE_SECONDS)

    def alive(self, token: str) -> int:
        """Return the status of the cheapest check of a token."""
        return requests.head(
            self.guacamole.url + "api/session", headers={"Guacamole-Token": token}, timeout=DEADLINE_SECONDS
        ).status_code

    def call(self, method: str, path: str, body: object = None, *, token: str | None = None) -> requests.Response:
        """Call the data source."""
        url = f"{self.guacamole.url}api/session/data/{self.source}/{path}"
        headers = {"Guacamole-Token": token or self.token}
        return requests.request(method, url, json=body, headers=headers, timeout=DEADLINE_SECONDS)

    def body(self, name: str, parent: str | None = None, **attributes: object) -> dict[str, object]:
        """Return a connection as it is sent."""
        return {
            "name": name,
            "parentIdentifier": parent or self.group,
            "protocol": "vnc",
            "parameters": {"hostname": "desktop.example", "port": 5900, "password": "s3cret", "read-only": False},
            "attributes": attributes,
        }

    def create(self, parent: str | None = None, **attributes: object) -> dict[str, object]:
        """Make a connection."""
        answer = self.call("POST", "connections", self.body(self.name(), parent, **attributes))
        assert answer.status_code == 200, answer.text
        made: dict[str, object] = answer.json()
        return made

    def create_group(self, parent: str) -> dict[str, object]:
        """Make a connection group."""
        body = {"name": self.name(), "parentIdentifier": parent, "type": "ORGANIZATIONAL", "attributes": {}}
        answer = self.call("POST", "connectionGroups", body)
        assert answer.status_code == 200, answer.text
        made: dict[str, object] = answer.json()
        return made

    def create_user(self, **body: object) -> str:
        """Make a user with the password ``pw``, and return the name."""
        name = self.name()
        answer = self.call("POST", "users", {"username": name, "password": "pw", "attributes": {}, **body})
        assert answer.status_code == 200, answer.text
        self._stack.callback(self.remove, "users", name)
        return name

    def remove(self, kind: str, identifier: object, *, token: str | None = None) -> requests.Response:
        """Delete a connection or a user, if it exists."""
        return self.call("PATCH", kind, [{"op": "remove", "path": f"/{identifier}"}], token=token)

    def grant(self, user: str, connection: object, permission: str = "READ", *, op: str = "add") -> requests.Response:
        """Grant or revoke a permission on a connection."""
        change = [{"op": op, "path": f"/connectionPermissions/{connection}", "value": permission}]
        return self.call("PATCH", f"users/{user}/permissions", change)

    def held(self, user: str) -> dict[str, list[str]]:
        """Return a user's permissions on connections."""
        permissions: dict[str, list[str]] = self.call("GET", f"users/{user}/permissions").json()[
            "connectionPermissions"
        ]
        return permissions

    def named(self, name: str) -> list[str]:
        """Return the identifiers of the connections of a name."""
        listed = self.call("GET", "connections").json().values()
        return [entry["identifier"] for entry in listed if entry["name"] == name]

    def at_once(self, method: str, path: str, body: object = None) -> list[int]:
        """Make one call many times at the same moment, and return the statuses."""
        start = threading.Barrier(AT_ONCE)

        def one(_: int) -> int:
            start.wait(DEADLINE_SECONDS)
            return self.call(method, path, body).status_code

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sorted(pool.map(one, range(AT_ONCE)))

    def tunnel_refusal(self, **query: str) -> tuple[int, str]:
        """Open a tunnel that must not open, and return code and reason of the close frame."""
        wanted = {"token": self.token, "GUAC_DATA_SOURCE": self.source, "GUAC_ID": "1", "GUAC_TYPE": "c", **query}
        url = self.guacamole.url.replace("http", "ws", 1) + "websocket-tunnel?" + urlencode(wanted)
        options = {"open_timeout": DEADLINE_SECONDS, "proxy": None}
        with connect(url, subprotocols=["guacamole"], **options) as socket:  # type: ignore[arg-type,list-item]
            try:
                frame = socket.recv(timeout=DEADLINE_SECONDS)
            except ConnectionClosed:
                return socket.close_code or 0, socket.close_reason or ""
            raise AssertionError(f"the tunnel opened: {frame!r}")
