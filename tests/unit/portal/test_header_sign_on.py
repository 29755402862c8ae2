"""People are who a trusted proxy says, and nobody else may say it."""

from __future__ import annotations

import logging
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import System, Unavailable
from blendersessions_portal.browser_cookie import BrowserCookie
from blendersessions_portal.sign_on_settings import GroupClasses, SignOnMode, SignOnSettings
from blendersessions_portal.transfer_rules import TransferRules
from unit.portal.conftest import Portal
from unit.portal.fakes import FakeGuacamole, FakeStore, write_samples
from waiting import until_set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from unit.portal.conftest import Browser

UNICODE_SPACES = ("\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\x1c", "\x1f")
USER, GROUPS = "X-Forwarded-User", "X-Forwarded-Groups"
PROXY = "10.42.0.7"
KEY = "proxy-key-" + "k" * 32


def settings(**more: object) -> SignOnSettings:
    """A sign-on by header behind proxies in 10.42.0.0/16."""
    values: dict[str, object] = {"trusted_proxies": (ip_network("10.42.0.0/16"), ip_network("fd00::/8"))}
    return SignOnSettings(mode=SignOnMode.HEADER, **(values | more))  # type: ignore[arg-type]


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Portal]:
    made = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path), sign_on=settings(), peer=PROXY)
    yield made
    await made.close()


def person(portal: Portal, name: str, **headers: str) -> Browser:
    """A browser whose requests the proxy gives a name."""
    browser = portal.browser()
    for key, value in {USER: name, **headers}.items():  # httpx encodes each as UTF-8
        browser.headers[key.replace("_", "-")] = value
    return browser


def owner(portal: Portal, name: str) -> str:
    return str(portal.store.objects[name]["spec"]["owner"])


def change(portal: Portal, **more: object) -> None:
    portal.sign_on = settings(**more)
    portal.restart()


async def test_a_person_has_the_same_sessions_in_every_browser(portal: Portal) -> None:
    laptop, tablet = person(portal, "alice@example.org"), person(portal, "alice@example.org")
    name = await laptop.start()
    assert owner(portal, name) == "alice@example.org"
    assert (await tablet.see(f"/sessions/{name}?stay=yes")).status_code == 200
    assert (await tablet.submit(f"/sessions/{name}/stop")).status_code == 303
    assert (await laptop.get(f"/sessions/{name}?stay=yes")).status_code == 200, "nothing threw the other browser out"


async def test_people_do_not_see_each_others_sessions(portal: Portal) -> None:
    alice, bob = person(portal, "alice"), person(portal, "bob")
    name = await alice.start()
    await bob.see("/")
    for answer in (await bob.get(f"/sessions/{name}"), await bob.submit(f"/sessions/{name}/stop")):
        assert answer.status_code == 404
    assert name not in (await bob.get("/")).text


async def test_the_page_says_who_is_signed_in(portal: Portal) -> None:
    change(portal, name_header="X-Name")
    page = await person(portal, "a1b2", X_Name='Zoë <b>"Zo"</b>').get("/")
    assert "Zoë &lt;b&gt;&#34;Zo&#34;&lt;/b&gt;" in page.text
    assert "Only this browser" not in page.text


@pytest.mark.parametrize("peer", ["10.43.0.7", "192.0.2.1", "127.0.0.1", "fe80::1", "::ffff:192.0.2.1", "testclient"])
async def test_a_name_from_an_untrusted_address_counts_for_nothing(
    portal: Portal, caplog: pytest.LogCaptureFixture, peer: str
) -> None:
    portal.peer = peer
    answer = await person(portal, "alice", X_Forwarded_For=PROXY, X_Real_IP=PROXY, X_Sign_On_Peer=PROXY).get("/")
    assert answer.status_code == 401
    assert "did not say who you are" in answer.text
    assert f"A request came from {peer}" in caplog.text


@pytest.mark.parametrize("peer", ["10.42.0.7", "::ffff:10.42.0.7", "fd00::7"])
async def test_trusted_addresses_are_known_in_each_form(portal: Portal, peer: str) -> None:
    portal.peer = peer
    assert (await person(portal, "alice").get("/")).status_code == 200


