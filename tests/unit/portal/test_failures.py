"""Each failure is told in words for artists, with what to do. The technical reason is folded away."""

from __future__ import annotations

import html
import inspect
import re
from typing import TYPE_CHECKING

import pytest

from blendersessions.model import conditions
from blendersessions.model.conditions import Reason
from blendersessions_operator.planning.podstate import UNRECOVERABLE
from blendersessions_portal import wording

if TYPE_CHECKING:
    from unit.portal.portals import Browser, Portal

_DESCRIBED = re.compile(r'^    ([A-Z_]+) = "\w+"\n    """(.*?)"""', re.MULTILINE | re.DOTALL)
# What the model says of each reason; it is the text of docs/conditions.md too.
STALLED = {
    Reason[name] for name, text in _DESCRIBED.findall(inspect.getsource(conditions.Reason)) if "Stalled=True" in text
}
FAILING = {"BlenderFailed", "DisplayFailed", "ContainerFailed", "CrashLoopBackOff", "Error", "OutOfMemory"}
ALL = sorted(STALLED | UNRECOVERABLE | FAILING)
TECHNICAL = re.compile(
    r"\b(pods?|nodes?|secrets?|containers?|namespaces?|claims?|volumes?|images?|configmaps?|quotas?|clusters?|kubectl"
    r"|kubernetes|guacamole|guacd|operator|spec|manifest|annotations?|stalled)\b",
    re.IGNORECASE,
)
MESSAGE = "Pod “blender-x” on node n7: the Secret of the container is in no namespace."


async def failed_page(portal: Portal, browser: Browser, reason: str, message: str = MESSAGE) -> str:
    name = await browser.start()
    failed = ("False", reason, message)
    steps = [(kind, *failed) for kind in ("Ready", "DesktopReady", "SceneReady")]
    pending = ("ConnectionReady", "False", "GuacamoleUnavailable", "guacd at 10.0.0.1 does not answer.")
    portal.store.set_status(name, "Failed", *steps, pending, ("Stalled", "True", reason, message))
    page = (await browser.see(f"/sessions/{name}")).text
    return html.unescape(page.partition('<div class="words">')[2].partition("</article>")[0])


def read_at_once(part: str) -> str:
    """Return what a person reads of a part before opening anything."""
    closed = re.sub(r"<details>.*?</details>", "", part, flags=re.DOTALL)
    # Questions that open later are part of the page's words too.
    return re.sub(r"<[^>]*>", " ", closed)


def test_the_reasons_are_those_that_the_model_says() -> None:
    assert {Reason.NAME_TAKEN, Reason.SCENE_TOO_NEW, Reason.UNCONFINED, Reason.START_DEADLINE_EXCEEDED} <= STALLED
    assert Reason.PROGRESSING not in STALLED
    assert len(STALLED) == sum("Stalled=True" in line for line in inspect.getsource(conditions.Reason).split('"""'))


@pytest.mark.parametrize("reason", ALL)
async def test_each_reason_has_words_of_its_own_and_no_technical_ones(
    portal: Portal, browser: Browser, reason: str
) -> None:
    page = await failed_page(portal, browser, reason)
    words = wording.FAILURES[reason]
    assert f"<h1>{words.headline}</h1>" in page
    assert words.way_out in page
    assert TECHNICAL.findall(read_at_once(page)) == []
    assert re.search(r"[Rr]emove|administrator|[Ss]end it|[Ss]uspend", words.way_out), "what to do"


def test_no_two_failures_are_told_alike_but_those_that_are_one_for_a_person() -> None:
    texts = [wording.FAILURES[reason] for reason in sorted(STALLED)]
    assert len({words.headline for words in texts}) == len({words.way_out for words in texts}) == len(texts)


@pytest.mark.parametrize("reason", ["NameTaken", "SceneUnreadable", "BlenderFailed", "SomethingNew"])
async def test_the_technical_reason_is_one_click_away(portal: Portal, browser: Browser, reason: str) -> None:
    page = await failed_page(portal, browser, reason)
    folded = " ".join(re.findall(r"<details>(.*?)</details>", page, re.DOTALL))
    assert "<details open" not in page
    assert MESSAGE not in read_at_once(page)
    assert "The cluster reports GuacamoleUnavailable." in folded
    assert "10.0.0.1" not in page, "the words of other systems are for administrators alone"
    assert (MESSAGE if reason in set(Reason) else f"The cluster reports {reason}.") in folded


async def test_a_failure_without_a_message_says_that_there_is_none(portal: Portal, browser: Browser) -> None:
    page = await failed_page(portal, browser, "NameTaken", "")
    assert "No reason was given." in page
    assert TECHNICAL.findall(read_at_once(page)) == []


async def test_an_unknown_reason_is_told_in_plain_words_too(portal: Portal, browser: Browser) -> None:
    page = await failed_page(portal, browser, "SomethingNew")
    assert wording.UNKNOWN_FAILURE.headline in page
    assert TECHNICAL.findall(read_at_once(page)) == []
