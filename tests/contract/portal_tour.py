"""A tab at the portal, the sessions that it can see, and the words of people that make pages hard to lay out."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from contract.served_portal import Served
    from unit.portal.fake_agent import FakeAgent


@dataclass(frozen=True)
class Words:
    """What people and their administrators name things."""

    person: str = "Ada Lovelace"
    stem: str = "chair"
    """Files and folders begin with it."""

    @property
    def file(self) -> str:
        """A scene's file."""
        return f"{self.stem}.blend"


PLAIN: Final = Words()
WORDS: Final = {
    "plain": PLAIN,
    # No file system has a longer name, and there is nowhere to break it.
    "long": Words("W" * 128, "W" * 240),
    "right to left": Words("عبد الرحمن بن محمد", "كرسي خشبي للمطبخ ١٢"),
    "other scripts": Words("ศิริพร วัฒนชัย", "椅子とテーブル-キッチン-" * 5),
}


STATES: Final = ("starting", "queued", "awaiting", "suspending", "suspended", "failed", "ending")


class Tour:
    """A tab at a portal, and what may be there to see."""

    def __init__(self, page: Page, portal: Served, agent: FakeAgent, words: Words = PLAIN) -> None:
        self.page = page
        self.portal = portal
        self.agent = agent
        self.words = words

    def go(self, address: str = "") -> None:
        """Open an address of the portal."""
        self.page.goto(self.portal.url + address)

    def hold(self, address: str) -> None:
        """Have the browser stay where it is, wherever it is sent to at this address."""
        self.page.route(address, lambda route: route.fulfill(status=204))

    def session(self) -> str:
        """Make a session that is ready, in a workspace and with an end, and return its name."""
        store, name = self.portal.store, self.portal.visit(self.page)
        store.give_workspace(name)
        at = datetime.now(UTC) + timedelta(hours=2, minutes=30)
        store.objects[name]["status"] |= {
            "scene": {"name": self.words.file},
            "activity": {"keptAliveBy": "Render", "expiresAt": at.isoformat(), "expiryReason": "MaxAge"},
        }
        return name

    def in_state(self, state: str) -> str:
        """Make a session in a state, and return its name."""
        name = self.session()
        self.put(name, state)
        return name

    def put(self, name: str, state: str) -> None:
        """Have a session be in a state. Each has the file's name, where it can have one."""
        store = self.portal.store
        body, scene = store.objects[name], store.objects[name]["status"]["scene"]
        match state:
            case "starting":
                store.make_starting(name)
            case "queued":
                queued = ("Ready", "False", "Queued", "The session waits for a place.")
                store.set_status(name, "Queued", queued, queuePosition=3)
            case "awaiting":
                body["spec"]["scene"] = {"upload": {}}
                store.make_awaiting(name)
            case "suspending":
                body["spec"]["replicas"] = 0
            case "suspended":
                save = {"result": "Failed", "message": f"The disk is full: {self.words.file}."}
                store.make_suspended(name, "Requested", save=save)
            case "failed":
                store.make_failed(name)
                for condition in body["status"]["conditions"]:
                    condition["message"] = f"{condition['message']} It has no {self.words.file}."
            case "ending":
                body["metadata"]["deletionTimestamp"] = datetime.now(UTC).isoformat()
        if state != "awaiting":
            body["status"]["scene"] = scene

    def one_of_each(self) -> None:
        """Have a session in each state, and show nothing of it yet."""
        objects, first = self.portal.store.objects, self.session()
        for state in STATES:
            body = deepcopy(objects[first])
            body["metadata"]["name"] = name = f"{first}-{state}"
            objects[name] = body
            self.put(name, state)
