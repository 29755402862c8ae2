"""The files of a session, by its page: seen, taken out, put in and deleted by its own browser alone."""

from __future__ import annotations

import io
import zipfile
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from blendersessions_portal.transfer_rules import TransferRules

if TYPE_CHECKING:
    import httpx

    from unit.portal.fake_agent import FakeAgent
    from unit.portal.portals import Browser, Portal

HOSTILE = [
    "<img src=x onerror=alert(1)>.blend",
    "\"quoted\" & 'single'.blend",
    "-",
    "-rf *.blend",
    "椅子.blend",
    "كرسي.blend",
    "ZWNJ می‌خواهم.blend",
    "half%2Fway?#.blend",
    " spaces .blend",
    "{{ 7 * 7 }}.blend",
    "\u202edneb.blend",
]


def part(page: str, name: str) -> str:
    """The row of a file."""
    return page.partition(f'data-file="{name}"')[2].partition("</li>")[0]


async def put(browser: Browser, address: str, content: bytes, **headers: str) -> httpx.Response:
    return await browser.put(address, content=content, headers={"X-CSRF-Token": browser.csrf, **headers})


async def test_a_folder_is_listed_with_a_link_to_each_file(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.files = {"cart.blend": b"x" * 12_345_678, "renders/2026/a.png": b"1", "empty.txt": b""}
    page = (await browser.see(f"{session}/files")).text
    assert f'href="{session}/files/cart.blend"' in page
    assert "12 MB · " in page
    assert "2026-11-24 11:30 UTC" in page
    assert "0 bytes" in page
    assert f'href="{session}/files?path=renders"' in page
    assert page.index("renders") < page.index("cart.blend"), "folders come first"

    deeper = (await browser.see(f"{session}/files?path=renders/2026")).text
    assert f'href="{session}/files/renders/2026/a.png"' in deeper
    assert f'<a href="{session}/files"><bdi>Home folder</bdi></a>' in deeper
    assert f'<a href="{session}/files?path=renders"><bdi>renders</bdi></a>' in deeper
    assert f'href="{session}/archive?path=renders%2F2026"' in deeper

    assert f'href="{session}/files"' in (await browser.see(f"{session}?stay=yes")).text


@pytest.mark.parametrize("name", HOSTILE)
async def test_any_name_comes_in_is_shown_and_comes_out_again(
    browser: Browser, session: str, agent: FakeAgent, name: str
) -> None:
    await browser.see(f"{session}/files")
    assert (await put(browser, f"{session}/files/{quote(name, safe='')}", b"content")).status_code == 200
    assert agent.files == {name: b"content"}
    page = (await browser.see(f"{session}/files")).text
    assert "<img src=x" not in page
    assert "49.blend" not in page
    assert f">{name}<" in unescape(page)
    answer = await browser.get(f"{session}/files/{quote(name)}")
    assert answer.content == b"content"
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    await browser.submit(f"{session}/delete", path=name)
    assert agent.files == {}


async def test_a_file_is_taken_out_whole_and_in_parts(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.files = {"a.blend": bytes(range(256)) * 1000}
    address = f"{session}/files/a.blend"
    whole = await browser.get(address)
    assert whole.content == agent.files["a.blend"]
    assert whole.headers["content-length"] == "256000"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in whole.headers["content-security-policy"]

    rest = await browser.get(address, headers={"Range": "bytes=255990-", "If-Range": whole.headers["etag"]})
    assert (rest.status_code, rest.content) == (206, whole.content[255990:])
    assert rest.headers["content-range"] == "bytes 255990-255999/256000"
    changed = await browser.get(address, headers={"Range": "bytes=255990-", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    assert (await browser.get(address, headers={"Range": "bytes=300000-"})).status_code == 416

    agent.withheld = "Nobody may have this."
    refused = await browser.get(address, headers={"Range": "bytes=0-"})
    assert (refused.status_code, "Nobody may have this." in refused.text) == (400, True), "not for its range"
    agent.withheld = ""

    head = await browser.head(address)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "256000")


async def test_a_folder_is_taken_out_as_one_zip(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.files = {"renders/a.png": b"1", "renders/b.png": b"2", "cart.blend": b"3"}
    answer = await browser.get(f"{session}/archive?path=renders")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''renders.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["renders/a.png", "renders/b.png"]
    everything = await browser.get(f"{session}/archive")
    assert everything.headers["content-disposition"].endswith(f"''{session.removeprefix('/sessions/')}.zip")


async def test_a_form_without_scripts_puts_a_file_into_the_folder(
    browser: Browser, session: str, agent: FakeAgent
) -> None:
    await browser.see(f"{session}/files")
    content = b"\r\n--a boundary\r\n\r\n" * 9000
    answer = await browser.post(
        f"{session}/files?path=new/deep",
        data={"csrf": browser.csrf},
        files={"file": ("C:\\scenes\\椅子 %22.blend", content, "application/x-blender")},
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{session}/files?path=new%2Fdeep")
    assert agent.files == {'new/deep/椅子 ".blend': content}


async def test_a_file_of_the_same_name_is_replaced_only_if_the_browser_says_so(
    browser: Browser, session: str, agent: FakeAgent
) -> None:
    await browser.see(f"{session}/files")
    agent.files["a.png"] = b"old"
    sent = {"file": ("a.png", b"new")}
    for answer, status in (
        (await put(browser, f"{session}/files/a.png", b"new", **{"If-None-Match": "*"}), 412),
        (await browser.post(f"{session}/files", data={"csrf": browser.csrf}, files=sent), 400),
    ):
        assert answer.status_code == status
        assert "a.png is there already, and was not replaced." in answer.text
        assert agent.files == {"a.png": b"old"}
    # Without scripts nobody asks, so the page says how.
    assert "Tick “Replace a file of the same name”, or give the file another name." in answer.text
    answer = await browser.post(f"{session}/files", data={"csrf": browser.csrf, "replace": "yes"}, files=sent)
    assert (answer.status_code, agent.files) == (303, {"a.png": b"new"})


async def test_a_form_without_scripts_opens_a_file_in_blender(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent
) -> None:
    portal.store.make_awaiting(portal.store.only)
    await browser.see(session)
    fields = {"data": {"csrf": browser.csrf}, "files": {"file": ("cart.blend", b"BLENDER")}}
    agent.refusal = (415, {"message": "It was saved by Blender <5.2>.", "reason": "SceneTooNew"})
    refused = await browser.post(f"{session}/scene", **fields)
    assert refused.status_code == 400
    assert "It was saved by Blender &lt;5.2&gt;." in refused.text
    assert f'href="{session}">Choose another file</a>' in refused.text
    assert not agent.opened

    agent.refusal = None
    answer = await browser.post(f"{session}/scene", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, session)
    assert agent.opened == ["cart.blend"]


async def test_a_desktop_writes_no_lines_of_its_own_into_the_log(
    browser: Browser, session: str, agent: FakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    await browser.see(f"{session}/files")
    agent.refusal = (500, {"message": "No room.\n2026-11-24 INFO all: is well\x1b[2J"})
    refused = await put(browser, f"{session}/files/cart.blend", b"BLENDER")
    assert refused.status_code == 503
    assert refused.json() == {"message": "No room.?2026-11-24 INFO all: is well?[2J"}
    assert not [record for record in caplog.records if "\n" in record.getMessage()]


async def test_a_form_without_a_file_says_so(browser: Browser, session: str, agent: FakeAgent) -> None:
    await browser.see(f"{session}/files")
    form = {"data": {"csrf": browser.csrf}, "files": {"file": ("", b"")}}
    for answer in (
        await browser.post(f"{session}/files", **form),
        await browser.post(f"{session}/files", data={"csrf": browser.csrf}),
        await browser.post(f"{session}/scene", data={"csrf": browser.csrf, "file": "x" * 20_000}),
        await browser.post(f"{session}/scene", files={"other": (None, b"x" * 20_000)}),
        await browser.post(f"{session}/files", content=b"--b", headers={"Content-Type": "multipart/form-data"}),
    ):
        assert answer.status_code == 400
        assert "No file was chosen" in answer.text
    assert agent.files == {}


async def test_a_script_gets_the_agents_words_as_json(browser: Browser, session: str, agent: FakeAgent) -> None:
    await browser.see(f"{session}/files")
    assert (await put(browser, f"{session}/scene/a.blend", b"BLENDER")).json() == {"file": "a.blend"}
    for status, portals, words in (
        (415, 400, "Blender cannot read it."),
        (409, 409, "A folder has this name."),
        (507, 400, "The disk is full."),
        (429, 503, "Four files are on their way. Try again."),
    ):
        agent.refusal = (status, {"message": words})
        answer = await put(browser, f"{session}/scene/b.blend", b"BLENDER")
        assert (answer.status_code, answer.json()) == (portals, {"message": words})
    assert agent.opened == ["a.blend"]


@pytest.mark.parametrize("rules", [TransferRules(max_bytes=6), TransferRules(upload=False)])
async def test_what_the_class_does_not_take_is_not_sent_on(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent, rules: TransferRules
) -> None:
    await browser.see(f"{session}/files")
    portal.store.rules_of["default"] = rules
    for address in (f"{session}/files/a.blend", f"{session}/scene/a.blend"):
        answer = await put(browser, address, b"BLENDER")
        assert answer.status_code in (400, 413)
        assert answer.json()["message"]
    for address in (f"{session}/files", f"{session}/scene"):
        answer = await browser.post(address, data={"csrf": browser.csrf}, files={"file": ("a.blend", b"BLENDER")})
        assert answer.status_code == 400
    assert agent.files == {}


async def test_where_nothing_goes_out_the_page_says_so(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent
) -> None:
    agent.files = {"a.blend": b"1"}
    portal.store.rules_of["default"] = TransferRules(download=False)
    page = unescape((await browser.see(f"{session}/files")).text)
    assert "Files cannot be taken out here" in page
    assert "Download" not in part(page, "a.blend")
    assert "as .zip" not in page
    for address in (f"{session}/files/a.blend", f"{session}/archive"):
        assert (await browser.get(address)).status_code == 400


async def test_where_nothing_comes_in_nothing_is_deleted_either(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent
) -> None:
    agent.files = {"a.blend": b"1"}
    portal.store.rules_of["default"] = TransferRules(upload=False)
    page = unescape((await browser.see(f"{session}/files")).text)
    assert "Files of your own cannot be sent" in page
    assert "Delete" not in part(page, "a.blend")
    await browser.see("/")
    assert (await browser.submit(f"{session}/delete", path="a.blend")).status_code == 400
    assert agent.files == {"a.blend": b"1"}


async def test_nobody_else_reaches_a_file(portal: Portal, session: str, agent: FakeAgent) -> None:
    agent.files = {"a.blend": b"1"}
    other = portal.browser()
    await other.start()
    await other.see("/")
    for visitor in (other, portal.browser()):
        for address in (f"{session}/files", f"{session}/files/a.blend", f"{session}/archive"):
            assert (await visitor.get(address)).status_code == 404, address
        for address in (f"{session}/files/b.blend", f"{session}/scene/b.blend"):
            assert (await put(visitor, address, b"BLENDER")).status_code == 404
        for address in (f"{session}/files", f"{session}/scene"):
            form = {"data": {"csrf": visitor.csrf}, "files": {"file": ("b.blend", b"1")}}
            assert (await visitor.post(address, **form)).status_code == 404
    assert (await other.submit(f"{session}/delete", path="a.blend")).status_code == 404
    assert agent.files == {"a.blend": b"1"}


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
async def test_another_site_puts_nothing_in_and_deletes_nothing(
    browser: Browser, session: str, agent: FakeAgent, site: str
) -> None:
    agent.files = {"a.blend": b"1"}
    await browser.see(f"{session}/files")
    headers, token = ({"Sec-Fetch-Site": site}, browser.csrf) if site else ({}, "made-up")
    for address in (f"{session}/files/b.blend", f"{session}/scene/b.blend"):
        answer = await browser.put(address, content=b"1", headers={"X-CSRF-Token": token, **headers})
        assert answer.status_code == 403
        assert answer.json()["message"]
    for address in (f"{session}/files", f"{session}/scene"):
        form = {"data": {"csrf": token}, "files": {"file": ("b.blend", b"1")}}
        assert (await browser.post(address, headers=headers, **form)).status_code == 403
    answer = await browser.post(f"{session}/delete", data={"csrf": token, "path": "a.blend"}, headers=headers)
    assert answer.status_code == 403
    assert agent.files == {"a.blend": b"1"}


@pytest.mark.parametrize(
    "path", ["..", "../scene/a", "a/../b", ".blender-session.json", "a/.ssh/b", "a\nb", "a\x00b", "./a"]
)
async def test_a_way_out_of_the_home_folder_is_none(
    browser: Browser, session: str, agent: FakeAgent, path: str
) -> None:
    await browser.see(f"{session}/files")
    agent.asked.clear()
    written = quote(path, safe="").replace(".", "%2E")
    assert (await browser.get(f"{session}/files", params={"path": path})).status_code == 404
    assert (await browser.get(f"{session}/archive", params={"path": path})).status_code == 404
    assert (await browser.get(f"{session}/files/{written}")).status_code == 404
    assert (await put(browser, f"{session}/files/{written}", b"1")).status_code == 404
    assert (await browser.submit(f"{session}/delete", path=path)).status_code == 404
    assert agent.asked == []


async def test_ten_thousand_files_are_shown_page_by_page(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.files = {f"frame-{number:05}.png": b"1" for number in range(12_000)}
    first = (await browser.see(f"{session}/files")).text
    assert "1 to 200 of 10,000 and more" in first
    assert "more files than can be listed" in first
    assert first.count("data-file=") == 200
    assert f'href="{session}/files?page=2" rel="next"' in first
    last = (await browser.see(f"{session}/files?page=50")).text
    assert "9,801 to 10,000 of 10,000" in last
    assert 'rel="next"' not in last
    for page in ("51", "0", "-1", "x", "9" * 400, "²"):
        assert (await browser.get(f"{session}/files", params={"page": page})).status_code == 200


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"files": 3}', b"<html>" * 5, b"[" * 100_000])
async def test_an_agent_that_says_nonsense_is_not_believed(
    browser: Browser, session: str, agent: FakeAgent, garbage: bytes
) -> None:
    agent.garbage = garbage
    answer = await browser.see(f"{session}/files")
    assert answer.status_code == 503
    assert "Try again" in answer.text


async def test_entries_that_are_none_are_left_out(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.garbage = (
        b'{"path": 3, "files": [1, {}, {"name": "../../x"}, {"name": ".."}, {"name": "a", "bytes": -5,'
        b' "modified": "yesterday"}, {"name": "b", "kind": ["x"], "bytes": 1e400}]}'
    )
    page = await browser.see(f"{session}/files")
    assert page.status_code == 200
    assert page.text.count("data-file=") == 2


async def test_a_file_that_is_gone_is_no_session_that_is_gone(browser: Browser, session: str, agent: FakeAgent) -> None:
    agent.files = {"another.blend": b"1"}
    await browser.see(f"{session}/files")
    for answer in (
        await browser.get(f"{session}/files/gone.blend"),
        await browser.get(f"{session}/files?path=gone"),
        await browser.submit(f"{session}/delete", path="gone.blend"),
    ):
        assert answer.status_code == 404
        assert "There is no such file" in answer.text


@pytest.mark.parametrize("state", ["starting", "suspended", "stopped"])
async def test_without_a_desktop_there_are_no_files(
    portal: Portal, browser: Browser, session: str, agent: FakeAgent, state: str
) -> None:
    name = portal.store.only
    await browser.see(f"{session}/files")
    agent.asked.clear()
    if state == "starting":
        portal.store.set_status(name, "Starting", ("DesktopReady", "False", "PodStarting", ""))
    elif state == "suspended":
        portal.store.make_suspended(name, "Idle")
    else:
        await browser.submit(f"{session}/stop")
    answer = await browser.get(f"{session}/files")
    assert answer.status_code == 400
    assert "has no desktop at the moment" in answer.text
    assert (await put(browser, f"{session}/scene/a.blend", b"BLENDER")).status_code == 400
    assert agent.asked == []


async def test_an_agent_that_is_gone_says_so(portal: Portal, browser: Browser, session: str) -> None:
    portal.store.agent_url = "http://127.0.0.1:9"
    answer = await browser.see(f"{session}/files")
    assert answer.status_code == 503
    assert "Try again" in answer.text


async def test_a_body_of_unknown_length_is_not_taken(browser: Browser, session: str, agent: FakeAgent) -> None:
    async def parts() -> object:
        yield b"BLENDER"

    await browser.see(f"{session}/files")
    agent.asked.clear()
    answer = await browser.put(
        f"{session}/files/a.blend",
        content=parts(),
        headers={"X-CSRF-Token": browser.csrf},  # type: ignore[arg-type]
    )
    assert answer.status_code == 411
    assert agent.asked == []
