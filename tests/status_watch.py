"""A watch on the sessions of one namespace, or of all, that checks each version of a status against the rules."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3

from apiserver.api import SESSIONS, ApiError
from status_rules import StatusRules
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from apiserver.api import Api

STREAM_SECONDS = 300
"""How long one stream lasts. The next one continues where it ended."""
PAUSE_SECONDS = 0.2
"""The pause before a retry, when the API server does not answer or does not serve sessions."""


class GapError(Exception):
    """The stream cannot go on where it ended: versions may have been missed."""


class StatusWatch:
    """Sees every version from its creation until `end`. A watch merges no versions, so it misses none."""

    def __init__(self, api: Api, namespace: str = "") -> None:
        self._api = api
        self._path = f"{SESSIONS}/" + (f"namespaces/{namespace}/" if namespace else "") + "blendersessions"
        self._rules = StatusRules()
        self._versions: dict[str, str] = {}
        self._written: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._position = ""
        self._socket: socket.socket | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        # Before anything else happens, so that the stream misses nothing.
        self._begin()
        self._thread = threading.Thread(target=self._run, name=f"status watch of {namespace or 'all'}", daemon=True)
        self._thread.start()

    def written(self, name: str) -> list[dict[str, Any]]:
        """Return the statuses that the sessions of a name have had, up to now, in their order."""
        until("the watch of the statuses has seen all there is", self._is_level)
        with self._lock:
            return list(self._written[name])

    def check(self) -> None:
        """Fail with what was broken since the last check, up to now.

        Raises:
            AssertionError: a rule was broken, or the watch does not see what there is.
        """
        if not self._ending.is_set():
            until("the watch of the statuses has seen all there is", self._is_level)
        with self._lock:
            self._rules.check()

    def end(self) -> None:
        """Wait for the last versions, and stop. `check` then fails with what was broken."""
        with contextlib.suppress(AssertionError):
            until("the watch of the statuses has seen all there is", self._is_level)
        self._ending.set()
        with self._lock:
            self._hang_up()
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive(), "the watch of the statuses does not end"

    def _is_level(self) -> bool:
        """Return whether the stream has delivered the current version of every session, and every deletion."""
        try:
            listed = self._list()
        except ApiError as error:
            if error.status != http.client.NOT_FOUND:
                raise
            # Nobody can have a session while the API server does not serve them.
            return True
        versions = {item["metadata"]["uid"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
        with self._lock:
            return versions == self._versions

    def _list(self) -> dict[str, Any]:
        return dict(self._api.request("GET", self._path))

    def _begin(self) -> None:
        """Start from a list of the present sessions."""
        listed = self._list()
        with self._lock:
            self._rules.forget()
            self._versions.clear()
            for session in listed["items"]:
                self._see(session)
            self._position = listed["metadata"]["resourceVersion"]

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                if self._position:
                    self._stream()
                else:
                    self._begin()
            except GapError:
                self._position = ""
            except (OSError, http.client.HTTPException, urllib3.exceptions.HTTPError, ApiError):
                self._ending.wait(PAUSE_SECONDS)

    def _stream(self) -> None:
        query = {"watch": "1", "resourceVersion": self._position, "timeoutSeconds": str(STREAM_SECONDS)}
        with contextlib.closing(self._api.connect()) as connection:
            connection.request("GET", f"/{self._path}?{urlencode(query)}")
            with self._lock:
                self._socket = connection.sock
                if self._ending.is_set():
                    self._hang_up()
            try:
                with connection.getresponse() as answer:
                    if answer.status != http.client.OK:
                        # The kind is not served, or the position is too old.
                        self._ending.wait(PAUSE_SECONDS)
                        raise GapError
                    for line in answer:
                        self._take(json.loads(line))
            finally:
                with self._lock:
                    self._socket = None

    def _take(self, event: dict[str, Any]) -> None:
        session = event["object"]
        if event["type"] == "ERROR":
            raise GapError
        meta = session["metadata"]
        with self._lock:
            self._position = meta["resourceVersion"]
            if event["type"] == "DELETED":
                self._versions.pop(meta["uid"], None)
                self._rules.forget(meta["uid"])
            else:
                self._see(session)

    def _see(self, session: dict[str, Any]) -> None:
        meta, status = session["metadata"], session.get("status")
        self._versions[meta["uid"]] = meta["resourceVersion"]
        if status and self._written[meta["name"]][-1:] != [status]:
            self._written[meta["name"]].append(status)
        self._rules.see(session)

    def _hang_up(self) -> None:
        """Interrupt the thread, which may be blocked in a read. It closes the connection itself."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Below TLS, whose state is the other thread's.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
