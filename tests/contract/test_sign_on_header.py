"""People whom a proxy before ours names sign in once, and nobody is somebody else."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import BrowserContext, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from blendersessions_portal.sign_on_settings import SignOnMode, SignOnSettings
from contract.sign_on_site import PERSON_HEADER, USER_HEADER, SignOnSite, serving_people
from e2e.chromium import close
from waiting import DEADLINE_MILLISECONDS, DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from contract.fake_guacd import GuacdConnection


def loopback(key: Path) -> SignOnSettings:
    return SignOnSettings(
        mode=SignOnMode.HEADER,
        trusted_proxies=(ip_network("127.0.0.0/8"),),
        proxy_key_file=key,
        sign_out_url="/out",
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignOnSite]:
    """A site for requests."""
    with serving_people(tmp_path_factory.mktemp("site"), loopback) as site:
        for name in ("alice", "bob"):
            site.make_user(name)
        yield site


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[SignOnSite]:
    """A site for browsers, in which no desktop of an earlier test is open."""
    with serving_people(tmp_path, loopback) as site:
        for name in ("alice", "bob"):
            site.make_user(name)
        yield site


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Open a tab in a browser of its own, whose requests the proxy before ours gives a name."""
    contexts: list[BrowserContext] = []

    def open_tab(name: str) -> Page:
        context = browser.new_context(extra_http_headers={USER_HEADER: name} if name else {})
        context.set_default_timeout(DEADLINE_MILLISECONDS)
        contexts.append(context)
        return context.new_page()

    yield open_tab
    for context in contexts:
        close(context)


def opened(site: SignOnSite, page: Page, name: str) -> GuacdConnection:
    """Open a session, and return the connection that the page makes for it."""
    page.goto(f"{site.url}sessions/{name}")
    return drawn(site)


def drawn(site: SignOnSite) -> GuacdConnection:
    """Wait for the connection of a page, and show a desktop there."""
    connection = site.guacd.next_connection()
    site.guacd.draw(connection)
    return connection


def tokens(page: Page) -> str:
    return str(page.evaluate("localStorage.getItem('GUAC_AUTH_TOKEN')"))


def test_one_click_leads_to_the_desktop_in_two_browsers_and_no_address_holds_a_token(
    own_site: SignOnSite, person: Callable[[str], Page]
) -> None:
    laptop, tablet = person("alice"), person("alice")
    seen: list[str] = []
    laptop.on("framenavigated", lambda frame: seen.append(frame.url))
    name = own_site.start(laptop)
    first = drawn(own_site)
    second = opened(own_site, tablet, name)
    assert laptop.url == tablet.url == own_site.client_url
    assert not any("token" in url for url in seen)
    assert tokens(laptop) != tokens(tablet), "each browser has its own"
    for page in (laptop, tablet):
        page.reload()
        drawn(own_site)
        expect(page.locator("body")).to_have_attribute("data-state", "connected")
    assert first.arguments["hostname"] == second.arguments["hostname"] == "desk.example"


def test_another_person_in_the_same_browser_does_not_go_on_as_the_first(
    own_site: SignOnSite, person: Callable[[str], Page]
) -> None:
    page = person("alice")
    own_site.start(page)
    drawn(own_site)
    earlier = tokens(page)
    page.context.set_extra_http_headers({USER_HEADER: "bob"})
    own_site.start(page)
    drawn(own_site)
    assert tokens(page) != earlier
    assert {str(each["username"]) for each in own_site.desk.active().values()} >= {"bob"}


def test_a_token_that_stayed_behind_opens_nothing_and_ends(own_site: SignOnSite, person: Callable[[str], Page]) -> None:
    page = person("alice")
    own_site.start(page)
    drawn(own_site)
    page.context.set_extra_http_headers({USER_HEADER: "bob"})
    stale = tokens(page)
    page.goto(f"{own_site.url}guacamole/")
    until(
        "the token has ended",
        lambda: own_site.desk.call("GET", "connections", token=stale.strip('"')).status_code == 403,
    )
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    assert tokens(page) != stale


