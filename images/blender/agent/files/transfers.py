"""Takes files into the home folder, as far as the session's class allows and there is room."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from agent.files.changes import check_upload_target
from agent.files.names import Parts
from agent.files.receiving import ReceivedFile, received
from agent.files.settings import TransferSettings
from agent.files.slots import Slots
from agent.messages import Content, Refused, Request
from limits.room import NoRoom, Reservation, Room

TRANSFERS: Final = 4
LOOKS: Final = 4


class Transfers:
    """What all requests about files share.

    Args:
        home: the home folder.
        limit_bytes: the size at which Kubernetes evicts the pod; None if the home folder is a volume of its own.
        settings: what the class allows.
        open_file: returns the path of the scene that is open in Blender; empty if it has no file.
    """

    def __init__(
        self, home: Path, limit_bytes: int | None, settings: TransferSettings, open_file: Callable[[], str]
    ) -> None:
        self.home = home
        self.settings = settings
        self.transfers = Slots(TRANSFERS, "uploads and downloads")
        self.looks = Slots(LOOKS, "lists and deletions")
        self.room = Room(home, limit_bytes, open_file)

    def check_upload(self) -> None:
        """Accept that the home folder is changed.

        Raises:
            Refused: the class does not allow it.
        """
        if not self.settings.upload:
            raise Refused(403, "The session's class allows no uploads (spec.transfer.upload). Ask an administrator.")

    def check_download(self) -> None:
        """Accept that a file is given out.

        Raises:
            Refused: the class does not allow it.
        """
        if not self.settings.download:
            raise Refused(
                403, "The session's class allows no downloads (spec.transfer.download). Ask an administrator."
            )

    def check_download_size(self, name: str, size: int) -> None:
        """Accept a file of this size to be given out.

        Raises:
            Refused: the class does not allow it.
        """
        if size > self.settings.max_bytes:
            message = f"{name} has {size} bytes. The session's class allows at most {self.settings.max_bytes} "
            raise Refused(403, message + "(spec.transfer.maxBytes). Ask an administrator.")

    @asynccontextmanager
    async def receiving(
        self, request: Request, target: Parts | None = None, *, replace: bool = False
    ) -> AsyncIterator[ReceivedFile]:
        """Receive the body of a PUT into a file, which is removed after the block unless it was placed.

        Nothing of the body is asked for before everything else is found in order.

        Args:
            request: the PUT.
            target: where the file will be placed; None if that is not known yet.
            replace: whether it may take the place of a file there.

        Raises:
            Refused: the upload is not allowed, too large, or one too many, there is no room for it, or the target
                cannot be the name of a file.
            ContentCut: the body has another length than announced, or its client went.
        """
        self.check_upload()
        content, length = _content_of(request, self.settings.max_bytes)
        with self.transfers.taken():
            if target is not None:
                await asyncio.to_thread(check_upload_target, self.home, target, replace=replace)
            with self.room.reservation("/".join(target or ("the scene",))) as reservation:
                await asyncio.to_thread(_cover, reservation, length)
                async with received(self.home, content, length, reservation.wrote) as file:
                    yield file


def _cover(reservation: Reservation, length: int) -> None:
    try:
        reservation.cover(length)
    except NoRoom as error:
        raise Refused(507, str(error)) from None


def _content_of(request: Request, max_bytes: int) -> tuple[Content, int]:
    if "content-range" in request.headers:
        raise Refused(400, "A part of a file cannot be uploaded. Send all of it.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "Send the file as it is, without a Content-Encoding.")
    if request.content is None or request.content.length is None:
        raise Refused(411, "Send the file with its Content-Length.")
    if request.content.length > max_bytes:
        message = f"The file has {request.content.length} bytes. The session's class allows at most {max_bytes} "
        raise Refused(413, message + "(spec.transfer.maxBytes). Ask an administrator.")
    return request.content, request.content.length
