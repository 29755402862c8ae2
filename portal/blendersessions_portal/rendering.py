"""Renders the pages as HTML."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.templating import Jinja2Templates

from blendersessions_portal import lifetime_words, wording
from blendersessions_portal.account import account_context
from blendersessions_portal.admin_view import class_rows, search, waiting
from blendersessions_portal.admin_wording import MAX_MESSAGE_CHARACTERS
from blendersessions_portal.file_view import size
from blendersessions_portal.progress import Progress, State, describe
from blendersessions_portal.scene_choice import OWN_FILE
from blendersessions_portal.start_times import start_pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions.model.files import Files
    from blendersessions.model.session_class import SessionClass
    from blendersessions_portal.file_view import FolderView
    from blendersessions_portal.samples import Samples
    from blendersessions_portal.scene_choice import SceneChoice
    from blendersessions_portal.session_view import SessionView
    from blendersessions_portal.start_times import StartPace
    from blendersessions_portal.transfer_rules import TransferRules

    Context = Callable[[Request], dict[str, Any]]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
TEMPLATES = _HERE / "templates"

STAY = "stay=yes"
"""Query of a session's page that shows the session instead of opening it."""


def asks_to_stay(request: Request) -> bool:
    """Return whether a page shows a session that is ready, instead of opening it."""
    return "stay" in request.query_params


_CHANGING = {State.WORKING, State.AWAITING, State.QUEUED, State.SUSPENDING, State.ENDING}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Browsers cache static files for a day, so each version of the files has an address of its own.
    content = b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))
    environment.globals["version"] = hashlib.sha256(content).hexdigest()[:10]
    return environment


@dataclass(frozen=True)
class SessionRow:
    """A session in words, as the templates show it."""

    name: str
    title: str
    picture: str
    shows_screen: bool
    """Whether its desktop has a picture of its screen."""
    created: str
    age: str
    progress: Progress
    state: State
    connected: str
    kept_alive_by: str
    expiry: str
    keeping: str
    restarted: str
    suspending: str
    stopping: str
    duplicating: str
    files: Files
    takes_file: bool
    wants_file: bool
    has_files: bool
    can_cancel: bool
    can_duplicate: bool
    can_suspend: bool
    can_resume: bool
    may_hold_work: bool


@dataclass(frozen=True)
class Part:
    """A part of a page that is kept current: two that are equal look the same. The tokens of its forms are left out."""

    template: str
    context: dict[str, object]
    changing: bool
    """Whether it says something else soon, though nothing happens."""


