"""The portal on a loopback port over stores in memory, and tabs of people who were never there before."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING

import uvicorn

from blendersessions_portal.app import create_app
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.sign_on_settings import GUESTS
from e2e.chromium import close
from file_choosers import catch_file_choosers
from ports import HeldPort
from unit.portal.fakes import KEY, FakeGuacamole, FakeStore, write_samples
from waiting import DEADLINE_MILLISECONDS, DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from starlette.types import ASGIApp, Receive, Scope, Send

    from blendersessions_portal.live_parts import LiveParts
    from blendersessions_portal.sign_on_settings import SignOnSettings
    from unit.portal.fake_agent import FakeAgent

NONE: Mapping[str, str] = MappingProxyType({})


class Served:
    """A portal on a loopback port, and the store behind it."""

    def __init__(self, store: FakeStore, url: str) -> None:
        self.store = store
        self.url = url
        self.cache = SessionCache()
        self.loop: asyncio.AbstractEventLoop | None = None
        """The portal's, once it has answered something."""
        self.live: LiveParts
        """The streams to open pages."""

    def show(self) -> None:
        """Have the portal's watch see what is in the store now."""
        self.in_portal(self.cache.replace, deepcopy(list(self.store.objects.values())), "", 0)

    def in_portal(self, call: Callable[..., object], *arguments: object) -> None:
        """Call something in the portal's own thread, and wait until that is done."""
        assert self.loop is not None, "the portal has answered nothing yet"
        done = threading.Event()

        def run() -> None:
            call(*arguments)
            done.set()

        self.loop.call_soon_threadsafe(run)
        assert done.wait(DEADLINE_SECONDS)

    def visit(self, page: Page) -> str:
        """Make a session that is ready for whoever uses a tab, and return its name."""
        page.goto(self.url)
        token = page.locator("[name=csrf]").first.input_value()
        answer = page.request.post(f"{self.url}sessions", form={"csrf": token, "sample": ""}, max_redirects=0)
        assert answer.status == 303
        self.store.make_ready(self.store.only)
        return self.store.only


@contextmanager
def serving(
    folder: Path, sign_on: SignOnSettings = GUESTS, headers: Mapping[str, str] = NONE, *, watches: bool = False
) -> Iterator[Served]:
    """Serve a portal over a store in memory while the block runs.

    Args:
        folder: for the samples.
        sign_on: how people sign in.
        headers: what a proxy before it would add.
        watches: whether the portal has a watch, which sees what a test shows it.
    """
    with HeldPort() as port:
        served = Served(FakeStore(), f"http://127.0.0.1:{port.number}/")
        app = create_app(
            store=served.store,
            guacamole=FakeGuacamole(),
            cookie_key=KEY,
            public_url=served.url,
            samples_dir=write_samples(folder),
            max_sessions=3,
            max_sessions_of_all=60,
            sign_on=sign_on,
            cache=served.cache if watches else None,
        )
        if watches:
            served.cache.sessions.listed()

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            served.loop = asyncio.get_running_loop()
            await app(scope, receive, send)

        served.live = app.live
        with served_at(port.number, _with_headers(answer, headers)):
            yield served
            if served.loop is not None:
                served.in_portal(app.live.close)


def _with_headers(app: ASGIApp, headers: Mapping[str, str]) -> ASGIApp:
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def passed_on(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["headers"] = [*scope["headers"], *added]
        await app(scope, receive, send)

    return passed_on


@contextmanager
def served_at(port: int, app: ASGIApp) -> Iterator[None]:
    """Serve an application on a loopback port while the block runs. No header changes the address of a connection."""
    configuration = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", proxy_headers=False)
    server = uvicorn.Server(configuration)
    thread = threading.Thread(target=server.run, name="portal", daemon=True)
    thread.start()
    try:
        until("the application starts or ends", lambda: server.started or not thread.is_alive(), pause=0.005)
        assert server.started, "the application did not start"
        yield
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)


@contextmanager
def serving_files(
    folder: Path, agent: FakeAgent, sign_on: SignOnSettings = GUESTS, headers: Mapping[str, str] = NONE
) -> Iterator[Served]:
    """Serve a portal whose desktops all have this agent while the block runs."""
    with serving(folder, sign_on, headers) as served:
        served.store.agent_url = agent.url
        yield served
        # What still waits for the agent would hold up the end of the portal.
        agent.gate.set()


@contextmanager
def tab(browser: Browser, *, scripts: bool = True, **options: object) -> Iterator[Page]:
    """Open a tab. In the end, no script may have failed, and the policy of the page may have refused nothing."""
    context = browser.new_context(java_script_enabled=scripts, **options)  # type: ignore[arg-type]
    context.set_default_timeout(DEADLINE_MILLISECONDS)
    troubles: list[str] = []
    context.on("weberror", lambda error: troubles.append(str(error.error)))
    context.on("console", lambda line: troubles.append(line.text) if "Content Security Policy" in line.text else None)
    page = context.new_page()
    catch_file_choosers(page)
    yield page
    close(context)
    assert troubles == [], troubles