@pytest.mark.parametrize("headers", [{}, {USER: ""}, {USER: "   "}, {USER: "\xff\xfe"}])
async def test_without_a_name_there_is_nobody(portal: Portal, headers: dict[str, str]) -> None:
    answer = await portal.browser().get("/", headers={key: value.encode("latin-1") for key, value in headers.items()})
    assert answer.status_code == 401
    assert not answer.headers.get("set-cookie")


async def test_two_names_are_none(portal: Portal) -> None:
    """A proxy that adds its header leaves the one that the browser forged."""
    answer = await portal.browser().get("/", headers=[(USER, "guacadmin"), (USER, "alice")])  # type: ignore[arg-type]
    assert answer.status_code == 401


@pytest.mark.parametrize("space", UNICODE_SPACES)
async def test_only_what_http_allows_around_a_name_is_no_part_of_it(portal: Portal, space: str) -> None:
    change(portal, admin_groups=("staff",))
    for name in (f"alice{space}", f"{space}alice"):
        browser = person(portal, name, X_Forwarded_Groups=f"staff{space},{space}staff")
        assert (await ask(browser)).headers["x-person"].startswith("person-alice-")
        assert "Administrator" not in (await browser.get("/")).text
    assert (await ask(person(portal, "\t alice \t"))).headers["x-person"] == "alice"


async def test_groups_that_come_twice_count_for_nothing(portal: Portal) -> None:
    change(portal, admin_groups=("staff",))
    headers = [(USER, "alice"), (GROUPS, "staff"), (GROUPS, "students")]
    page = await portal.browser().get("/", headers=headers)  # type: ignore[arg-type]
    assert page.status_code == 200
    assert "Administrator" not in page.text


class TestBehindOurProxy:
    """The chart's own proxy proves itself by a key, and says from where its own connection came."""

    @pytest.fixture(autouse=True)
    def _key(self, portal: Portal, tmp_path: Path) -> None:
        file = tmp_path / "proxy-key"
        file.write_text(KEY + "\n")
        portal.peer = "10.244.1.9"
        change(portal, proxy_key_file=file)

    async def test_the_address_that_it_reports_is_checked(self, portal: Portal) -> None:
        trusted = {"X_Sign_On_Key": KEY, "X_Sign_On_Peer": PROXY}
        assert (await person(portal, "alice", **trusted).get("/")).status_code == 200
        strange = trusted | {"X_Sign_On_Peer": "192.0.2.1"}
        assert (await person(portal, "alice", **strange).get("/")).status_code == 401

    @pytest.mark.parametrize("key", ["", "proxy-key-", KEY[:-1], KEY + "k", "\xe9"])
    async def test_nothing_counts_without_the_key(self, portal: Portal, key: str) -> None:
        portal.peer = PROXY
        portal.restart()
        browser = portal.browser()
        headers = {USER: "alice", "X-Sign-On-Key": key.encode("latin-1"), "X-Sign-On-Peer": PROXY}
        assert (await browser.get("/", headers=headers)).status_code == 401  # type: ignore[arg-type]

    async def test_a_reported_address_that_is_none_is_not_trusted(self, portal: Portal) -> None:
        for address in ("", "unix:", "10.42.0.7, 10.42.0.8", "nonsense"):
            headers = {"X_Sign_On_Key": KEY, "X_Sign_On_Peer": address}
            assert (await person(portal, "alice", **headers).get("/")).status_code == 401


async def test_a_form_belongs_to_the_person_and_the_browser(portal: Portal) -> None:
    browser, other = person(portal, "alice"), person(portal, "alice")
    await browser.see("/")
    await other.see("/")
    other.csrf = browser.csrf
    assert (await other.submit("/sessions", sample="")).status_code == 403, "another browser of the same person"
    browser.headers[USER] = "bob"
    assert (await browser.submit("/sessions", sample="")).status_code == 403, "the page was made for alice"
    browser.headers[USER] = "alice"
    assert (await browser.submit("/sessions", sample="")).status_code == 303


@pytest.mark.parametrize("value", ["", "older-version", "eyJhIjoxfQ.x.y", "\xff"])
async def test_a_cookie_of_another_version_is_replaced(portal: Portal, value: str) -> None:
    browser = person(portal, "alice")
    answer = await browser.get("/", headers={"Cookie": f"{BrowserCookie.COOKIE}={value}".encode("latin-1")})  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert f"{BrowserCookie.COOKIE}=" in answer.headers["set-cookie"]


