"""Every page of the portal, and how a tab comes to show it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from blendersessions_portal.sign_on_settings import GUESTS, GroupClasses, SignOnMode, SignOnSettings
from blendersessions_portal.transfer_rules import TransferRules
from contract.portal_tour import PLAIN, STATES, Tour, Words
from contract.served_portal import serving_files, tab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from unit.portal.fake_agent import FakeAgent


@dataclass(frozen=True)
class Place:
    """One page: how a tab comes to show it, and how people sign in where it is."""

    show: Callable[[Tour], None]
    sign_on: SignOnSettings = GUESTS
    has_person: bool = False
    """Whether the sign-on says who it is."""

    @contextmanager
    def shown(
        self, browser: Browser, folder: Path, agent: FakeAgent, words: Words = PLAIN, **options: object
    ) -> Iterator[Tour]:
        """Show the page in a tab of its own while the block runs."""
        with (
            serving_files(folder, agent, self.sign_on, self._headers(words)) as portal,
            tab(browser, **options) as page,
        ):
            tour = Tour(page, portal, agent, words)
            self.show(tour)
            yield tour

    def _headers(self, words: Words) -> dict[str, str]:
        """Return the headers that a proxy in front of the portal would add."""
        if not self.has_person:
            return {}
        return {"X-Forwarded-User": words.person, "X-Forwarded-Groups": "artists,admins"}


def _home(tour: Tour) -> None:
    tour.portal.store.allow_addresses()
    tour.go()


def _without_transfers(show: Callable[[Tour], None]) -> Callable[[Tour], None]:
    def shown(tour: Tour) -> None:
        tour.portal.store.rules_of["default"] = TransferRules(upload=False, download=False)
        show(tour)

    return shown


def _home_with_sessions(tour: Tour) -> None:
    tour.one_of_each()
    _home(tour)


def _full(tour: Tour) -> None:
    tour.one_of_each()
    tour.go()
    tour.page.get_by_role("button", name="Open in Blender: Shopping cart").click()
    tour.page.wait_for_selector("h1:has-text('already')")


def _view(tour: Tour) -> None:
    # Without the script the page stays, and its form waits for a click.
    tour.page.route("**/static/portal.js*", lambda route: route.fulfill(body=""))
    tour.go("view?blender_file=shopping_cart.blend")


def _session(state: str) -> Callable[[Tour], None]:
    return lambda tour: tour.go(f"sessions/{tour.in_state(state)}?stay=yes")


def _question(verb: str) -> Callable[[Tour], None]:
    def show(tour: Tour) -> None:
        tour.go(f"sessions/{tour.session()}?stay=yes")
        tour.page.get_by_role("button", name=f"{verb} {tour.words.file}").press("Enter")
        tour.page.get_by_role("dialog").wait_for()

    return show


def _administrators_details(tour: Tour) -> None:
    _session("failed")(tour)
    tour.page.get_by_text("Details for your administrator").first.press("Enter")


def _wrong_file(tour: Tour) -> None:
    tour.go()
    wrong = {"name": f"{tour.words.stem}.txt", "mimeType": "text/plain", "buffer": b"1"}
    tour.page.get_by_label("Choose a file").set_input_files([wrong])  # type: ignore[list-item]
    tour.page.get_by_role("alert").wait_for()


def _chosen_file(tour: Tour) -> None:
    name = tour.in_state("awaiting")
    tour.portal.store.objects[name]["status"]["conditions"] = []
    tour.go(f"sessions/{name}?stay=yes")
    chosen = {"name": tour.words.file, "mimeType": "application/octet-stream", "buffer": b"BLENDER"}
    tour.page.locator("#own-file-input").set_input_files([chosen])  # type: ignore[list-item]
    tour.page.get_by_text("sent as soon as Blender runs").wait_for()


def _files(tour: Tour) -> None:
    stem = tour.words.stem
    tour.agent.files = {f"{stem}/{stem}/1.png": b"1", f"{stem}.blend": b"1" * 2000, f"{stem}.txt": b"1", "a.png": b""}
    tour.go(f"sessions/{tour.session()}/files")


def _files_deep(tour: Tour) -> None:
    stem = tour.words.stem
    _files(tour)
    for _ in range(2):
        tour.page.get_by_role("link", name=stem, exact=True).last.click()
    tour.page.get_by_role("link", name="1.png", exact=True).wait_for()


def _files_question(tour: Tour) -> None:
    _files(tour)
    tour.page.get_by_role("button", name=f"Delete {tour.words.file}").press("Enter")
    tour.page.get_by_role("dialog").wait_for()


def _files_replaced(tour: Tour) -> None:
    _files(tour)
    same = {"name": tour.words.file, "mimeType": "application/octet-stream", "buffer": b"1"}
    tour.page.get_by_label("Choose files").set_input_files([same])  # type: ignore[list-item]
    tour.page.get_by_role("dialog").wait_for()


def _files_opened(tour: Tour) -> None:
    _files(tour)
    opened = {"name": tour.words.file, "mimeType": "application/octet-stream", "buffer": b"BLENDER"}
    tour.page.get_by_label("Choose a file").set_input_files([opened])  # type: ignore[list-item]
    tour.page.get_by_role("link", name="Go to Blender").wait_for()


def _opening(tour: Tour) -> None:
    # Without its script the page stays, and leads on by its link.
    tour.page.route("**/static/opening.js*", lambda route: route.fulfill(body=""))
    name = tour.session()
    tour.portal.store.make_ready(name, tour.portal.url + "guacamole/#/client/MQBjAHBvc3RncmVzcWw")
    tour.go(f"sessions/{name}/open")


def _administrators(tour: Tour) -> None:
    tour.one_of_each()
    tour.go("admin")
    tour.page.get_by_role("table").first.wait_for()


def _administrators_question(tour: Tour) -> None:
    _administrators(tour)
    tour.page.get_by_role("button", name="Stop").first.press("Enter")
    tour.page.get_by_role("dialog").wait_for()


def _leaving(tour: Tour) -> None:
    tour.hold("**/signed-out-there")
    tour.go()
    tour.page.get_by_role("button", name="Sign out").click()
    tour.page.get_by_role("heading", name="Signing out").wait_for()


BY_HEADER: Final = SignOnSettings(
    mode=SignOnMode.HEADER,
    trusted_proxies=(ip_network("127.0.0.0/8"),),
    sign_out_url="/signed-out-there",
    admin_groups=("admins",),
    classes=(GroupClasses(group="artists", classes=("default", "w" * 63)),),
)
BY_OPENID: Final = SignOnSettings(
    # Nothing here asks the provider.
    mode=SignOnMode.OPENID,
    openid_issuer="http://127.0.0.1:1",
    openid_client_id="portal",
)
PAGES: Final = {
    "home": Place(_home),
    "home with sessions": Place(_home_with_sessions),
    "home with a wrong file": Place(_wrong_file),
    "home without transfers": Place(_without_transfers(lambda tour: tour.go())),
    "home of somebody who signed in": Place(_home_with_sessions, BY_HEADER, has_person=True),
    "a link to a scene": Place(_view),
    "too many sessions": Place(_full),
    **{f"session: {state}": Place(_session(state)) for state in (*STATES, "ready")},
    "session: details": Place(_administrators_details),
    "session: a file waits": Place(_chosen_file),
    "session: suspend?": Place(_question("Suspend")),
    "session: stop?": Place(_question("Stop")),
    "files": Place(_files),
    "files in a folder": Place(_files_deep),
    "files: delete?": Place(_files_question),
    "files: replace?": Place(_files_replaced),
    "files: opened": Place(_files_opened),
    "files without transfers": Place(_without_transfers(_files)),
    "opening": Place(_opening, BY_HEADER, has_person=True),
    "administrators": Place(_administrators, BY_HEADER, has_person=True),
    "administrators: stop?": Place(_administrators_question, BY_HEADER, has_person=True),
    "what is kept": Place(lambda tour: tour.go("artists")),
    "signing out": Place(_leaving, BY_HEADER, has_person=True),
    "signed out": Place(lambda tour: tour.go("signed-out"), BY_OPENID),
    "not signed in": Place(lambda tour: tour.go(), BY_HEADER),
    "no such session": Place(lambda tour: tour.go("sessions/none")),
    "no such page": Place(lambda tour: tour.go("none")),
}
