"""A real nginx with the configuration of a sign-on: what the portal is asked, and what Guacamole gets to know."""

from __future__ import annotations

import http.client
import json
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from contract.proxies import BURST, THERE, Proxy, started
from http_servers import Silent, answering, loopback
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PERSON_HEADER = "X-Person-" + "P" * 32
KEY = "k" * 64
COOKIE = "blender-browser=word; HttpOnly; Path=/; SameSite=lax"


class Upstream(Silent, BaseHTTPRequestHandler):
    """The portal, which knows everybody as alice, and Guacamole. Both answer with the headers that they got."""

    protocol_version = "HTTP/1.1"
    asked: dict[str, str]
    """What the portal was asked last."""
    lines: list[tuple[str, str]]
    """The headers that Guacamole got last, also those that came twice."""

    def do_GET(self) -> None:
        headers = dict(self.headers.items())
        type(self).lines = self.headers.items()
        body = json.dumps(headers).encode()
        self.send_response(200)
        if self.path == "/internal/person":
            type(self).asked = headers
            self.send_header("X-Person", "alice")
            self.send_header("Set-Cookie", COOKIE)
            body = b""
        self.send_header("Cache-Control", "max-age=60")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with answering(loopback(Upstream)) as server:
        yield server.server_port


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, upstream: int) -> Iterator[Proxy]:
    headers = "X-Forwarded-User,X-Forwarded-Groups,X-Studio-Proof"
    variables = {"PERSON_HEADER": PERSON_HEADER, "SIGN_ON_KEY": KEY, "SIGN_ON_HEADERS": headers}
    with started(tmp_path_factory.mktemp("nginx"), upstream, **variables) as proxy:
        yield proxy


SECRETS = {
    "Cookie": "__Host-blender-sign-on=key; _oauth2_proxy=key",
    "Authorization": "Bearer secret",
    "X-Forwarded-Access-Token": "secret",
    "X-Auth-Request-Access-Token": "secret",
    "X-Auth-Token": "secret",
    "X-Forwarded-User": "alice",
    "X-Forwarded-Groups": "staff",
    "X-Studio-Proof": "secret",
    "X-Auth-Request-Id-Token": "secret",
    "X-Forwarded-Email": "alice@example.org",
    "Remote-Email": "alice@example.org",
    "X-authentik-jwt": "secret",
    "X-Pomerium-Jwt-Assertion": "secret",
    "Cf-Access-Jwt-Assertion": "secret",
    "X-Goog-IAP-JWT-Assertion": "secret",
    "X-Sign-On-Key": "forged",
    "Remote-User": "guacadmin",
    "Remote_User": "guacadmin",
}


@pytest.mark.parametrize("path", ["/guacamole/", "/guacamole/api/tokens", "/guacamole/app.js"])
def test_guacamole_gets_nothing_that_opens_another_door(proxy: Proxy, path: str) -> None:
    got = proxy.send("GET", path, **SECRETS, **{"Guacamole-Token": "ABC", PERSON_HEADER: "guacadmin"}).json()
    names = {name.lower() for name in got}
    assert not names & {name.lower() for name in SECRETS if name not in {"Remote-User", "Remote_User"}}
    assert got[PERSON_HEADER] == "alice"
    assert got["Guacamole-Token"] == "ABC"


SPELLINGS = {
    spelt for name in (PERSON_HEADER, PERSON_HEADER.replace("-", "_")) for spelt in (name, name.lower(), name.upper())
}


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("path", ["/guacamole/api/tokens", "/guacamole/websocket-tunnel?token=A"])
def test_guacamole_gets_one_name_and_it_is_the_portals(proxy: Proxy, path: str, times: int, spelling: str) -> None:
    """Of two lines Guacamole takes the first (exchange `header-twice`), and no letter's case makes another header."""
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=DEADLINE_SECONDS)
    connection.putrequest("GET", path)
    for name in (spelling,) * times:
        connection.putheader(name, "guacadmin")
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()
    named = [value for name, value in Upstream.lines if name.lower().replace("_", "-") == PERSON_HEADER.lower()]
    assert named == ["alice"]
    assert "guacadmin" not in str(Upstream.lines)


@pytest.mark.parametrize("name", ["REMOTE_USER", "Remote_User", "remote_user", "HTTP_REMOTE_USER"])
def test_guacamoles_own_name_for_the_header_never_arrives(
    tmp_path: Path, proxy: Proxy, upstream: int, name: str
) -> None:
    """A Guacamole of one's own may have the header extension with the name that it has by default."""
    with started(tmp_path, upstream) as guests:
        for each in (proxy, guests):
            each.send("GET", "/guacamole/api/tokens", **{name: "guacadmin"})
            assert "guacadmin" not in str(Upstream.lines)


def test_guacamole_gets_no_cookie_of_guests_either(tmp_path: Path, upstream: int) -> None:
    with started(tmp_path, upstream) as proxy:
        assert "Cookie" not in proxy.send("GET", "/guacamole/", **SECRETS).json()
        assert "Cookie" in proxy.send("GET", "/", **SECRETS).json(), "the portal needs them"