async def test_a_guests_cookie_opens_nothing_where_people_sign_in(portal: Portal) -> None:
    portal.sign_on = SignOnSettings()
    portal.restart()
    guest = portal.browser()
    name = await guest.start()
    change(portal)
    guest.headers[USER] = "alice"
    assert (await guest.get(f"/sessions/{name}")).status_code == 404


async def test_where_https_is_the_cookies_are_of_this_host_alone(portal: Portal) -> None:
    portal.public_url = "https://portal.test/"
    portal.restart()
    answer = await person(portal, "alice").get("/")
    (line,) = answer.headers.get_list("set-cookie")
    assert line.startswith("__Host-blender-browser=")
    assert all(word in line for word in ("Path=/", "Secure", "HttpOnly", "SameSite=lax"))
    assert "Domain" not in line


async def test_opening_needs_no_password_and_puts_no_token_into_the_link(portal: Portal) -> None:
    browser = person(portal, "alice")
    name = await browser.start()
    portal.store.make_ready(name)
    portal.store.passwords.clear()
    page = await browser.get(f"/sessions/{name}/open")
    assert page.status_code == 200
    assert 'data-target="http://portal.test/guacamole/#/client/MQBjAHBvc3RncmVzcWw"' in page.text
    assert "alice" not in page.text.partition("<main")[2], "the word that the browser keeps names nobody"
    assert portal.guacamole.made == []


async def test_the_word_that_the_browser_keeps_changes_with_the_person(portal: Portal) -> None:
    words = set()
    for who in ("alice", "alice", "bob"):
        browser = person(portal, who)
        name = await browser.start()
        portal.store.make_ready(name)
        words.add((await browser.get(f"/sessions/{name}/open")).text.partition('data-person="')[2][:32])
    assert len(words) == 2


async def test_the_word_changes_when_the_user_was_made_anew(portal: Portal) -> None:
    """Guacamole's page has a token of the former user then, which opens nothing."""
    browser = person(portal, "alice")
    words = []
    for password in ("first", "first", "second"):
        name = await browser.start()
        portal.store.make_ready(name)
        portal.store.passwords["alice"] = password
        words.append((await browser.get(f"/sessions/{name}/open")).text.partition('data-person="')[2][:32])
    assert words[0] == words[1] != words[2]


async def test_no_page_speaks_of_one_browser_alone(portal: Portal) -> None:
    browser = person(portal, "alice")
    for address in ("/", "/artists", "/sessions/nobody-has-this"):
        text = (await browser.get(address)).text
        assert "Only this browser" not in text
        assert "another browser" not in text
        assert "Only you can see your sessions" in text


async def ask(browser: Browser, token: str = "") -> httpx.Response:
    """Ask as the chart's proxy does for each request to Guacamole."""
    return await browser.get("/internal/person", headers={"Guacamole-Token": token} if token else {})


async def test_the_proxy_learns_whose_request_it_has(portal: Portal) -> None:
    answer = await ask(person(portal, "alice"))
    assert (answer.status_code, answer.headers["x-person"]) == (200, "alice")
    nobody = await ask(portal.browser())
    assert nobody.status_code == 401
    assert "x-person" not in nobody.headers


async def test_a_token_is_used_by_its_own_person_alone(portal: Portal) -> None:
    token = portal.guacamole.token_of("alice")
    alice, bob = person(portal, "alice"), person(portal, "bob")
    assert (await ask(alice, token)).status_code == 200
    assert (await ask(bob, token)).status_code == 403
    assert portal.guacamole.alive == set(), "a token that another person shows has ended"


async def test_guacamoles_administrator_has_no_use_of_a_token_here(portal: Portal) -> None:
    token = portal.guacamole.token_of("guacadmin")
    assert (await ask(person(portal, "guacadmin"), token)).status_code == 403


async def test_guacamole_itself_answers_a_dead_token(portal: Portal) -> None:
    assert (await ask(person(portal, "alice"), "DEAD")).status_code == 200


