"""People are who a trusted proxy says, and nobody else may say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.sign_on_settings import SignOnSettings
from unit.portal.header_sign_on.people import GROUPS, KEY, PROXY, USER, ask, change, owner, person

if TYPE_CHECKING:
    from pathlib import Path

    from unit.portal.portals import Portal

UNICODE_SPACES = ("\u00a0", "\u2003", "\u3000", "\u0085", "\u2028", "\x1c", "\x1f")


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


@pytest.mark.parametrize("public_url", ["https://portal.test/blender/", "http://portal.test/a/b/"])
def test_a_host_with_other_applications_has_no_sign_on(portal: Portal, public_url: str) -> None:
    portal.public_url = public_url
    with pytest.raises(ValueError, match="host name of its own"):
        portal.restart()
    portal.sign_on = SignOnSettings()
    portal.restart()
