"""What the provider says about a person, and what the portal makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from blendersessions_portal.openid.identity import ClaimNames
from blendersessions_portal.openid.tokens import RefusedError
from unit.portal.openid.signing_in import ALICE, is_signed_in, settings, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from openid_provider import Provider
    from unit.portal.portals import Browser, Portal

NAMES = ClaimNames("sub", "name", "groups", frozenset({"guacadmin"}), fold_case=False)


async def test_groups_make_administrators(portal: Portal, provider: Provider, browser: Browser, tmp_path: Path) -> None:
    portal.sign_on = settings(provider, tmp_path, admin_groups=("staff",))
    portal.restart()
    provider.person = ALICE | {"groups": ["film", "staff"]}
    await signed_in(browser)
    assert "Administrator" in (await browser.get("/")).text


async def test_what_only_userinfo_says_counts_too(
    portal: Portal, provider: Provider, browser: Browser, tmp_path: Path
) -> None:
    portal.sign_on = settings(provider, tmp_path, admin_groups=("staff",))
    portal.restart()
    provider.userinfo = ALICE | {"groups": ["staff"], "name": "Somebody"}
    await signed_in(browser)
    page = await browser.get("/")
    assert "Administrator" in page.text
    assert "Alice" in page.text, "the signed token goes before it"


async def test_what_userinfo_says_in_a_signed_token_is_not_needed(provider: Provider, browser: Browser) -> None:
    provider.signs_userinfo = True
    await signed_in(browser)
    assert await is_signed_in(browser)


async def test_without_an_access_token_the_id_token_is_enough(provider: Provider, browser: Browser) -> None:
    provider.gives_access = False
    await signed_in(browser)
    assert await is_signed_in(browser)


async def test_userinfo_about_somebody_else_lets_nobody_in(provider: Provider, browser: Browser) -> None:
    provider.userinfo = ALICE | {"sub": "bob-1"}
    assert (await signed_in(browser)).status_code == 403


@pytest.mark.parametrize(
    "verified", [{}, *({"email_verified": value} for value in (False, "false", None, 0, 1, "yes"))]
)
async def test_an_address_that_nobody_checked_names_nobody(
    portal: Portal, provider: Provider, browser: Browser, tmp_path: Path, verified: dict[str, object]
) -> None:
    portal.sign_on = settings(provider, tmp_path, openid_user_claim="email")
    portal.restart()
    provider.person = ALICE | {"email": "alice@example.org"} | verified
    assert (await signed_in(browser)).status_code == 403
    provider.person["email_verified"] = True
    await signed_in(browser)
    assert (await browser.get("/internal/person")).headers["x-person"] == "alice@example.org"


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({}, ()),
        ({"groups": ["a b", "c"]}, ("a b", "c")),
        ({"groups": "a  b"}, ("a", "b")),
        ({"groups": "a\u00a0b"}, ("a\u00a0b",)),
        ({"groups": [1, None, "a"]}, ("a",)),
        ({"groups": {"a": 1}}, ()),
    ],
)
def test_groups_come_in_several_forms(claims: dict[str, Any], groups: tuple[str, ...]) -> None:
    assert NAMES.groups_of(claims) == groups


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\u0085", "\x1c", "\x1f"])
def test_a_space_is_part_of_the_name(space: str) -> None:
    assert NAMES.owner({"sub": "alice"}) == "alice"
    for name in (f"alice{space}", f"{space}alice"):
        assert NAMES.owner({"sub": name}).startswith("person-alice-")
    with pytest.raises(RefusedError):
        NAMES.owner({"sub": space})


def test_what_people_are_called_is_shown_safely() -> None:
    assert NAMES.called({"sub": "a", "name": "Z\u202eoë\n" + "x" * 500}) == ("Zoë" + "x" * 500)[:128]
    assert NAMES.called({"sub": "a", "name": 7}) == "a"