async def test_the_token_of_an_address_is_read_as_guacamole_reads_it(portal: Portal) -> None:
    alice, bob = portal.guacamole.token_of("alice"), portal.guacamole.token_of("bob")
    browser = person(portal, "bob")
    browser.headers["X-Guacamole-Query"] = f"connect&token={bob}&GUAC_ID=1"
    assert (await ask(browser, bob)).status_code == 200
    browser.headers["X-Guacamole-Query"] = f"GUAC_ID=1&t%6Fken=%{ord(alice[0]):02x}{alice[1:]}"
    assert (await ask(browser)).status_code == 403
    assert portal.guacamole.alive == {bob}, "who shows another person's token ends it"


async def test_a_browser_that_begins_at_guacamoles_page_is_signed_out_like_others(portal: Portal) -> None:
    change(portal, sign_out_url="/out")
    browser, token = person(portal, "alice"), portal.guacamole.token_of("alice")
    assert (await ask(browser)).headers["set-cookie"].startswith(f"{BrowserCookie.COOKIE}=")
    await ask(browser, token)
    await browser.see("/")
    await browser.submit("/sign-out")
    assert portal.guacamole.alive == set()


@pytest.mark.parametrize("page", ["/", "/sign-in"])
async def test_a_desktop_of_whoever_used_the_browser_before_is_closed(portal: Portal, page: str) -> None:
    browser, token = person(portal, "alice"), portal.guacamole.token_of("alice")
    await browser.get("/")
    await ask(browser, token)
    browser.headers[USER] = "bob"
    await browser.get(page)
    await until_set("the token has ended", portal.guacamole.all_ended)


async def test_a_token_that_nobody_can_say_whose_it_is_opens_nothing(portal: Portal) -> None:
    token = portal.guacamole.token_of("alice")
    portal.guacamole.failure = Unavailable("Guacamole does not answer.", System.GUACAMOLE)
    assert (await ask(person(portal, "bob"), token)).status_code == 503


async def test_a_token_that_could_not_be_ended_ends_at_the_next_word(portal: Portal) -> None:
    change(portal, sign_out_url="/out")
    browser, token = person(portal, "alice"), portal.guacamole.token_of("alice")
    await browser.see("/")
    await ask(browser, token)
    portal.guacamole.failure = Unavailable("Guacamole does not answer.", System.GUACAMOLE)
    assert (await browser.submit("/sign-out")).status_code == 200
    portal.guacamole.failure = None
    await browser.see("/")
    await browser.submit("/sign-out")
    assert portal.guacamole.alive == set()


@pytest.mark.parametrize("public_url", ["https://portal.test/blender/", "http://portal.test/a/b/"])
def test_a_host_with_other_applications_has_no_sign_on(portal: Portal, public_url: str) -> None:
    portal.public_url = public_url
    with pytest.raises(ValueError, match="host name of its own"):
        portal.restart()
    portal.sign_on = SignOnSettings()
    portal.restart()


async def test_signing_out_ends_the_tokens_of_this_browser_alone(portal: Portal) -> None:
    change(portal, sign_out_url="https://id.test/sign_out")
    laptop, tablet = person(portal, "alice"), person(portal, "alice")
    tokens = [portal.guacamole.token_of("alice") for _ in range(3)]
    for browser, token in ((laptop, tokens[0]), (laptop, tokens[1]), (tablet, tokens[2])):
        page = await browser.see("/")
        assert "Sign out" in page.text
        assert (await ask(browser, token)).status_code == 200
    answer = await laptop.submit("/sign-out")
    assert '<meta http-equiv="refresh" content="0; url=https://id.test/sign_out">' in answer.text
    assert "Sign out" not in answer.text
    assert answer.headers["clear-site-data"] == '"storage"'
    assert portal.guacamole.alive == {tokens[2]}


async def test_signing_out_needs_the_forms_token(portal: Portal) -> None:
    token = portal.guacamole.token_of("alice")
    browser = person(portal, "alice")
    await ask(browser, token)
    assert (await browser.post("/sign-out")).status_code == 403
    assert portal.guacamole.alive == {token}


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/guacamole/", "/guacamole/"),
        ("/view?blender_file=a.blend", "/view?blender_file=a.blend"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("/a\\b", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("/" + "a" * 511, "/" + "a" * 511),
        ("/" + "a" * 512, "/"),
        ("", "/"),
    ],
)
async def test_signing_in_leads_on_within_the_site_alone(portal: Portal, asked: str, target: str) -> None:
    answer = await person(portal, "alice").get("/sign-in", params={"next": asked})
    assert (answer.status_code, answer.headers["location"]) == (303, target)


