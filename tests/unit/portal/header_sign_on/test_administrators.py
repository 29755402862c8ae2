"""Who sees the sessions of all people, and what becomes of the administrators' clicks."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.errors import Invalid, System
from unit.portal.fakes import NOW, FakeGuacamole, FakeStore, write_samples
from unit.portal.header_sign_on.people import GROUPS, change, person
from unit.portal.portals import Browser, Portal

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = ("stop", "suspend", "resume", "message")


@pytest.fixture
def admin(portal: Portal) -> Browser:
    change(portal, admin_groups=("teachers",))
    return person(portal, "tess", **{GROUPS: "teachers"})


@pytest.fixture
async def name(portal: Portal, admin: Browser) -> str:
    """A session of somebody who is no administrator, which is ready and has a workspace."""
    assert admin.headers[GROUPS] == "teachers"
    name = await person(portal, "ann").start()
    portal.store.make_ready(name)
    portal.store.give_workspace(name)
    return name


def add(portal: Portal, name: str, owner: str = "ann", class_name: str = "default", minutes: int = 0) -> None:
    """Have a session that somebody made with kubectl."""
    created = (NOW - timedelta(minutes=minutes)).isoformat()
    portal.store.objects[name] = {
        "metadata": {"name": name, "namespace": "blender", "uid": f"uid-{name}", "creationTimestamp": created},
        "spec": {"owner": owner, "className": class_name},
    }


def shown(page: str) -> list[str]:
    """The names of the sessions in the table of all."""
    return re.findall(r'data-session="([^"]+)"', page)


def uid(portal: Portal, name: str) -> str:
    return str(portal.store.objects[name]["metadata"]["uid"])


async def act(portal: Portal, admin: Browser, name: str, action: str) -> int:
    await admin.see("/admin")
    return (await admin.submit(f"/admin/sessions/{name}/{action}", uid=uid(portal, name))).status_code


async def test_for_people_without_the_group_there_is_no_such_page(portal: Portal, name: str) -> None:
    for other in (person(portal, "ann"), person(portal, "bob", **{GROUPS: "students"})):
        home = await other.see("/")
        assert "/admin" not in home.text
        assert (await other.get("/admin")).status_code == 404
        for action in ACTIONS:
            answer = await other.submit(f"/admin/sessions/{name}/{action}", uid=uid(portal, name))
            assert answer.status_code == 404
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]
    assert "replicas" not in portal.store.objects[name]["spec"]


async def test_a_guest_is_no_administrator_whatever_the_headers_say(tmp_path: Path) -> None:
    portal = Portal(FakeStore(), FakeGuacamole(), write_samples(tmp_path))
    guest = person(portal, "tess", **{GROUPS: "teachers"})
    name = await guest.start()
    assert (await guest.get("/admin")).status_code == 404
    for action in ACTIONS:
        answer = await guest.submit(f"/admin/sessions/{name}/{action}", uid=uid(portal, name))
        assert answer.status_code == 404
    await portal.close()


async def test_pages_say_that_administrators_see_sessions_where_there_are_some(portal: Portal) -> None:
    assert "Only you can see your sessions" in (await person(portal, "ann").get("/")).text
    change(portal, admin_groups=("teachers",))
    page = (await person(portal, "ann").get("/")).text
    assert "Your administrators see that you have them" in page
    assert "Only you can see your sessions" not in page


@pytest.mark.usefixtures("admin")
async def test_nobody_unknown_gets_in(portal: Portal) -> None:
    assert (await portal.browser().get("/admin")).status_code == 401


async def test_an_administrator_sees_the_sessions_of_all(portal: Portal, admin: Browser, name: str) -> None:
    add(portal, "by-kubectl", owner="carl", class_name="large", minutes=120)
    portal.store.objects["by-kubectl"]["status"] = {
        "phase": "Ready",
        "clientURL": "http://portal.test/x",
        "conditions": [{"type": "Ready", "status": "True", "reason": "SessionReady", "message": ""}],
        "activity": {"users": 2, "lastActiveAt": "2026-11-24T11:30:00Z", "expiresAt": "2026-11-24T15:00:00Z"},
    }
    page = (await admin.get("/admin")).text
    assert shown(page) == [name, "by-kubectl"]
    row = page.split('id="session-by-kubectl"')[1].split("</tr>")[0]
    for words in ("carl", "large", "Ready", "2 hours ago", ">2<", "30 minutes ago", "in 3 hours (15:00 UTC)"):
        assert words in row


async def test_a_search_finds_names_owners_and_classes(portal: Portal, admin: Browser) -> None:
    add(portal, "castle-1", owner="ann", class_name="large")
    add(portal, "castle-2", owner="Bob", class_name="default")
    add(portal, "bridge", owner="carl", class_name="large")
    for query, names in {
        "castle": {"castle-1", "castle-2"},
        "LARGE": {"castle-1", "bridge"},
        "  bob ": {"castle-2"},
        "castle large": {"castle-1"},
        "": {"castle-1", "castle-2", "bridge"},
        "%": set(),
        "x" * 5000: set(),
    }.items():
        assert set(shown((await admin.get("/admin", params={"q": query})).text)) == names


async def test_many_sessions_come_in_pages(portal: Portal, admin: Browser) -> None:
    for number in range(250):
        add(portal, f"s-{number:03}", minutes=number)
    first = (await admin.get("/admin?q=s-")).text
    assert shown(first) == [f"s-{number:03}" for number in range(100)]
    assert 'href="/admin?q=s-&amp;page=2"' in first
    assert 'rel="prev"' not in first
    last = (await admin.get("/admin?page=3")).text
    assert shown(last) == [f"s-{number:03}" for number in range(200, 250)]
    assert 'rel="next"' not in last
    for page in ("99", "0", "-1", "x", "9" * 5000):
        assert (await admin.get("/admin", params={"page": page})).status_code == 200


async def test_what_waits_says_its_place_and_why(portal: Portal, admin: Browser) -> None:
    for name, position in {"later": 2, "next": 1}.items():
        add(portal, name)
        queued = ("Ready", "False", "Queued", "All places of class default are taken.")
        portal.store.set_status(name, "Queued", queued, queuePosition=position)
    add(portal, "broken")
    portal.store.make_failed("broken")
    add(portal, "works")
    portal.store.make_ready("works")
    waits = (await admin.get("/admin")).text.split("What waits, and why")[1]
    assert re.findall(r'data-waits="([^"]+)"', waits) == ["next", "later", "broken"]
    assert re.search(
        r'data-waits="later".*?Place in the line">2<.*?Waiting for its turn.*?All places of', waits, re.DOTALL
    )
    assert "This scene does not exist" in waits
    assert "is not in the image" in waits


async def test_an_administrator_stops_suspends_and_resumes_and_the_log_says_who(
    portal: Portal, admin: Browser, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "blendersessions_portal.admin_pages")
    assert await act(portal, admin, name, "suspend") == 303
    assert portal.store.objects[name]["spec"]["replicas"] == 0
    portal.store.make_suspended(name, "Requested")
    assert await act(portal, admin, name, "resume") == 303
    assert portal.store.objects[name]["spec"]["replicas"] == 1
    assert await act(portal, admin, name, "stop") == 303
    assert "deletionTimestamp" in portal.store.objects[name]["metadata"]
    own = [each.getMessage() for each in caplog.records if each.name == "blendersessions_portal.admin_pages"]
    assert own == [
        f"Session {name} of 'ann' was {done} by the administrator tess." for done in ("suspended", "resumed", "stopped")
    ]


async def test_after_a_click_the_search_is_still_there(portal: Portal, admin: Browser, name: str) -> None:
    await admin.see("/admin")
    answer = await admin.submit(f"/admin/sessions/{name}/stop", uid=uid(portal, name), q="a&b", page="2")
    assert answer.headers["location"] == f"/admin?q=a%26b&page=2#session-{name}"


@pytest.mark.parametrize("token", ["", "forged"])
async def test_a_forged_form_does_nothing(portal: Portal, admin: Browser, name: str, token: str) -> None:
    other = person(portal, "ann")
    await other.see("/")
    for csrf in (token, other.csrf):
        for action in ACTIONS:
            form = {"csrf": csrf, "uid": uid(portal, name)}
            assert (await admin.post(f"/admin/sessions/{name}/{action}", data=form)).status_code == 403
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]


async def test_a_newer_session_of_the_same_name_is_left_alone(portal: Portal, admin: Browser, name: str) -> None:
    await admin.see("/admin")
    answer = await admin.submit(f"/admin/sessions/{name}/stop", uid="another")
    assert answer.status_code == 409
    assert "belongs to a new one" in answer.text
    assert "deletionTimestamp" not in portal.store.objects[name]["metadata"]


@pytest.mark.parametrize("name", ["gone", "other%2Fnamespace", "..%2F..%2Fother", "%0A"])
async def test_what_is_not_in_the_namespace_is_not_found(admin: Browser, name: str) -> None:
    await admin.see("/")
    assert (await admin.submit(f"/admin/sessions/{name}/stop", uid="x")).status_code == 404


async def test_what_cannot_be_done_is_said_in_words(portal: Portal, admin: Browser) -> None:
    add(portal, "no-workspace")
    portal.store.make_ready("no-workspace")
    await admin.see("/admin")
    answer = await admin.submit("/admin/sessions/no-workspace/suspend", uid="uid-no-workspace")
    assert (answer.status_code, "would be lost" in " ".join(answer.text.split())) == (400, True)
    answer = await admin.submit("/admin/sessions/no-workspace/resume", uid="uid-no-workspace")
    assert (answer.status_code, "is not suspended" in answer.text) == (400, True)
    portal.store.objects["no-workspace"]["spec"]["suspend"] = True
    answer = await admin.submit("/admin/sessions/no-workspace/resume", uid="uid-no-workspace")
    assert (answer.status_code, "suspended in its spec" in answer.text) == (400, True)


async def test_hostile_and_long_names_stay_text(portal: Portal, admin: Browser) -> None:
    hostile = '"><script>alert(1)</script>' + "w" * 500
    add(portal, "hostile", owner=hostile, class_name="<b>class</b>")
    for address in ("/admin", "/admin?q=%22%3E%3Cscript%3Ealert(1)"):
        page = (await admin.get(address)).text
        assert "<script>alert" not in page
        assert "<b>class" not in page
        assert "hostile" in shown(page)


async def test_classes_say_how_their_pools_are(portal: Portal, admin: Browser) -> None:
    pool = {"ready": 2, "starting": 1, "wanted": 4, "reason": "PoolRefused", "message": "quota node-7 exceeded"}
    for name, more in {
        "pooled": {"spec": {"warmPool": {"size": 4}, "limits": {"sessions": 9}}, "status": {"warmPool": pool}},
        "plain": {"spec": {}},
        "fresh": {"spec": {"warmPool": {"size": 1}}},
        "broken": {"spec": {"limits": {"sessions": "many"}}},
    }.items():
        portal.store.class_bodies.append({"metadata": {"name": name, "namespace": "blender"}, **more})
    add(portal, "a", class_name="pooled")
    portal.store.set_status("a", "Ready", ("Ready", "True", "SessionReady", ""), replicas=1)
    add(portal, "b", class_name="pooled")
    portal.store.set_status("b", "Queued", ("Ready", "False", "Queued", "All places are taken."))
    add(portal, "c", class_name="missing")
    add(portal, "d")
    page = (await admin.get("/admin")).text
    rows = {row.split('"')[0]: re.findall(r'role="cell"[^>]*>([^<]*)<', row) for row in page.split('data-class="')[1:]}
    refused = "The cluster makes no desktop for the pool. The status of the class says why."
    assert rows["pooled"] == ["2", "1", "1", "9", "2", "1", "4", refused]
    assert rows["plain"][-1] == "The class has no pool."
    assert rows["fresh"][-1].startswith("Nothing was reported")
    assert "cannot be read" in rows["broken"][-1]
    assert rows["missing"][-1].startswith("There is no such class.")
    assert rows["default"][-1].startswith("The built-in class")
    assert "node-7" not in page


async def test_a_message_gets_to_the_desktop_and_not_into_the_log(
    portal: Portal, admin: Browser, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await admin.see("/admin")
    fields = {"uid": uid(portal, name), "message": " The lesson ends.\r\n<b>Save</b> now! "}
    answer = await admin.submit(f"/admin/sessions/{name}/message", **fields)
    assert portal.store.told == [(name, "From your administrator: The lesson ends.\n<b>Save</b> now!")]
    assert answer.headers["location"] == f"/admin?q=&page=1&told={name}#session-{name}"
    assert f"The desktop of {name} shows the message." in (await admin.get(f"/admin?told={name}")).text
    assert "shows the message" not in (await admin.get("/admin?told=nobody")).text
    assert f"Session {name} of 'ann' was sent a message by the administrator tess." in caplog.messages
    assert "lesson ends" not in caplog.text


@pytest.mark.parametrize(
    ("message", "words"), [("", "is empty"), (" \u200b\n", "is empty"), ("w" * 401, "401 characters")]
)
async def test_an_empty_and_a_long_message_are_refused(
    portal: Portal, admin: Browser, name: str, message: str, words: str
) -> None:
    await admin.see("/admin")
    answer = await admin.submit(f"/admin/sessions/{name}/message", uid=uid(portal, name), message=message)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert not portal.store.told


async def test_a_desktop_that_cannot_show_a_message_is_explained(
    portal: Portal, admin: Browser, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_session: object, _message: str) -> None:
        raise Invalid("The desktop blender-x answered 500 to notice: no display", System.AGENT)

    monkeypatch.setattr(portal.store, "tell", fails)
    await admin.see("/admin")
    fields = {"uid": uid(portal, name), "message": "Hello"}
    answer = await admin.submit(f"/admin/sessions/{name}/message", **fields)
    assert (answer.status_code, "did not show the message" in answer.text) == (503, True)
    assert "blender-x" not in answer.text
    portal.store.make_suspended(name, "Requested")
    answer = await admin.submit(f"/admin/sessions/{name}/message", **fields)
    assert (answer.status_code, "has no desktop" in answer.text) == (400, True)
