"""The files of a session's desktop: the address of each page and transfer. Nothing is kept on the way."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from blendersessions.model.errors import AlreadyThere, DomainError, Invalid, NoSuchRange, System
from blendersessions_portal import csrf, wording
from blendersessions_portal.file_path import checked_path
from blendersessions_portal.file_view import folder_href, folder_view, size
from blendersessions_portal.own_session import own_session
from blendersessions_portal.relay import Relay
from blendersessions_portal.uploads import TooLargeError, file_in_form, whole_body

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions.clients.agent_files import AgentFiles
    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView
    from blendersessions_portal.uploads import Upload

logger = logging.getLogger(__name__)

_MAX_BODY: Final = 2**62
"""The body of a transfer. The class's limit is checked instead of the portal's own."""
_NO_SUCH_RANGE: Final = 416
_GONE: Final = 499
"""The status of a request whose browser went away. Nobody gets it."""
_REPLACE: Final = "replace"
"""A field of the form: whether the file takes the place of one of its name."""
Receive = Callable[["AgentFiles", "Upload"], Awaitable[str]]


@dataclass(frozen=True)
class FilePages:
    """The endpoints, and the parts of the portal that they use."""

    identifier: Identifier
    guard: CsrfGuard
    store: SessionStore
    renderer: Renderer

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        base = "/sessions/{name}"
        return [
            Route(f"{base}/files", self.folder),
            Route(f"{base}/files", self.upload_form, methods=["POST"], max_body_size=_MAX_BODY),
            Route(f"{base}/files/{{path:path}}", self.download),
            Route(f"{base}/files/{{path:path}}", self.upload, methods=["PUT"], max_body_size=_MAX_BODY),
            Route(f"{base}/archive", self.archive),
            Route(f"{base}/delete", self.delete, methods=["POST"]),
            Route(f"{base}/scene", self.scene_form, methods=["POST"], max_body_size=_MAX_BODY),
            Route(f"{base}/scene/{{file}}", self.scene, methods=["PUT"], max_body_size=_MAX_BODY),
        ]

    async def folder(self, request: Request) -> Response:
        """Show one page of a folder."""
        visitor, session = await own_session(request, self.identifier, self.store)
        rules = await self.store.rules(session.class_name)
        path = checked_path(request.query_params.get("path", ""))
        async with await self._agent(session) as files:
            listed = await files.list(path)
        page = request.query_params.get("page", "1")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
        view = folder_view(session.name, path, listed.entries, number, more=listed.truncated)
        return self.renderer.files(request, session, view, rules, self.guard.token(visitor))

    async def download(self, request: Request) -> Response:
        """Send a file, or the part of it that the browser asks for."""
        path = checked_path(request.path_params["path"])
        headers = request.headers
        async with AsyncExitStack() as stack:
            files = await stack.enter_async_context(await self._source(request))
            wanted, tag = headers.get("range", ""), headers.get("if-range", "")
            try:
                found = await stack.enter_async_context(files.download(path, wanted, tag))
            except NoSuchRange as error:
                raise HTTPException(_NO_SUCH_RANGE) from error
            return Relay(found, path.rpartition("/")[2], "application/octet-stream", stack.pop_all())

    async def archive(self, request: Request) -> Response:
        """Send a folder as one .zip."""
        path = checked_path(request.query_params.get("path", ""))
        name = path.rpartition("/")[2] or request.path_params["name"]
        async with AsyncExitStack() as stack:
            files = await stack.enter_async_context(await self._source(request))
            found = await stack.enter_async_context(files.archive(path))
            return Relay(found, f"{name}.zip", "application/zip", stack.pop_all())

    async def upload(self, request: Request) -> Response:
        """Take a file into the home folder, from a script."""
        path = checked_path(request.path_params["path"])
        replace = request.headers.get("if-none-match", "") != "*"
        return await self._from_script(request, path, lambda files, sent: _store(files, path, sent, replace=replace))

    async def scene(self, request: Request) -> Response:
        """Take a file and open it in Blender, from a script."""
        name = checked_path(request.path_params["file"])
        return await self._from_script(
            request, name, lambda files, sent: files.open_scene(name, sent.body, sent.length)
        )

    async def upload_form(self, request: Request) -> Response:
        """Take a file into a folder, from a form, and show the folder."""
        folder = checked_path(request.query_params.get("path", ""))
        target = folder_href(request.path_params["name"], folder)

        async def receive(files: AgentFiles, sent: Upload) -> str:
            replace = sent.fields.get(_REPLACE) == "yes"
            try:
                return await _store(files, checked_path(f"{folder}/{sent.name}"), sent, replace=replace)
            except AlreadyThere as error:
                raise AlreadyThere(f"{error} {wording.HOW_TO_REPLACE}", System.OWN) from error

        return await self._from_form(request, receive, target, target)

    async def scene_form(self, request: Request) -> Response:
        """Take a file and open it in Blender, from a form, and show the session."""
        page = f"/sessions/{request.path_params['name']}"

        async def receive(files: AgentFiles, sent: Upload) -> str:
            return await files.open_scene(checked_path(sent.name), sent.body, sent.length)

        return await self._from_form(request, receive, page, page)

    async def delete(self, request: Request) -> Response:
        """Delete a file or an empty folder, and show the folder that it was in."""
        visitor = self.identifier.identify(request)
        form = await request.form(max_files=0, max_fields=2)
        token, written = (str(form.get(field, "")) for field in (csrf.FIELD, "path"))
        self.guard.check(request, visitor, token)
        _, session = await own_session(request, self.identifier, self.store)
        self._require(allowed=(await self.store.rules(session.class_name)).upload, words=wording.NO_UPLOADS)
        path = checked_path(written)
        async with await self._agent(session) as files:
            await files.delete(path)
        logger.info("A file of session %s was deleted by %s.", session.name, visitor.owner)
        return RedirectResponse(folder_href(session.name, path.rpartition("/")[0]), status_code=303)

    async def _from_script(self, request: Request, path: str, receive: Receive) -> Response:
        visitor, session = await own_session(request, self.identifier, self.store)
        self.guard.check(request, visitor, request.headers.get(csrf.HEADER, ""))
        sent = whole_body(request)
        sent.name = path.rpartition("/")[2]
        try:
            return JSONResponse({"file": await self._take(session, sent, receive)})
        except ClientDisconnect:
            return Response(status_code=_GONE)

    async def _from_form(self, request: Request, receive: Receive, target: str, again: str) -> Response:
        visitor, session = await own_session(request, self.identifier, self.store)
        try:
            sent = await file_in_form(request)
            self.guard.check(request, visitor, sent.fields.get(csrf.FIELD, ""))
            await self._take(session, sent, receive)
        except ClientDisconnect:
            return Response(status_code=_GONE)
        except csrf.ForgedError:
            raise
        except DomainError as error:
            return self.renderer.problem(
                request, "The file was not taken", str(error), 400, retry=again, label="Choose another file"
            )
        return RedirectResponse(target, status_code=303)

    async def _take(self, session: SessionView, sent: Upload, receive: Receive) -> str:
        rules = await self.store.rules(session.class_name)
        self._require(allowed=rules.upload, words=wording.NO_UPLOADS)
        if sent.length > rules.max_bytes:
            raise TooLargeError(
                f"“{sent.name}” has {size(sent.length)}. A file may have at most {size(rules.max_bytes)} here.",
                System.OWN,
            )
        async with await self._agent(session) as files:
            taken = await receive(files, sent)
        logger.info("Session %s took a file of %d bytes.", session.name, sent.length)
        return taken

    async def _source(self, request: Request) -> AgentFiles:
        _, session = await own_session(request, self.identifier, self.store)
        self._require(allowed=(await self.store.rules(session.class_name)).download, words=wording.NO_DOWNLOADS)
        return await self._agent(session)

    async def _agent(self, session: SessionView) -> AgentFiles:
        if not session.has_files:
            raise Invalid(
                f"Session “{session.name}” has no desktop at the moment, so nobody can reach its files. Open its page"
                " to see what it waits for, or resume it.",
                System.OWN,
            )
        return await self.store.desktop_files(session)

    @staticmethod
    def _require(*, allowed: bool, words: str) -> None:
        if not allowed:
            raise Invalid(words, System.OWN)


async def _store(files: AgentFiles, path: str, sent: Upload, *, replace: bool) -> str:
    await files.upload(path, sent.body, sent.length, replace=replace)
    return path
