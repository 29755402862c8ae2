"""Guacamole as its administrator sees it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import requests

from blendersessions.model.desktop import connection_key
from waiting import DEADLINE_SECONDS


class GuacamoleAdmin:
    """Guacamole as its administrator sees it, without the proxy."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._http = requests.Session()
        self._url = url
        answer = self._http.post(
            url + "api/tokens", data={"username": username, "password": password}, timeout=DEADLINE_SECONDS
        )
        self.source = answer.json()["dataSource"]
        self._http.headers["Guacamole-Token"] = answer.json()["authToken"]
        self._data = f"{url}api/session/data/{self.source}/"

    def get(self, path: str) -> Any:  # noqa: ANN401 - decoded JSON
        """Read something of the data source; None when it does not exist."""
        answer = self._http.get(self._data + path, timeout=DEADLINE_SECONDS)
        return None if answer.status_code == requests.codes.not_found else answer.json()

    def send(self, method: str, path: str, body: object = None) -> None:
        """Change something."""
        answer = self._http.request(method, self._data + path, json=body, timeout=DEADLINE_SECONDS)
        assert answer.ok, answer.text

    def remove(self, kind: str, identifier: str) -> None:
        """Delete a connection or a user."""
        self.send("PATCH", kind, [{"op": "remove", "path": f"/{identifier}"}])

    def connections(self) -> dict[str, dict[str, Any]]:
        """All connections by identifier, with names."""
        return dict(self.get("connections"))

    def named(self, key: str) -> list[dict[str, Any]]:
        """The connections with this key in their name."""
        return [each for each in self.connections().values() if connection_key(each["name"]) == key]

    def connection_keys(self) -> Counter[str]:
        """How often each key stands in the name of a connection."""
        return Counter(connection_key(each["name"]) for each in self.connections().values())

    def users(self) -> set[str]:
        """All users but the administrator."""
        return set(self.get("users")) - {"guacadmin"}

    def can_log_in(self, username: str, password: str) -> bool:
        """Whether Guacamole accepts these credentials."""
        answer = requests.post(
            self._url + "api/tokens", data={"username": username, "password": password}, timeout=DEADLINE_SECONDS
        )
        return answer.ok

    def close(self) -> None:
        """Close the sockets."""
        self._http.close()
