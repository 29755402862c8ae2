"""Sockets that Tomcat closes without notice: what is sent again, what is not, and that urllib3 sees a dead one.

Tomcat closes a socket after 20 seconds without a request. The moments of a close, seen from the client:

- `idle`: before the request. urllib3 looks at a socket before it uses it again.
- `unseen`: after urllib3 looked, and before the request arrives; here urllib3 is kept from looking.
- `late`: when the request has arrived.
"""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole.client import Account, GuacamoleClient
from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions.clients.guacamole.transport import LOG_IN, GuacamoleTransport
from blendersessions.model.errors import OutcomeUnknown, Unavailable
from blendersessions.model.user_credentials import UserCredentials
from contract.closing_server import TOKEN, ClosingServer, closing_server
from localcluster.pki import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REPEATABLE = ("GET", "HEAD", "PUT", "PATCH", "DELETE")
PATH = "api/session/data/postgresql/connections"
PASSWORD = "planted-password"


@pytest.fixture(params=[False, True], ids=["FIN", "RST"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ClosingServer]:
    async with closing_server() as server:
        server.resets = request.param
        yield server


@pytest.fixture
async def transport(server: ClosingServer) -> AsyncIterator[GuacamoleTransport]:
    """A transport with one idle socket in each of its pools."""
    transport = GuacamoleTransport(server.url)
    for method, path in (("GET", PATH), ("POST", LOG_IN)):
        await transport.send(method, path)
    server.received.clear()
    server.connections = 0
    yield transport
    await transport.close()


async def closed(server: ClosingServer, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the server close the sockets when the next request arrives."""
    if moment == "late":
        server.breaks = 1
        return
    await server.close_idle()
    if moment == "unseen":
        monkeypatch.setattr("urllib3.connectionpool.is_connection_dropped", lambda _: False)


@pytest.mark.parametrize("method", [*REPEATABLE, "POST"])
async def test_a_socket_that_was_closed_while_idle_is_not_used_again(
    server: ClosingServer, transport: GuacamoleTransport, method: str
) -> None:
    await server.close_idle()
    assert (await transport.send(method, PATH)).status_code == 200
    assert server.received == [f"{method} /guacamole/{PATH}"]
    assert server.connections == 1


@pytest.mark.parametrize("moment", ["unseen", "late"])
@pytest.mark.parametrize("method", REPEATABLE)
async def test_what_may_be_repeated_is_sent_again_on_another_socket(
    server: ClosingServer, transport: GuacamoleTransport, moment: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await closed(server, moment, monkeypatch)
    assert (await transport.send(method, PATH)).status_code == 200
    assert server.received == [f"{method} /guacamole/{PATH}"] * (2 if moment == "late" else 1)
    assert server.connections == 1


@pytest.mark.parametrize("moment", ["unseen", "late"])
async def test_a_post_is_never_sent_again_and_its_outcome_is_unknown(
    server: ClosingServer, transport: GuacamoleTransport, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await closed(server, moment, monkeypatch)
    with pytest.raises(OutcomeUnknown, match="does not answer"):
        await transport.send("POST", PATH, body={"name": "desk"})
    assert server.received == [f"POST /guacamole/{PATH}"] * (1 if moment == "late" else 0)
    assert server.connections == 0


@pytest.mark.parametrize("moment", ["idle", "unseen", "late"])
async def test_a_log_in_is_sent_again(server: ClosingServer, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SignInClient(server.url) as client:
        await client.sign_in(UserCredentials("ann", PASSWORD))
        await closed(server, moment, monkeypatch)
        assert await client.sign_in(UserCredentials("ann", PASSWORD)) == TOKEN


async def test_a_request_is_sent_again_once_only(server: ClosingServer, transport: GuacamoleTransport) -> None:
    server.breaks = 3
    with pytest.raises(Unavailable) as raised:
        await transport.send("GET", PATH)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert len(server.received) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_after_a_time_out_nothing_is_sent_again(
    server: ClosingServer, transport: GuacamoleTransport, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blendersessions.clients.guacamole.transport.READ_TIMEOUT_SECONDS", 0.1)
    server.silent = True
    with pytest.raises(OutcomeUnknown if method == "POST" else Unavailable, match="ReadTimeout"):
        await transport.send(method, PATH)
    assert len(server.received) <= 1


@pytest.mark.parametrize("resets", [False, True], ids=["FIN", "RST"])
async def test_a_socket_of_tls_that_was_closed_while_idle_is_not_used_again(resets: bool, tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    authority = Authority.create(now)
    ca_file, _ = authority.pair.write(tmp_path, "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("guacamole", now, hosts=("127.0.0.1",)).write(tmp_path, "server"))
    async with closing_server(context) as server:
        server.resets = resets
        transport = GuacamoleTransport(server.url, ca_file)
        for _ in range(2):
            await transport.send("POST", PATH)
        assert server.connections == 1, "a socket that lives is used again"
        await server.close_idle()
        assert (await transport.send("POST", PATH)).status_code == 200
        assert len(server.received) == 3
        await transport.close()


async def test_no_token_and_no_password_is_logged(
    server: ClosingServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    client = GuacamoleClient(Account(server.url, "admin", tmp_path / "password"))
    with caplog.at_level(logging.DEBUG):
        server.breaks = 1
        await client.get("connections")
        server.breaks = 1
        await client.get("connections")
        await server.close_idle()
        await client.call("POST", "connections", body={"parameters": {"password": PASSWORD}})
        await client.close()
    assert "urllib3" in caplog.text
    assert TOKEN not in caplog.text
    assert PASSWORD not in caplog.text


async def test_no_cookie_and_no_environment_gets_into_a_request(
    server: ClosingServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    async with SignInClient(server.url) as client:
        await client.sign_in(UserCredentials("ann", PASSWORD))
        await client.is_alive(TOKEN)
        await client.sign_out(TOKEN)
    assert server.received == [
        "POST /guacamole/api/tokens",
        "HEAD /guacamole/api/session",
        "DELETE /guacamole/api/session",
    ]
    assert not [
        line for head in server.headers for line in head.lower().splitlines() if line.startswith(("cookie", "auth"))
    ]
