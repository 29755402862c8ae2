"""How soon an open page of the portal shows a change, and what many open pages cost, before a real API server.

The portal is a process of its own with the administrator's rights. Statuses are written in the operator's place.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import psutil
import requests
from playwright.sync_api import sync_playwright

from apiserver.api import SESSIONS, Api
from apiserver.crds import serve_all
from chart.rendering import ROOT
from localcluster import controlplane
from ports import HeldPort
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

NAMESPACE = "desktops"
MERGE = "application/merge-patch+json"
URL = "http://example.org/guacamole/#/client/x"


def main(arguments: list[str]) -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(prog="make bench OPTIONS=portal-live", description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--changes", type=int, default=20, help="of which the time to the page is measured")
    parser.add_argument("--seconds", type=int, default=30, help="for which the processor time is measured")
    parser.add_argument("--rate", type=int, default=10, help="changes a second meanwhile")
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plane = controlplane.start(folder / "plane", 0)
        stack.callback(plane.stop)
        api = Api(plane.kubeconfig, plane.kubeconfig.parent)
        serve_all(api)
        api.request("POST", "api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        url, process = stack.enter_context(_portal(plane.kubeconfig, folder))
        _print_latency(api, url, given.changes)
        asyncio.run(_print_cost(api, url, process, given))


@contextmanager
def _portal(kubeconfig: Path, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    key = folder / "key"
    key.write_text("k" * 40)
    with HeldPort() as port:
        url = f"http://127.0.0.1:{port.number}/"
        settings = {
            "NAMESPACE": NAMESPACE,
            "PUBLIC_URL": url,
            "GUACAMOLE_URL": "http://127.0.0.1:1/",
            "COOKIE_KEY_FILE": str(key),
            "MAX_SESSIONS_OF_ALL": "10000",
            "PORT": str(port.number),
            "LOG_LEVEL": "WARNING",
        }
        environment = {f"BLENDERSESSIONS_PORTAL_{name}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "blendersessions_portal"]
        path = os.pathsep.join(str(ROOT / folder) for folder in ("lib", "portal"))
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment | {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": path}
        )
        try:
            until("the portal is ready", lambda: _is_ready(url, process))
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def _is_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the portal has ended"
    try:
        return bool(requests.get(f"{url}readyz", timeout=30).ok)
    except requests.ConnectionError:
        return False


def _status(number: int) -> dict[str, Any]:
    """A status of which the page shows something else each time: the hour at which the session ends."""
    condition = {"status": "True", "reason": "x", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [condition | {"type": kind, "observedGeneration": 1} for kind in ("Ready", "DesktopReady")]
    expires = f"2099-01-01T{number // 60 % 24:02}:{number % 60:02}:00Z"
    activity = {"expiresAt": expires, "expiryReason": "MaxAge", "keptAliveBy": "Input"}
    return {"phase": "Ready", "clientURL": URL, "conditions": conditions, "activity": activity}


def _write_status(api: Api, name: str, number: int) -> None:
    path = f"{SESSIONS}/namespaces/{NAMESPACE}/blendersessions/{name}/status"
    api.request("PATCH", path, {"status": _status(number)}, MERGE)


def _print_latency(api: Api, url: str, changes: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(url)
        token = page.locator("[name=csrf]").first.input_value()
        answer = page.request.post(f"{url}sessions", form={"csrf": token, "sample": ""}, max_redirects=0)
        name = answer.headers["location"].rpartition("/")[2]
        _write_status(api, name, 0)
        page.goto(f"{url}sessions/{name}?stay=yes")
        page.locator("[data-life=expiry]", has_text="00:00 UTC").wait_for()
        found = [_latency(api, page, name, number) for number in range(1, changes + 1)]
        browser.close()
    print(
        f"patch to page, {changes} changes: median {statistics.median(found):.0f} ms,"
        f" least {min(found):.0f}, most {max(found):.0f}"
    )


def _latency(api: Api, page: Page, name: str, number: int) -> float:
    """Return the milliseconds from before a status is sent until the page has it."""
    words = f"(at {number // 60:02}:{number % 60:02} UTC)"
    page.evaluate(
        """(words) => {
          window.seen = 0;
          const look = () => {
            if (!window.seen && document.querySelector("[data-life=expiry]")?.textContent.includes(words)) {
              window.seen = performance.timeOrigin + performance.now();
            }
          };
          new MutationObserver(look).observe(document.getElementById("main"), { childList: true, subtree: true });
        }""",
        words,
    )
    begun = time.time() * 1000
    _write_status(api, name, number)
    until("the page has the change", lambda: page.evaluate("window.seen"), pause=0.01)
    return float(page.evaluate("window.seen")) - begun


async def _print_cost(api: Api, url: str, process: psutil.Process, given: argparse.Namespace) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as client:
        pages = [await _page(client, url) for _ in range(given.pages)]
        for name, _ in pages:
            await asyncio.to_thread(_write_status, api, name, 0)
        before = process.memory_info().rss
        events: list[int] = [0]
        streams = [asyncio.create_task(_follow(client, url, name, cookie, events)) for name, cookie in pages]
        await asyncio.to_thread(until, "all pages have their first part", lambda: events[0] >= len(pages))
        print(f"{given.pages} open pages: {(process.memory_info().rss - before) / 2**20:.0f} MiB for the streams")
        for what, names in (("nothing", []), ("one session", pages[:1]), ("all sessions in turn", pages)):
            await _measure(api, process, given, what, [name for name, _ in names], events)
        for each in streams:
            each.cancel()
        await asyncio.gather(*streams, return_exceptions=True)


async def _measure(
    api: Api, process: psutil.Process, given: argparse.Namespace, what: str, names: list[str], events: list[int]
) -> None:
    times, before, begun, number = process.cpu_times(), events[0], time.monotonic(), 0
    while (passed := time.monotonic() - begun) < given.seconds:
        if names:
            number += 1
            await asyncio.to_thread(_write_status, api, names[number % len(names)], number)
        await asyncio.sleep(max(0.0, begun + number / given.rate - time.monotonic()) if names else 0.5)
    after = process.cpu_times()
    used = after.user + after.system - times.user - times.system
    print(
        f"changes in {what}: {used / passed:.1%} of a core, {number / passed:.1f} changes and"
        f" {(events[0] - before) / passed:.1f} parts a second"
    )


async def _page(client: aiohttp.ClientSession, url: str) -> tuple[str, str]:
    """Make a guest with a session; return its name and the guest's cookie."""
    async with client.get(url) as answer:
        text = await answer.text()
        cookie = "; ".join(f"{name}={value.value}" for name, value in answer.cookies.items())
    token = re.search(r'name="csrf" value="([^"]+)"', text)
    assert token is not None
    form, headers = {"csrf": token[1], "sample": ""}, {"Cookie": cookie}
    async with client.post(f"{url}sessions", data=form, headers=headers, allow_redirects=False) as answer:
        return answer.headers["Location"].rpartition("/")[2], cookie


async def _follow(client: aiohttp.ClientSession, url: str, name: str, cookie: str, events: list[int]) -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    address = f"{url}sessions/{name}/events?stay=yes"
    async with client.get(address, headers={"Cookie": cookie}, timeout=timeout) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            events[0] += line.startswith(b"event: part")


if __name__ == "__main__":
    main(sys.argv[1:])