class Renderer:
    """Renders the templates. They get rows and words, never the objects behind them.

    Args:
        samples: the scenes that pages offer.
        signs_on: whether people sign in, so that what a page says of browsers holds for people.
        has_admins: whether there are people who see the sessions of all.
        old_since: returns from when the sessions are that pages show, if they are not current.
        everybody: returns all sessions, which tell how long a start usually takes; nothing without a watch.
    """

    def __init__(
        self,
        samples: Samples,
        *,
        signs_on: bool = False,
        has_admins: bool = False,
        old_since: Callable[[], datetime | None] = lambda: None,
        everybody: Callable[[], Sequence[SessionView]] = lambda: (),
    ) -> None:
        self._samples = samples
        self.signs_on = signs_on
        self._old_since = old_since
        self._everybody = everybody
        contexts: list[Context] = [account_context, lambda _request: {"signs_on": signs_on, "has_admins": has_admins}]
        self._templates = Jinja2Templates(env=_environment(), context_processors=contexts)

    def row(self, session: SessionView, pace: StartPace | None = None) -> SessionRow:
        """Return a session in words, as of now."""
        now = datetime.now(UTC)
        progress = describe(session, now, pace)
        sample = self._samples.get(session.scene.sample)
        return SessionRow(
            name=session.name,
            title=session.scene_name or self._title(session.scene),
            picture=sample.picture if sample else "",
            shows_screen=session.ready and session.has_files,
            created=session.created.isoformat(),
            age=lifetime_words.age(session.created, now),
            progress=progress,
            state=progress.state,
            connected=lifetime_words.connected(session),
            kept_alive_by=lifetime_words.kept_alive_by(session),
            expiry=lifetime_words.expiry(session, now),
            keeping=lifetime_words.keeping(session),
            restarted=lifetime_words.restarted(session, now),
            suspending=wording.SUSPEND[session.files],
            stopping=lifetime_words.stopping(session),
            duplicating=lifetime_words.duplicating(session),
            files=session.files,
            takes_file=session.takes_file,
            wants_file=session.wants_file,
            has_files=session.has_files,
            can_cancel=session.can_cancel,
            can_duplicate=session.can_duplicate,
            can_suspend=session.can_suspend,
            can_resume=session.can_resume,
            may_hold_work=session.may_hold_work,
        )

    def scene_picture(self, session: SessionView) -> str:
        """Return the address of the picture of what a session opens first."""
        sample = self._samples.get(session.scene.sample)
        return f"/static/thumbnails/{quote(sample.picture)}" if sample else "/static/empty.svg"

    def file_picture(self) -> str:
        """Return the address of the picture of a file that has none of its own."""
        return "/static/no-picture.svg"

    def home(
        self,
        request: Request,
        sessions: Sequence[SessionView],
        csrf: str,
        rules: TransferRules,
        *,
        no_middle_button: bool,
    ) -> Response:
        """Render the scenes and the visitor's sessions."""
        context: dict[str, object] = {"samples": list(self._samples), "no_middle_button": no_middle_button}
        context |= {"rules": rules, "largest": size(rules.max_bytes), "no_uploads": wording.NO_UPLOADS}
        context |= self.list_part(sessions).context | {"csrf": csrf}
        return self._templates.TemplateResponse(request, "home.html", context)

    def session(
        self, request: Request, session: SessionView, csrf: str, rules: TransferRules, *, stay: bool
    ) -> Response:
        """Render a session's page; without `stay` it goes to Blender as soon as the session is ready."""
        context = self.session_part(session, rules, stay=stay).context | {"csrf": csrf}
        return self._templates.TemplateResponse(request, "session.html", context)

    def list_part(self, sessions: Sequence[SessionView]) -> Part:
        """Return the list of the visitor's sessions."""
        rows = [self.row(session) for session in sessions]
        changing = any(row.state in _CHANGING for row in rows)
        context: dict[str, object] = {"rows": rows, "changing": changing, "not_current": self._not_current()}
        return Part("_sessions.html", context, changing)

    def session_part(self, session: SessionView, rules: TransferRules, *, stay: bool) -> Part:
        """Return the progress of a session."""
        pace = start_pace(session, self._everybody(), datetime.now(UTC))
        row, largest = self.row(session, pace), size(rules.max_bytes)
        context: dict[str, object] = {"row": row, "pace": pace, "stay": stay, "rules": rules, "largest": largest}
        return Part("_progress.html", context | {"not_current": self._not_current()}, row.state in _CHANGING)

    def part(self, part: Part, csrf: str) -> str:
        """Render a part alone, to replace it on the page."""
        return self._templates.get_template(part.template).render(part.context | {"csrf": csrf})

    def removed(self) -> str:
        """Render what stands in place of the progress of a session that is gone."""
        return self._templates.get_template("_removed.html").render()

    def full(
        self,
        request: Request,
        sessions: Sequence[SessionView],
        csrf: str,
        scene: SceneChoice,
        *,
        no_middle_button: bool,
    ) -> Response:
        """Render the page of a visitor with too many sessions: their list, and a button that starts the scene later."""
        context: dict[str, object] = {"count": len(sessions), "scene": scene, "title": self._title(scene)}
        context |= {"no_middle_button": no_middle_button, "duplicate": ""}
        context |= self.list_part(sessions).context | {"csrf": csrf}
        return self._templates.TemplateResponse(request, "full.html", context, status_code=409)

    def full_for_duplicate(
        self, request: Request, sessions: Sequence[SessionView], csrf: str, session: SessionView
    ) -> Response:
        """Render the same page, with a button that duplicates a session later."""
        title = session.scene_name or self._title(session.scene)
        context: dict[str, object] = {"count": len(sessions), "title": title, "duplicate": session.name}
        context |= self.list_part(sessions).context | {"csrf": csrf}
        return self._templates.TemplateResponse(request, "full.html", context, status_code=409)

    def view(self, request: Request, file: str, csrf: str, *, no_middle_button: bool) -> Response:
        """Render the page of a link to a scene. It sends its own form."""
        context = {"sample": self._samples.require(file), "csrf": csrf, "no_middle_button": no_middle_button}
        return self._templates.TemplateResponse(request, "view.html", context)

    def opening(self, request: Request, target: str, person: str) -> Response:
        """Render the page that goes on to Blender, for the person whom the word `person` stands for."""
        return self._templates.TemplateResponse(request, "opening.html", {"target": target, "person": person})

    def leaving(self, request: Request, place: str) -> Response:
        """Render the page that goes on to where the sign-on signs people out."""
        request.state.account = None
        return self._templates.TemplateResponse(request, "leaving.html", {"place": place})

    def signed_out(self, request: Request) -> Response:
        """Render the page after a sign-out."""
        return self._templates.TemplateResponse(request, "signed_out.html")

    def artists(self, request: Request) -> Response:
        """Render the page about what is kept, and when."""
        return self._templates.TemplateResponse(request, "artists.html")

    def files(
        self, request: Request, session: SessionView, folder: FolderView, rules: TransferRules, csrf: str
    ) -> Response:
        """Render a folder of the session's desktop."""
        context: dict[str, object] = {"row": self.row(session), "folder": folder, "rules": rules, "csrf": csrf}
        context |= {"largest": size(rules.max_bytes), "wording": wording}
        return self._templates.TemplateResponse(request, "files.html", context)

    def admin(
        self,
        request: Request,
        sessions: Sequence[SessionView],
        classes: Sequence[SessionClass],
        query: str,
        page: int,
        csrf: str,
        *,
        told: str,
    ) -> Response:
        """Render all sessions, for administrators, and that one of them was sent a message if `told` is its name."""
        now = datetime.now(UTC)
        context: dict[str, object] = {"found": search(sessions, query, page, now), "now": f"{now:%H:%M}", "csrf": csrf}
        context |= {"waiting": waiting(sessions, now), "classes": class_rows(classes, sessions)}
        context |= {"not_current": self._not_current(), "longest": MAX_MESSAGE_CHARACTERS}
        context["told"] = next((session.name for session in sessions if session.name == told), "")
        return self._templates.TemplateResponse(request, "admin.html", context)

    def problem(
        self, request: Request, title: str, text: str, status: int, *, retry: str = "", label: str = "Try again"
    ) -> Response:
        """Render an error, with a link to try again if `retry` is an address."""
        context = {"title": title, "text": text, "retry": retry, "label": label}
        return self._templates.TemplateResponse(request, "problem.html", context, status_code=status)

    def _title(self, scene: SceneChoice) -> str:
        if scene.upload:
            return OWN_FILE
        sample = self._samples.get(scene.sample)
        return sample.title if sample else scene.file or "Empty scene"

    def _not_current(self) -> str:
        """Return that what a page shows is old, and from when; empty if it is current."""
        since = self._old_since()
        return wording.NOT_CURRENT.format(since=f"{since:%H:%M}") if since else ""
