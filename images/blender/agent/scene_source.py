"""Brings the person's own scene into Blender: from a URL, from a volume, or from an upload."""

import asyncio
import shutil
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from agent.blender import Blender, Opened
from agent.bridge_requests import BlenderEnded, Busy
from agent.messages import Refused
from agent.scene_opening import MAX_ATTEMPTS, SceneOpening
from limits.room import NoRoom
from scene.failure import Reason, SceneRefused
from scene.fetch import Fetch, Limits, explain_write_error
from scene.intake import Intake, TakenIn
from scene.names import sentence_list
from scene.note import Note, take_over
from scene.settings import MOUNT, SceneSettings
from scene.sizes import duration
from scene.versions import BlenderVersion
from scene.volume import copy_from_volume
from scene.web import Web
from workspace.open_failure import OpenFailed

NOTICE_SECONDS: Final = 3600.0
START_SECONDS: Final = 45.0
"""How long an upload that is complete waits for a Blender that is being started."""
_STATUS: Final = {Reason.TOO_LARGE: 413, Reason.UNREADABLE: 415, Reason.TOO_NEW: 415}


@dataclass(frozen=True)
class SceneState:
    """Why the person's own scene is not open; empty once it is, or if the session has none."""

    reason: str = ""
    message: str = ""
    needs: str = ""
    """The oldest Blender that opens it, if it is too new for this one."""


OPEN: Final = SceneState()