def get(own_site: SignOnSite, path: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(own_site.url + path, headers=named, timeout=DEADLINE_SECONDS, allow_redirects=False)


def sign_in(own_site: SignOnSite, user: str, headers: dict[str, str], **form: str) -> requests.Response:
    sent = headers | {"Content-Type": "application/x-www-form-urlencoded"} | ({USER_HEADER: user} if user else {})
    return requests.post(f"{own_site.url}guacamole/api/tokens", data=form, headers=sent, timeout=DEADLINE_SECONDS)


@pytest.mark.parametrize(
    "name", ["REMOTE_USER", "Remote-User", "REMOTE-USER", PERSON_HEADER, PERSON_HEADER.lower(), "X-Person"]
)
def test_a_browser_cannot_name_itself_to_guacamole(site: SignOnSite, name: str) -> None:
    assert sign_in(site, "", {name: "guacadmin"}).status_code == 401
    assert sign_in(site, "alice", {name: "guacadmin"}).json()["username"] == "alice"


def test_guacamoles_administrator_cannot_be_used_through_the_proxy(site: SignOnSite) -> None:
    password = {"username": site.desk.guacamole.username, "password": site.desk.guacamole.password}
    assert sign_in(site, "", {}, **password).status_code == 401
    # With a password too, the header says who it is.
    assert sign_in(site, "alice", {}, **password).json()["username"] == "alice"
    token = site.desk.sign_in(**password)
    held = get(site, "guacamole/api/session/data/postgresql/users", X_Forwarded_User="alice", Guacamole_Token=token)
    assert held.status_code == 403


def test_a_person_of_the_administrators_name_is_somebody_else(site: SignOnSite) -> None:
    for name in ("guest-x7k2p", "blender-x7k2p"):
        site.make_user(name)
    for name in ("guacadmin", "GuacAdmin", "guest-x7k2p", "blender-x7k2p"):
        made = sign_in(site, name, {}).json()
        assert made["username"].startswith("person-"), "the user of such a name is not given to a person"
        token = str(made["authToken"])
        for kind in ("connections", "users"):
            seen = get(
                site, f"guacamole/api/session/data/postgresql/{kind}", X_Forwarded_User=name, Guacamole_Token=token
            )
            assert seen.json() == {}, "Guacamole lets in whom it does not know, and shows nothing"


def test_every_way_to_guacamole_is_closed_without_a_person(site: SignOnSite) -> None:
    for path in (
        "api/session/data/postgresql/connections",
        "tunnel?connect",
        "websocket-tunnel",
        "app.js",
        "api/languages",
    ):
        assert get(site, "guacamole/" + path).status_code == 401, path
    page = get(site, "guacamole/")
    assert (page.status_code, page.headers["location"]) == (302, "/sign-in?next=/guacamole/")


def test_a_tunnel_needs_the_person_of_its_token(site: SignOnSite) -> None:
    token = sign_in(site, "alice", {}).json()["authToken"]
    address = f"{site.url.replace('http', 'ws')}guacamole/websocket-tunnel?token={token}"
    for headers, status in (({}, 401), ({USER_HEADER: "bob"}, 403)):
        with pytest.raises(InvalidStatus) as refused:
            connect(address, additional_headers=headers, proxy=None, subprotocols=["guacamole"])  # type: ignore[list-item]
        assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("query", "header"),
    [
        ("token=%{first:02X}{rest}", ""),
        ("%74oken={alice}", ""),
        ("t%6fke%6E={alice}", ""),
        ("token={alice}", "{bob}"),
        ("TOKEN={bob}&token={alice}", ""),
        ("token={bob}&token={alice}", ""),
        ("token={alice}&token={bob}", ""),
        ("token={alice}&token=", ""),
        ("token={alice}%00", ""),
    ],
)
def test_no_spelling_opens_a_tunnel_with_somebody_elses_token(site: SignOnSite, query: str, header: str) -> None:
    alice, bob = (str(sign_in(site, name, {}).json()["authToken"]) for name in ("alice", "bob"))
    words = {"alice": alice, "bob": bob, "first": ord(alice[0]), "rest": alice[1:]}
    address = f"{site.url.replace('http', 'ws')}guacamole/websocket-tunnel?{query.format(**words)}"
    headers = {USER_HEADER: "bob"} | ({"Guacamole-Token": header.format(**words)} if header else {})
    with pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=headers, proxy=None, subprotocols=["guacamole"])  # type: ignore[list-item]
    assert refused.value.response.status_code == 403