def test_the_portal_is_shown_the_token_as_the_browser_wrote_it(proxy: Proxy) -> None:
    query = "TOKEN=A&tok%65n=%41&token=B+C"
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=DEADLINE_SECONDS)
    headers = {"Guacamole-Token": "D", "X-Guacamole-Query": "E"}
    connection.request("GET", f"/guacamole/websocket-tunnel?{query}", headers=headers)
    assert connection.getresponse().status == 200
    connection.close()
    assert (Upstream.asked["X-Guacamole-Query"], Upstream.asked["Guacamole-Token"]) == (query, "D")
    proxy.send("GET", "/guacamole/app.js", **{"X-Guacamole-Query": "token=forged"})
    assert "X-Guacamole-Query" not in Upstream.asked
    assert Upstream.asked["X-Sign-On-Key"] == KEY


def test_guacamole_gets_the_token_that_the_portal_was_shown(proxy: Proxy) -> None:
    """Of a header that comes twice, nginx before 1.23 takes the first line, and later ones take both."""
    connection = http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=DEADLINE_SECONDS)
    connection.putrequest("GET", "/guacamole/app.js")
    for token in ("A", "B"):
        connection.putheader("Guacamole-Token", token)
    connection.endheaders()
    got = json.loads(connection.getresponse().read())
    connection.close()
    assert got["Guacamole-Token"] == Upstream.asked["Guacamole-Token"]


@pytest.mark.parametrize(
    "address",
    ["websocket-tunnel?a=1#&token=A", "websocket-tunnel#?token=A", "#", "api/tokens#?token=A", "app.js?token=A#"],
)
def test_nothing_stands_where_the_portal_does_not_look(proxy: Proxy, address: str) -> None:
    place = urlsplit(proxy.url)
    with socket.create_connection((place.hostname or "", place.port or 0), DEADLINE_SECONDS) as connection:
        connection.sendall(f"GET /guacamole/{address} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        assert connection.makefile("rb").readline().split()[1] == b"400"


@pytest.mark.parametrize(
    ("asked", "passed"),
    [("websocket", "websocket"), ("WebSocket", "websocket"), ("h2c", None), ("websocket, h2c", None)],
)
def test_only_websockets_change_the_protocol(proxy: Proxy, asked: str, passed: str | None) -> None:
    """After any other change the proxy would see no further request."""
    for path in ("/guacamole/app.js", "/"):
        got = proxy.send("GET", path, Upgrade=asked, Connection="Upgrade").json()
        assert got.get("Upgrade") == passed
        assert got.get("Connection", "").lower() == ("upgrade" if passed else "close" if "Connection" in got else "")


def test_tunnels_by_http_can_be_closed(tmp_path: Path, upstream: int, proxy: Proxy) -> None:
    """Their token stands in a body. Tomcat reads each of these as the path of such a tunnel."""
    tunnels = ["tunnel?connect", "tunnel;a?connect", ";a/tunnel?connect", "%74unnel?read:1", "a/../tunnel", "/tunnel"]
    variables = {"PERSON_HEADER": PERSON_HEADER, "SIGN_ON_KEY": KEY, "WEB_SOCKET_ONLY": "true", "BURST": "20"}
    with started(tmp_path, upstream, **variables) as closed:
        for path in tunnels:
            connection = http.client.HTTPConnection(urlsplit(closed.url).netloc, timeout=DEADLINE_SECONDS)
            connection.request("POST", f"/guacamole/{path}", body="token=A")
            assert connection.getresponse().status == 403, path
            connection.close()
        for path in ("", "websocket-tunnel?token=A", "api/session/tunnels/a/protocol", "app.js"):
            assert closed.send("GET", f"/guacamole/{path}").status_code == 200
    assert proxy.send("POST", "/guacamole/tunnel?connect").status_code == 200, "it is open by default"


def test_who_begins_at_guacamoles_page_is_known_again(proxy: Proxy) -> None:
    page = proxy.send("GET", "/guacamole/")
    assert page.headers["Set-Cookie"] == COOKIE
    assert page.headers["Cache-Control"] == "private, no-cache", "the page is never shown without a question"
    assert "Set-Cookie" not in proxy.send("GET", "/guacamole/app.js").headers


def test_a_provider_may_end_many_sign_ons_at_once(proxy: Proxy) -> None:
    assert proxy.statuses("POST", "/sign-on/back-channel", 20 * BURST) == [200] * 20 * BURST
    large = requests.post(proxy.url + "/sign-on/back-channel", data=b"a" * 200_000, timeout=DEADLINE_SECONDS)
    assert large.status_code == 413


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/callback?state=a&code=b"])
def test_the_sign_ins_of_one_address_are_limited(proxy: Proxy, path: str) -> None:
    address = f"198.51.100.{len(path)}"
    statuses = proxy.statuses("GET", path, 20 * BURST, address)
    assert set(statuses[: 4 * BURST + 1]) == {200}, "a sign-in is two requests, and some have tabs"
    assert 429 in statuses
    assert proxy.statuses("GET", path, BURST, THERE) == [200] * BURST, "another address is served"
    assert proxy.statuses("GET", "/", BURST, address) == [200] * BURST, "the pages are served"
