"""The classes of a person follow from the groups that the proxy names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from blendersessions_portal.sign_on_settings import GroupClasses, SignOnSettings
from blendersessions_portal.transfer_rules import TransferRules
from unit.portal.header_sign_on.people import change, person

if TYPE_CHECKING:
    from unit.portal.portals import Portal


@pytest.fixture(autouse=True)
def _classes(portal: Portal) -> None:
    film = GroupClasses(group="film", classes=("large", "default"))
    everybody = GroupClasses(group="*", classes=("small",))
    change(portal, classes=(film, everybody))


async def test_the_first_one_that_fits_is_taken(portal: Portal) -> None:
    for groups, expected in (("film,staff", "large"), ("staff", "small"), ("", "small")):
        browser = person(portal, "alice", X_Forwarded_Groups=groups)
        name = await browser.start()
        assert portal.store.objects[name]["spec"]["className"] == expected
        assert (await browser.submit(f"/sessions/{name}/stop")).status_code == 303


async def test_a_person_chooses_between_some(portal: Portal) -> None:
    browser = person(portal, "alice", X_Forwarded_Groups="film")
    page = await browser.see("/")
    assert [word in page.text for word in ('value="large"', 'value="default"', 'value="small"')] == [True] * 3
    name = await browser.start(**{"class": "default"})
    assert "className" not in portal.store.objects[name]["spec"]


async def test_a_person_with_one_has_no_choice(portal: Portal) -> None:
    assert "<select" not in (await person(portal, "bob").get("/")).text


@pytest.mark.parametrize("wanted", ["large", "default", "../small", "Small"])
async def test_other_classes_are_refused(portal: Portal, wanted: str) -> None:
    browser = person(portal, "bob", X_Forwarded_Groups="films")
    await browser.see("/")
    answer = await browser.submit("/sessions", **{"sample": "", "class": wanted})
    assert answer.status_code == 400
    assert "may not start sessions of the class" in answer.text
    assert not portal.store.objects


async def test_a_session_of_another_class_is_not_used_again(portal: Portal) -> None:
    browser = person(portal, "alice", X_Forwarded_Groups="film")
    names = {await browser.start(**{"class": name, "reuse": "yes"}) for name in ("large", "small", "small")}
    assert {str(portal.store.objects[name]["spec"]["className"]) for name in names} == {"large", "small"}
    assert len(names) == 2


async def test_the_page_offers_what_one_of_the_classes_takes(portal: Portal) -> None:
    portal.store.rules_of["large"] = TransferRules(upload=False)
    page = await person(portal, "alice", X_Forwarded_Groups="film").get("/")
    assert 'id="start-file"' in page.text
    portal.store.rules_of |= {name: TransferRules(upload=False) for name in ("default", "small")}
    page = await person(portal, "alice", X_Forwarded_Groups="film").get("/")
    assert 'id="start-file"' not in page.text


async def test_the_rules_of_the_persons_class_hold(portal: Portal) -> None:
    portal.store.rules_of["small"] = TransferRules(upload=False)
    browser = person(portal, "bob")
    await browser.see("/")
    assert (await browser.submit("/sessions", upload="yes")).status_code == 400


async def test_a_guest_has_the_default_class_alone(portal: Portal) -> None:
    portal.sign_on = SignOnSettings()
    portal.restart()
    guest = portal.browser()
    await guest.see("/")
    assert (await guest.submit("/sessions", **{"sample": "", "class": "large"})).status_code == 400