def test_the_proxys_question_is_not_for_browsers(site: SignOnSite) -> None:
    for path in ("-/person", "internal/person", "internal/../internal/person", "internal%2fperson"):
        assert get(site, path, X_Forwarded_User="alice").status_code == 404, path


def test_a_browser_cannot_play_the_trusted_proxy(tmp_path: Path) -> None:
    def elsewhere(key: Path) -> SignOnSettings:
        return loopback(key).model_copy(update={"trusted_proxies": (ip_network("10.42.0.0/16"),)})

    # The proxy believes X-Forwarded-For here. It counts for the limits, and never for who may name people.
    with serving_people(tmp_path, elsewhere, TRUSTED_PROXIES="127.0.0.0/8") as site:
        forged = {"X_Forwarded_For": "10.42.0.7", "X_Sign_On_Peer": "10.42.0.7", "X_Real_IP": "10.42.0.7"}
        for path in ("", "sessions", "guacamole/app.js"):
            assert get(site, path, X_Forwarded_User="alice", **forged).status_code == 401, path
        direct = requests.get(
            f"http://127.0.0.1:{site.portal_port}/",
            headers={USER_HEADER: "alice", "X-Sign-On-Peer": "10.42.0.7"},
            timeout=DEADLINE_SECONDS,
        )
        assert direct.status_code == 401, "past the proxy, nothing counts without its key"


def test_signing_out_ends_what_began_at_a_bookmark_of_guacamoles(site: SignOnSite) -> None:
    """Nothing but Guacamole's page was asked for yet, so the portal has set no cookie of its own."""
    with requests.Session() as browser:
        browser.headers[USER_HEADER] = "alice"
        browser.get(f"{site.url}guacamole/", timeout=DEADLINE_SECONDS).raise_for_status()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        made = browser.post(f"{site.url}guacamole/api/tokens", headers=form, timeout=DEADLINE_SECONDS).json()
        shown = {"Guacamole-Token": made["authToken"]}
        connections = f"{site.url}guacamole/api/session/data/postgresql/connections"
        assert browser.get(connections, headers=shown, timeout=DEADLINE_SECONDS).status_code == 200
        (csrf,) = set(re.findall('name="csrf" value="([^"]+)"', browser.get(site.url, timeout=DEADLINE_SECONDS).text))
        browser.post(f"{site.url}sign-out", data={"csrf": csrf}, timeout=DEADLINE_SECONDS).raise_for_status()
        assert browser.get(connections, headers=shown, timeout=DEADLINE_SECONDS).status_code == 403


def test_signing_out_closes_the_desktop_of_this_browser_alone(
    own_site: SignOnSite, person: Callable[[str], Page]
) -> None:
    laptop, tablet = person("alice"), person("alice")
    name = own_site.start(laptop)
    drawn(own_site)
    opened(own_site, tablet, name)
    tab = laptop.context.new_page()
    tab.goto(own_site.url)
    tab.get_by_role("button", name="Sign out").click()
    expect(laptop.locator("body")).not_to_have_attribute("data-state", "connected")
    expect(tablet.locator("body")).to_have_attribute("data-state", "connected")
