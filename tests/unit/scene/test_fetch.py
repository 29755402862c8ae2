"""A scene is fetched by HTTPS from allowed addresses only, within its bounds, and whatever the server does is told."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest

from limits.room import NoRoom, Reservation
from scene.addresses import parse_networks
from scene.failure import Reason, SceneRefused
from scene.fetch import Fetch, Fetched, Limits, Pace
from scene.web import Web
from tls_server import Answering, TlsServer, tls_server
from unit.limits.rooms import RoomOf
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("loopback_is_open")
CONTENT = bytes(range(256)) * 4000
LIMITS = Limits(max_bytes=10_000_000, seconds=DEADLINE_SECONDS)
PACE = Pace(tries=3, pause_seconds=0.0, window_seconds=DEADLINE_SECONDS)
LOCAL = "127.0.0.0/8"
NAME = "scenes.example"


class Run:
    """One fetch of a test."""

    def __init__(self, server: TlsServer, folder: Path) -> None:
        self.server = server
        self.folder = folder / "home"
        self.target = self.folder / "fetched"
        self.told: list[str] = []
        self.networks = LOCAL
        self.room_bytes = 20_000_000
        self.addresses: list[Sequence[str]] = [["127.0.0.1"]]

    async def look_up(self, host: str, _port: int) -> Sequence[str]:
        """Give the addresses of a test, the last ones for ever."""
        assert host == NAME
        return self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]

    async def fetch(self, url: str = "", *, sha256: str = "", limits: Limits = LIMITS, pace: Pace = PACE) -> Fetched:
        web = Web(parse_networks(self.networks), self.server.ca_file, self.look_up)
        url = url or self.server.url("/s/cart.blend")
        self.folder.mkdir(exist_ok=True)
        with RoomOf(self.folder, self.room_bytes).reservation("the scene") as room:
            return await Fetch(web, url, sha256, self.target, limits, room, self.told.append, pace).run()

    async def cut(self, answering: Answering, content: bytes, *headers: str) -> None:
        """Send a part of a file, and end once some of it was received: the rest may be lost with the connection."""
        await answering.respond("200 OK", content, *headers, length=len(CONTENT))
        await asyncio.to_thread(until, "something was received", lambda: len(self.told) > 1)

    async def refusal(self, url: str = "", **options: object) -> SceneRefused:
        """Return why the fetch is refused."""
        with pytest.raises(SceneRefused) as refused:
            await self.fetch(url, **options)  # type: ignore[arg-type]
        return refused.value


async def whole(answering: Answering) -> None:
    await answering.respond("200 OK", CONTENT, 'ETag: "1"')


async def test_a_file_is_fetched(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole) as server:
        run = Run(server, tmp_path)
        fetched = await run.fetch(sha256=hashlib.sha256(CONTENT).hexdigest().upper())
    assert fetched == Fetched("cart.blend")
    assert run.target.read_bytes() == CONTENT
    assert run.told[0] == f"{server.url('/s/cart.blend')} is being fetched."
    assert run.told[-1] == f"{server.url('/s/cart.blend')} is being fetched: 1 of 1 MB."
    assert server.asked[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("path", "disposition", "expected"),
    [
        ("/x/cart.blend?name=a.blend#b", "", "cart.blend"),
        ("/%E6%97%A5.zip", "", "日.zip"),
        ("/download?id=5", 'attachment; filename="my cart.blend"', "my cart.blend"),
        ("/download", "attachment; filename*=UTF-8''%E6%97%A5.blend", "日.blend"),
        ("/download", 'attachment; filename="../../x.blend"', "../../x.blend"),
        ("/cart.zip", "inline", "cart.zip"),
        ("/cart.zip", 'attachment; filename="readme"', "cart.zip"),
        ("/", "", ""),
    ],
)
async def test_the_name_is_the_servers_or_the_urls(tmp_path: Path, path: str, disposition: str, expected: str) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("200 OK", CONTENT, *([f"Content-Disposition: {disposition}"] if disposition else []))

    with tls_server(tmp_path, script) as server:
        assert (await Run(server, tmp_path).fetch(server.url(path))).name == expected


async def test_an_answer_without_a_length_is_fetched_too(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch()
    assert run.target.read_bytes() == b"hello"
    assert run.told[-1].endswith("is being fetched: 1 MB.")


async def test_redirects_are_followed(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        left = int(answering.asked[""].rpartition("/")[2])
        if left:
            await answering.respond("302 Found", b"", f"Location: {left - 1}")
        else:
            await answering.respond("200 OK", CONTENT)

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch(server.url("/5"))
        refusal = await run.refusal(server.url("/6"))
    assert refusal.reason == Reason.UNREACHABLE
    assert "leads on to another address more than 5 times" in str(refusal)


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/x", "ftp://x/y", "file:///etc/passwd", "https://me:secret@127.0.0.1/", ""],
)
async def test_a_redirect_to_anything_but_https_is_refused(tmp_path: Path, location: str) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("302 Found", b"", f"Location: {location}")

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal()
    assert refusal.reason == Reason.UNREACHABLE
    assert "an address that is not allowed: only https" in str(refusal)
    assert "secret" not in str(refusal)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "2130706433", "127.1"])
async def test_a_private_address_is_refused(tmp_path: Path, host: str) -> None:
    with tls_server(tmp_path, whole) as server:
        run = Run(server, tmp_path)
        run.networks = ""
        refusal = await run.refusal(f"https://{host}:{server.port}/x")
        assert server.asked == []
    assert refusal.reason == Reason.UNREACHABLE
    assert "is not a public address" in str(refusal)


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "169.254.169.254", "2130706433", "127.1"])
async def test_a_redirect_to_a_private_address_is_refused(tmp_path: Path, host: str) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("302 Found", b"", f"Location: https://{host}:{server.port}/x")

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        run.networks = "127.0.0.1/32"
        assert "is not a public address" in str(await run.refusal())
        assert len(server.asked) == 1


async def test_a_name_that_leads_to_a_private_address_is_refused_without_telling_it(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole, "127.0.0.1", NAME) as server:
        run = Run(server, tmp_path)
        run.networks = ""
        refusal = await run.refusal(server.url("/x", NAME))
        assert server.asked == []
    assert str(refusal).startswith(f"{NAME} is not a public address")
    assert "127.0.0.1" not in str(refusal)


async def test_a_name_that_changes_its_address_is_refused_at_that_moment(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("503 Service Unavailable")

    with tls_server(tmp_path, script, "127.0.0.1", NAME) as server:
        run = Run(server, tmp_path)
        run.addresses = [["127.0.0.1"], ["10.0.0.1", "169.254.169.254"]]
        refusal = await run.refusal(server.url("/x", NAME))
        assert len(server.asked) == 1
    assert "is not a public address" in str(refusal)


async def test_of_several_addresses_only_the_allowed_ones_are_used(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole, "127.0.0.1", NAME) as server:
        run = Run(server, tmp_path)
        run.addresses = [["10.0.0.1", "127.0.0.1", "::1"]]
        await run.fetch(server.url("/cart.blend", NAME))
    assert run.target.read_bytes() == CONTENT


async def test_the_environments_proxy_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with tls_server(tmp_path, whole) as server:
        await Run(server, tmp_path).fetch()


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with tls_server(tmp_path, whole) as server, tls_server(tmp_path / "other", whole) as other:
        run = Run(server, tmp_path)
        refusal = await run.refusal(other.url("/x"))
        wrong_name = await run.refusal(server.url("/x", NAME))
    assert refusal.reason == wrong_name.reason == Reason.UNREACHABLE
    assert "The certificate of 127.0.0.1 is not trusted" in str(refusal)
    assert f"The certificate of {NAME} is not trusted" in str(wrong_name)


async def test_an_authority_that_is_no_certificate(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole) as server:
        server.ca_file.write_text("nonsense")
        refusal = await Run(server, tmp_path).refusal()
    assert "transfer.caConfigMap" in str(refusal)


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "401 Unauthorized", "204 No Content"])
async def test_an_error_that_stays_is_final(tmp_path: Path, status: str) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond(status)

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal()
        assert len(server.asked) == 1
    assert refusal.reason == Reason.UNREACHABLE
    assert f"answers with HTTP status {status[:3]}" in str(refusal)


@pytest.mark.parametrize("status", ["500 Error", "503 Busy", "429 Many"])
async def test_an_error_that_may_pass_is_tried_again(tmp_path: Path, status: str) -> None:
    async def script(answering: Answering) -> None:
        await (
            whole(answering) if len(server.asked) == PACE.tries else answering.respond(status, b"", "Retry-After: 0")
        )

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch()
    assert run.target.read_bytes() == CONTENT
    assert f"{server.url('/s/cart.blend')} answers with HTTP status {status[:3]}. It is tried again." in run.told


async def test_what_does_not_pass_ends(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("500 Error")

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal()
        assert len(server.asked) == PACE.tries
    assert f"It was tried {PACE.tries} times." in str(refusal)


async def test_nobody_answers(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole) as server:
        run = Run(server, tmp_path)
    refusal = await run.refusal(server.url("/x?token=secret"))
    assert refusal.reason == Reason.UNREACHABLE
    assert str(refusal).startswith(f"{server.url('/x')} does not answer.")


async def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole) as server:
        run = Run(server, tmp_path)

        async def unknown(_host: str, _port: int) -> Sequence[str]:
            raise OSError(-2, "Name or service not known")

        run.look_up = unknown  # type: ignore[method-assign]
        refusal = await run.refusal(server.url("/x", NAME))
    assert str(refusal).startswith(f"{NAME} has no address.")


async def test_a_transfer_that_was_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        begin = int(answering.asked.get("range", "bytes=0-")[6:-1])
        if begin:
            assert answering.asked["if-range"] == '"1"'
            part = f"Content-Range: bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"
            await answering.respond("206 Partial Content", CONTENT[begin:], part, 'ETag: "1"')
        else:
            await run.cut(answering, CONTENT[:500_000], 'ETag: "1"')

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch(sha256=hashlib.sha256(CONTENT).hexdigest())
        assert len(server.asked) == 2
    assert run.target.read_bytes() == CONTENT


@pytest.mark.parametrize("tags", [[], ['ETag: W/"1"'], ['ETag: "1"']])
async def test_a_file_that_cannot_go_on_begins_again(tmp_path: Path, tags: list[str]) -> None:
    async def script(answering: Answering) -> None:
        if len(server.asked) == 1:
            await run.cut(answering, b"x" * 500_000, *tags)
        else:
            # It changed meanwhile, or the server knows no parts.
            await answering.respond("200 OK", CONTENT)

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch(sha256=hashlib.sha256(CONTENT).hexdigest())
    assert run.target.read_bytes() == CONTENT


@pytest.mark.parametrize("answer", ["416 Range Not Satisfiable", "206 Partial Content"])
async def test_a_part_that_does_not_fit_begins_again(tmp_path: Path, answer: str) -> None:
    async def script(answering: Answering) -> None:
        if len(server.asked) == 1:
            await run.cut(answering, CONTENT[:1000], 'ETag: "1"')
        elif "range" in answering.asked:
            await answering.respond(answer, b"y", "Content-Range: bytes 5-5/6")
        else:
            await whole(answering)

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch()
    assert run.target.read_bytes() == CONTENT


async def test_a_wrong_checksum(tmp_path: Path) -> None:
    with tls_server(tmp_path, whole) as server:
        refusal = await Run(server, tmp_path).refusal(sha256="0" * 64)
    assert refusal.reason == Reason.CHECKSUM_MISMATCH
    assert hashlib.sha256(CONTENT).hexdigest() in str(refusal)


async def test_ten_gigabytes_are_refused_when_they_are_announced(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("200 OK", b"", length=10_000_000_000)
        await answering.hang()

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal()
    assert refusal.reason == Reason.TOO_LARGE
    assert "larger than the 10 MB that the session class allows (it has 10.0 GB or more)" in str(refusal)


async def test_what_has_no_end_is_refused_when_it_is_too_large(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await answering.send(bytes(100_000))

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        refusal = await run.refusal()
    assert refusal.reason == Reason.TOO_LARGE
    assert run.target.stat().st_size <= LIMITS.max_bytes


async def test_what_does_not_fit_into_the_home_folder(tmp_path: Path) -> None:
    async def without_length(answering: Answering) -> None:
        await answering.send(b"HTTP/1.1 200 OK\r\n\r\n" + CONTENT)

    for script in (whole, without_length):
        with tls_server(tmp_path, script) as server:
            run = Run(server, tmp_path)
            run.room_bytes = len(CONTENT) - 1
            with pytest.raises(NoRoom, match="no room for the scene"):
                await run.fetch()
        assert run.target.stat().st_size < len(CONTENT)


async def test_a_slow_drip_is_given_up(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("200 OK", b"x", length=len(CONTENT))
        await answering.hang()

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal(pace=Pace(window_seconds=0.1, tries=50, pause_seconds=0.0))
    assert refusal.reason == Reason.UNREACHABLE
    assert "sends too slowly: 1 bytes in 0.1 seconds" in str(refusal)


async def test_a_server_that_falls_silent_is_asked_again(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        if len(server.asked) == 1:
            await answering.respond("200 OK", length=len(CONTENT))
            await answering.hang()
        else:
            await whole(answering)

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        await run.fetch(pace=Pace(window_seconds=0.1, window_bytes=1, tries=50, pause_seconds=0.0))
    assert run.target.read_bytes() == CONTENT


async def test_the_time_is_over(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("200 OK", CONTENT[:10], length=len(CONTENT))
        await answering.hang()

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal(limits=Limits(10_000_000, 0.2))
    assert refusal.reason == Reason.UNREACHABLE
    assert "did not arrive within 0.2 seconds" in str(refusal)


@pytest.mark.parametrize(
    ("header", "reason", "words"),
    [
        ("Content-Encoding: gzip", Reason.UNREACHABLE, "compressed, although that was not asked for"),
        ("Content-Type: text/html; charset=utf-8", Reason.UNREADABLE, "gives a web page and not a file"),
    ],
)
async def test_what_is_no_file_as_it_is(tmp_path: Path, header: str, reason: Reason, words: str) -> None:
    async def script(answering: Answering) -> None:
        await answering.respond("200 OK", CONTENT, header)

    with tls_server(tmp_path, script) as server:
        refusal = await Run(server, tmp_path).refusal()
    assert refusal.reason == reason
    assert words in str(refusal)


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 999\r\n"]
)
async def test_what_is_no_http(tmp_path: Path, answer: bytes) -> None:
    async def script(answering: Answering) -> None:
        await answering.send(answer)

    with tls_server(tmp_path, script) as server:
        assert (await Run(server, tmp_path).refusal()).reason == Reason.UNREACHABLE


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1/cart.blend",
        "file:///etc/passwd",
        "https://",
        "https:///cart.blend",
        "https://me:secret@127.0.0.1/cart.blend",
        "https://127.0.0.1:99999/cart.blend",
        "https://[::1/cart.blend",
        "cart.blend",
    ],
)
async def test_an_address_of_another_form_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SceneRefused, match="must have the form https") as refused:
        Fetch(Web(()), url, "", tmp_path / "fetched", LIMITS, Reservation(RoomOf(tmp_path), "x"), print)
    assert "secret" not in str(refused.value)


async def test_no_message_holds_what_may_be_secret(tmp_path: Path) -> None:
    async def script(answering: Answering) -> None:
        if len(server.asked) == 1:
            await answering.respond("302 Found", b"", "Location: /next?token=secret#secret")
        elif len(server.asked) == 2:
            await answering.respond("500 Error")
        else:
            await answering.respond("403 Forbidden")

    with tls_server(tmp_path, script) as server:
        run = Run(server, tmp_path)
        refusal = await run.refusal(server.url("/cart.blend?token=secret#secret"))
    assert "secret" not in " ".join([*run.told, str(refusal)])
    assert server.url("/cart.blend") in run.told[0]
