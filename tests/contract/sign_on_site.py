"""A whole site in which people sign in: a real nginx with the proxy's configuration, the portal, and the stand-in."""

from __future__ import annotations

import base64
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from blendersessions.clients.guacamole.sign_in import SignInClient
from blendersessions_portal.app import create_app
from contract.browsing import Site
from contract.fake_guacd import FakeGuacd, fake_guacd
from contract.proxies import Proxy, started
from contract.served_portal import served_at
from contract.standins import running
from ports import HeldPort
from unit.portal.fakes import KEY, FakeStore, write_samples
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from blendersessions_portal.sign_on_settings import SignOnSettings

PROXY_KEY = "proxy-key-" + "k" * 54
PERSON_HEADER = "X-Person-" + "P" * 32
USER_HEADER = "X-Forwarded-User"


@dataclass
class SignOnSite:
    """What runs, and what it knows."""

    proxy: Proxy
    store: FakeStore
    desk: Site
    guacd: FakeGuacd
    portal_port: int

    @property
    def url(self) -> str:
        """What browsers open, with a trailing slash."""
        return self.proxy.url + "/"

    def make_user(self, name: str) -> None:
        """Make a user of Guacamole's who sees the desktop, as the operator does for an owner."""
        self.desk.make_user(name, reads=self.desk.connection)

    def start(self, page: Page) -> str:
        """Start a session by a click, and have it become ready; return its name."""
        before = set(self.store.objects)
        page.goto(self.url)
        page.get_by_role("button", name="Open in Blender: Shopping cart").click()
        until("the session is made", lambda: set(self.store.objects) - before)
        (name,) = set(self.store.objects) - before
        self.store.make_ready(name, self.client_url)
        page.wait_for_url(self.client_url, wait_until="commit")
        return name

    @property
    def client_url(self) -> str:
        """Where the desktop opens."""
        return self.desk_url(self.url)

    def desk_url(self, base: str) -> str:
        """Return where the desktop opens for browsers that open the site at another address."""
        return f"{base}guacamole/#/client/{client_identifier(self.desk.connection)}"


def client_identifier(connection: str) -> str:
    """Return how Guacamole's page names a connection."""
    return base64.urlsafe_b64encode(f"{connection}\0c\0postgresql".encode()).decode().rstrip("=")


@contextmanager
def serving_people(
    folder: Path, settings: Callable[[Path], SignOnSettings], public_url: str = "", **environment: str
) -> Iterator[SignOnSite]:
    """Run the site while the block runs.

    Args:
        folder: for files.
        settings: makes the portal's sign-on, from the path of the proxy's key.
        public_url: what browsers open, with a trailing slash; empty: the proxy itself.
        environment: of the proxy, beside what all tests of it have.
    """
    key = folder / "proxy-key"
    key.write_text(PROXY_KEY)
    with ExitStack() as stack:
        guacd = stack.enter_context(fake_guacd())
        guacamole = stack.enter_context(running(guacd.port, person_header=PERSON_HEADER))
        desk = Site(guacamole, stack)
        port = stack.enter_context(HeldPort())
        variables = {
            "GUACAMOLE_UPSTREAM": urlsplit(guacamole.url).netloc,
            "PERSON_HEADER": PERSON_HEADER,
            "SIGN_ON_KEY": PROXY_KEY,
            "TRUSTED_PROXIES": "",
            "BURST": "500",
            "CONNECTIONS": "200",
        }
        (folder / "nginx").mkdir()
        proxy = stack.enter_context(started(folder / "nginx", port.number, **variables | environment))
        store = FakeStore()
        (folder / "samples").mkdir()
        app = create_app(
            store=store,
            guacamole=SignInClient(guacamole.url),
            cookie_key=KEY,
            public_url=public_url or proxy.url + "/",
            samples_dir=write_samples(folder / "samples"),
            max_sessions=60,
            max_sessions_of_all=60,
            sign_on=settings(key),
        )
        stack.enter_context(served_at(port.number, app))
        yield SignOnSite(proxy, store, desk, guacd, port.number)
