"""Carries out the agent's commands on Blender's main thread."""

import sys
import traceback
from collections.abc import Callable
from typing import Final

from bridge.channel import Channel, Message
from workspace.open_failure import OpenFailed
from workspace.save_failure import SaveFailed

SHOWN_LINKS: Final = 5
"""Missing links whose names are told. Of the others, the number is."""


class Commands:
    """Answers the agent's requests to save and to open.

    Args:
        channel: the connection to the agent.
        save: saves the scene and returns its file; raises `SaveFailed`.
        open_scene: saves what is open if it has changes, and opens another scene; raises `SaveFailed` or `OpenFailed`.
        missing_links: returns the names of the files that the open scene links to and that do not exist.
    """

    def __init__(
        self,
        channel: Channel,
        save: Callable[[], str],
        open_scene: Callable[[str], None],
        missing_links: Callable[[], list[str]],
    ) -> None:
        self._channel = channel
        self._save = save
        self._open = open_scene
        self._missing_links = missing_links
        self._held: list[Message] = []

    def carry_out(self, messages: list[Message]) -> None:
        """Carry out what was asked for. Requests to save that came together are answered by one save."""
        found, self._held = self._held + messages, []
        cancelled = [message.get("id") for message in found if message.get("type") == "cancel"]
        asked = [message for message in found if message.get("id") not in cancelled]
        saves = [message for message in asked if message.get("type") == "save"]
        opens = [message for message in asked if message.get("type") == "open"]
        if not saves and not opens:
            return
        for message in saves + opens:
            self._channel.send({"type": "begun", "id": message.get("id")})
        # The agent must hear of it now, since the work may take long.
        self._held = self._channel.exchange()
        if saves:
            self._answer(saves, self._saved())
        for message in opens:
            self._answer([message], self._opened(str(message.get("file", ""))))

    def _answer(self, asked: list[Message], answer: Message) -> None:
        for message in asked:
            self._channel.send({"type": "result", "id": message.get("id"), **answer})

    def _saved(self) -> Message:
        try:
            return {"file": self._save()}
        except SaveFailed as error:
            return {"status": error.status, "message": error.message}
        except Exception as error:
            return {"status": 500, "message": f"The scene was not saved: {error!r}."}

    def _opened(self, file: str) -> Message:
        try:
            self._open(file)
        except (SaveFailed, OpenFailed) as error:
            return {"status": error.status, "message": error.message}
        except Exception as error:
            return {"status": 500, "message": f"The scene was not opened: {error!r}."}
        missing = self._missing()
        return {"file": file, "missing": missing[:SHOWN_LINKS], "missing_count": len(missing)}

    def _missing(self) -> list[str]:
        try:
            return self._missing_links()
        except Exception:
            # The scene is open all the same.
            traceback.print_exc(file=sys.stderr)
            return []
