"""Guacamole as its administrator sees it."""

from __future__ import annotations

from typing import Any

import requests

from blendersessions.model.desktop import connection_key
from waiting import DEADLINE_SECONDS


class Guacamole:
    """The administrator, signed in.

    Args:
        url: what a browser opens, with a trailing slash.
        login: the administrator's user name and password.
    """

    def __init__(self, url: str, login: dict[str, str]) -> None:
        self.url = f"{url}guacamole/api/"
        answer = requests.post(f"{self.url}tokens", data=login, timeout=DEADLINE_SECONDS)
        answer.raise_for_status()
        self.token, self.source = answer.json()["authToken"], answer.json()["dataSource"]

    def connections(self) -> set[str]:
        """List the keys of connections."""
        return set(map(connection_key, self.names("connections", "name")))

    def names(self, what: str, key: str) -> set[str]:
        """List the names of connections or users."""
        answer = requests.get(
            f"{self.url}session/data/{self.source}/{what}",
            headers={"Guacamole-Token": self.token},
            timeout=DEADLINE_SECONDS,
        )
        answer.raise_for_status()
        found: dict[str, dict[str, Any]] = answer.json()
        return {item[key] for item in found.values()}

    def sign_out(self) -> None:
        """Give the token back."""
        requests.delete(f"{self.url}tokens/{self.token}", timeout=DEADLINE_SECONDS)