class SceneSource:
    """The scene that the session asks for, on its way into Blender.

    Args:
        settings: where it comes from.
        intake: the home folder.
        blender: opens it.
        notify: shows a text to the person for a number of seconds.
        web: asks for URLs.
        mount: where the volume is mounted.
    """

    def __init__(
        self,
        settings: SceneSettings,
        intake: Intake,
        blender: Blender,
        notify: Callable[[str, float], None],
        web: Web | None = None,
        mount: Path = MOUNT,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._blender = blender
        self._notify = notify
        self._web = web or Web(settings.networks, settings.ca_file)
        self._mount = mount
        self._opening = asyncio.Lock()
        self._opener = SceneOpening(intake.home, blender, self._fetching)
        self._uploads = 0
        self._no_upload = asyncio.Event()
        self._no_upload.set()
        self._uploaded = asyncio.Event()
        self._note = take_over(intake.home, settings.source)
        is_here = not settings.source or (self._note is not None and self._note.is_opened)
        self.state = OPEN if is_here else self._beginning()

    def _beginning(self) -> SceneState:
        if self._settings.awaits_upload:
            return SceneState(Reason.AWAITING_UPLOAD, "The desktop waits for a scene.")
        return SceneState(Reason.FETCHING, "The scene is being brought in.")

    async def run(self) -> None:
        """Bring the scene in and open it, unless a former start did. A failure is final for this run."""
        if self.state == OPEN:
            return
        try:
            if self._note is not None and self._is_here(self._note):
                self._fetching(f"{Path(self._note.file).name} is being opened in Blender.")
                taken = TakenIn(self._intake.home / self._note.file, is_new=False)
                await self._open_own(taken, self._note)
            elif self._settings.url:
                await self._bring_from_url()
            elif self._settings.path:
                await self._bring_from_volume()
            else:
                await self._await_upload()
        except SceneRefused as refused:
            self._fail(refused)
        except NoRoom as error:
            self._fail(SceneRefused(Reason.NO_ROOM, str(error)))
        except OSError as error:
            self._fail(explain_write_error(error))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self._fail(
                SceneRefused(Reason.UNREADABLE, "The agent failed to bring the scene in. Its log has the details.")
            )

    def _is_here(self, note: Note) -> bool:
        """Return whether a former start brought the scene in, and it is to be opened now."""
        # Whoever uploaded a scene that ends Blender each time can upload another one.
        is_given_up = note.attempts >= MAX_ATTEMPTS and self._settings.awaits_upload
        return not is_given_up and (self._intake.home / note.file).is_file()

    @property
    def receives(self) -> bool:
        """Whether somebody is uploading a scene."""
        return self._uploads > 0

    @asynccontextmanager
    async def uploading(self) -> AsyncIterator[None]:
        """Receive and put a scene during the block. The wait for an upload does not end meanwhile.

        Raises:
            Refused: no scene can be opened now.
        """
        if self.state.reason == Reason.FETCHING:
            raise Refused(409, "The session's own scene is still being brought in. Upload another one when it is open.")
        if self._blender.state.rendering or self._blender.state.baking:
            raise Refused(409, "A render or a bake runs, and opening another scene would end it. Try again afterwards.")
        if self._opening.locked():
            # Each upload that waits for a Blender that is slow would keep a place from other files meanwhile.
            raise Refused(409, "Another scene is being opened in Blender. Upload this one when it is open.")
        self._uploads += 1
        self._no_upload.clear()
        try:
            yield
        finally:
            self._uploads -= 1
            if not self._uploads:
                self._no_upload.set()

    async def put(self, arrived: Path, name: str) -> str:
        """Open an uploaded scene, and return its path below the home folder. What is open is saved first.

        Args:
            arrived: the complete upload.
            name: its name.

        Raises:
            Refused: it was not opened.
        """
        async with self._opening:
            try:
                blender = await self._version(START_SECONDS)
                taken = await asyncio.to_thread(self._intake.take_in, arrived, name, blender)
                await self._open_uploaded(taken)
            except SceneRefused as refused:
                status = _STATUS.get(refused.reason, 415)
                # The operator, who says it of the session's own scene, does not see this answer.
                way_out = " Choose a session class with a newer Blender." if refused.needs else ""
                raise Refused(status, f"{refused.message}{way_out}", refused.reason) from None
            except NoRoom as error:
                raise Refused(507, str(error)) from None
            except OSError as error:
                failure = explain_write_error(error)
                raise Refused(507 if failure.reason == Reason.NO_ROOM else 500, failure.message) from None
            self.state = OPEN
            self._uploaded.set()
            return str(taken.file.relative_to(self._intake.home))

    async def _open_uploaded(self, taken: TakenIn) -> None:
        file = taken.file.relative_to(self._intake.home)
        try:
            if self.state == OPEN:
                opened = await self._opener.open(taken)
            else:
                # It takes the place of the scene that the session asks for.
                note = Note(self._settings.source, str(file))
                opened = await self._opener.open_noted(taken, note, is_patient=False)
        except (OpenFailed, Busy, BlenderEnded) as error:
            status = error.status if isinstance(error, OpenFailed) else 503
            raise Refused(
                status, f"{error} The file is in the home folder as {file}. Open it there with File > Open."
            ) from None
        self._tell(taken, opened)

    async def _bring_from_url(self) -> None:
        settings = self._settings
        folder = await asyncio.to_thread(self._intake.make_folder)
        try:
            limits, target = Limits(self._intake.max_bytes, settings.fetch_seconds), folder / "fetched"
            with self._intake.room.reservation("the scene that is fetched") as reservation:
                fetched = await Fetch(
                    self._web, settings.url, settings.sha256, target, limits, reservation, self._fetching
                ).run()
            await self._take_in(target, fetched.name, [])
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _bring_from_volume(self) -> None:
        path = self._settings.path
        self._fetching(f"{path} is being copied from the volume.")
        folder = await asyncio.to_thread(self._intake.make_folder)
        try:
            target = folder / "copied"
            most = self._intake.max_bytes
            with self._intake.room.reservation(f"{path} of the volume") as reservation:
                left_out = await asyncio.to_thread(copy_from_volume, self._mount, path, target, most, reservation)
            await self._take_in(target, Path(path).name, left_out)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _await_upload(self) -> None:
        try:
            async with asyncio.timeout(self._settings.upload_seconds):
                await self._uploaded.wait()
        except TimeoutError:
            await self._no_upload.wait()
        if not self._uploaded.is_set():
            raise SceneRefused(
                Reason.UPLOAD_TIMED_OUT,
                f"No scene was uploaded within {duration(self._settings.upload_seconds)}. One is still taken.",
            )

    async def _take_in(self, arrived: Path, name: str, left_out: list[str]) -> None:
        blender = await self._version()
        taken = await asyncio.to_thread(self._intake.take_in, arrived, name, blender)
        if left_out:
            told = f"Links and the like in the volume were not copied: {sentence_list(left_out)}."
            taken = replace(taken, warning=f"{taken.warning} {told}".strip())
        file = str(taken.file.relative_to(self._intake.home))
        self._fetching(f"{taken.file.name} is being opened in Blender.")
        await self._open_own(taken, Note(self._settings.source, file))

    async def _version(self, seconds: float | None = None) -> BlenderVersion:
        """Wait until a Blender has started, and return its version.

        Args:
            seconds: how long to wait; None: as long as it takes.

        Raises:
            Refused: it has not started in time.
        """
        try:
            async with asyncio.timeout(seconds):
                state = await self._blender.started()
        except TimeoutError:
            raise Refused(503, "Blender is being started. Upload the scene again in a moment.") from None
        return BlenderVersion(state.version, state.file_version)

    async def _open_own(self, taken: TakenIn, note: Note) -> None:
        opened = await self._opener.open_noted(taken, note, is_patient=True)
        self.state = OPEN
        self._tell(taken, opened)

    def _tell(self, taken: TakenIn, opened: Opened) -> None:
        sentences = [taken.warning]
        if opened.missing_count:
            names = sentence_list(opened.missing, opened.missing_count)
            sentences.append(
                f"{taken.file.name} links to files that are missing: {names}. Pack them into the scene, or send the "
                "scene with them as a .zip."
            )
        if text := " ".join(sentence for sentence in sentences if sentence):
            self._notify(text, NOTICE_SECONDS)

    def _fetching(self, message: str) -> None:
        self.state = SceneState(Reason.FETCHING, message)

    def _fail(self, refused: SceneRefused) -> None:
        self.state = SceneState(refused.reason, refused.message, refused.needs)
        self._notify(f"The scene was not opened. {refused.message}", NOTICE_SECONDS)
