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
from blendersessions_portal.file_view import size
from blendersessions_portal.progress import Progress, State, describe
from blendersessions_portal.scene_choice import OWN_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions.model.files import Files
    from blendersessions_portal.file_view import FolderView
    from blendersessions_portal.samples import Samples
    from blendersessions_portal.scene_choice import SceneChoice
    from blendersessions_portal.session_view import SessionView
    from blendersessions_portal.transfer_rules import TransferRules

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
TEMPLATES = _HERE / "templates"

STAY = "stay=yes"
"""Query of a session's page that shows the session instead of opening it."""

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
    kept_alive_by: str
    expiry: str
    keeping: str
    restarted: str
    suspending: str
    stopping: str
    files: Files
    takes_file: bool
    wants_file: bool
    has_files: bool
    can_suspend: bool
    can_resume: bool
    may_hold_work: bool


class Renderer:
    """Renders the templates. They get rows and words, never the objects behind them."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._templates = Jinja2Templates(env=_environment())

    def row(self, session: SessionView) -> SessionRow:
        """Return a session in words, as of now."""
        now = datetime.now(UTC)
        progress = describe(session, now)
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
            kept_alive_by=lifetime_words.kept_alive_by(session),
            expiry=lifetime_words.expiry(session, now),
            keeping=lifetime_words.keeping(session),
            restarted=lifetime_words.restarted(session, now),
            suspending=wording.SUSPEND[session.files],
            stopping=lifetime_words.stopping(session),
            files=session.files,
            takes_file=session.takes_file,
            wants_file=session.wants_file,
            has_files=session.has_files,
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
        context |= self._list_context(sessions, csrf)
        return self._templates.TemplateResponse(request, "home.html", context)

    def session_list(self, request: Request, sessions: Sequence[SessionView], csrf: str) -> Response:
        """Render the list of the visitor's sessions alone, to replace it on the page."""
        return self._templates.TemplateResponse(request, "_sessions.html", self._list_context(sessions, csrf))

    def session(
        self, request: Request, session: SessionView, csrf: str, rules: TransferRules, *, stay: bool
    ) -> Response:
        """Render a session's page; without `stay` it goes to Blender as soon as the session is ready."""
        context = self._session_context(session, csrf, rules, stay=stay)
        return self._templates.TemplateResponse(request, "session.html", context)

    def progress(
        self, request: Request, session: SessionView, csrf: str, rules: TransferRules, *, stay: bool
    ) -> Response:
        """Render the session's progress alone, to replace it on the page."""
        context = self._session_context(session, csrf, rules, stay=stay)
        return self._templates.TemplateResponse(request, "_progress.html", context)

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
        context["no_middle_button"] = no_middle_button
        context |= self._list_context(sessions, csrf)
        return self._templates.TemplateResponse(request, "full.html", context, status_code=409)

    def view(self, request: Request, file: str, csrf: str, *, no_middle_button: bool) -> Response:
        """Render the page of a link to a scene. It sends its own form."""
        context = {"sample": self._samples.require(file), "csrf": csrf, "no_middle_button": no_middle_button}
        return self._templates.TemplateResponse(request, "view.html", context)

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

    def _session_context(
        self, session: SessionView, csrf: str, rules: TransferRules, *, stay: bool
    ) -> dict[str, object]:
        row, largest = self.row(session), size(rules.max_bytes)
        return {"row": row, "csrf": csrf, "stay": stay, "rules": rules, "largest": largest}

    def _list_context(self, sessions: Sequence[SessionView], csrf: str) -> dict[str, object]:
        rows = [self.row(session) for session in sessions]
        changing = any(row.state in _CHANGING for row in rows)
        return {"rows": rows, "changing": changing, "csrf": csrf}