async def test_there_are_no_such_pages_for_guests(portal: Portal) -> None:
    portal.sign_on = SignOnSettings()
    portal.restart()
    browser = person(portal, "alice")
    assert "Sign out" not in (await browser.get("/")).text
    for address in ("/internal/person", "/sign-in"):
        assert (await browser.get(address)).status_code == 404
    assert (await browser.post("/sign-out")).status_code == 404


class TestClasses:
    """Groups choose the classes that a person may start sessions of."""

    @pytest.fixture(autouse=True)
    def _classes(self, portal: Portal) -> None:
        film = GroupClasses(group="film", classes=("large", "default"))
        everybody = GroupClasses(group="*", classes=("small",))
        change(portal, classes=(film, everybody))

    async def test_the_first_one_that_fits_is_taken(self, portal: Portal) -> None:
        for groups, expected in (("film,staff", "large"), ("staff", "small"), ("", "small")):
            browser = person(portal, "alice", X_Forwarded_Groups=groups)
            name = await browser.start()
            assert portal.store.objects[name]["spec"]["className"] == expected
            assert (await browser.submit(f"/sessions/{name}/stop")).status_code == 303

    async def test_a_person_chooses_between_some(self, portal: Portal) -> None:
        browser = person(portal, "alice", X_Forwarded_Groups="film")
        page = await browser.see("/")
        assert [word in page.text for word in ('value="large"', 'value="default"', 'value="small"')] == [True] * 3
        name = await browser.start(**{"class": "default"})
        assert "className" not in portal.store.objects[name]["spec"]

    async def test_a_person_with_one_has_no_choice(self, portal: Portal) -> None:
        assert "<select" not in (await person(portal, "bob").get("/")).text

    @pytest.mark.parametrize("wanted", ["large", "default", "../small", "Small"])
    async def test_other_classes_are_refused(self, portal: Portal, wanted: str) -> None:
        browser = person(portal, "bob", X_Forwarded_Groups="films")
        await browser.see("/")
        answer = await browser.submit("/sessions", **{"sample": "", "class": wanted})
        assert answer.status_code == 400
        assert "may not start sessions of the class" in answer.text
        assert not portal.store.objects

    async def test_a_session_of_another_class_is_not_used_again(self, portal: Portal) -> None:
        browser = person(portal, "alice", X_Forwarded_Groups="film")
        names = {await browser.start(**{"class": name, "reuse": "yes"}) for name in ("large", "small", "small")}
        assert {str(portal.store.objects[name]["spec"]["className"]) for name in names} == {"large", "small"}
        assert len(names) == 2

    async def test_the_page_offers_what_one_of_the_classes_takes(self, portal: Portal) -> None:
        portal.store.rules_of["large"] = TransferRules(upload=False)
        page = await person(portal, "alice", X_Forwarded_Groups="film").get("/")
        assert 'id="start-file"' in page.text
        portal.store.rules_of |= {name: TransferRules(upload=False) for name in ("default", "small")}
        page = await person(portal, "alice", X_Forwarded_Groups="film").get("/")
        assert 'id="start-file"' not in page.text

    async def test_the_rules_of_the_persons_class_hold(self, portal: Portal) -> None:
        portal.store.rules_of["small"] = TransferRules(upload=False)
        browser = person(portal, "bob")
        await browser.see("/")
        assert (await browser.submit("/sessions", upload="yes")).status_code == 400

    async def test_a_guest_has_the_default_class_alone(self, portal: Portal) -> None:
        portal.sign_on = SignOnSettings()
        portal.restart()
        guest = portal.browser()
        await guest.see("/")
        assert (await guest.submit("/sessions", **{"sample": "", "class": "large"})).status_code == 400


async def test_no_line_of_the_log_holds_a_token(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    change(portal, sign_out_url="/out")
    token = portal.guacamole.token_of("alice")
    browser = person(portal, "alice")
    await browser.see("/")
    await ask(browser, token)
    await ask(person(portal, "bob"), token)
    await browser.submit("/sign-out")
    assert token not in caplog.text
