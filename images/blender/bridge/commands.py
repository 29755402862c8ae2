"""Carries out the agent's commands on Blender's main thread."""

from collections.abc import Callable

from bridge.channel import Channel, Message
from workspace.save_failure import SaveFailed


class Commands:
    """Answers the agent's requests to save.

    Args:
        channel: the connection to the agent.
        save: saves the scene and returns its file; raises `SaveFailed`.
    """

    def __init__(self, channel: Channel, save: Callable[[], str]) -> None:
        self._channel = channel
        self._save = save

    def carry_out(self, messages: list[Message]) -> None:
        """Carry out what was asked for. Requests that came together are answered by one save."""
        cancelled = [message.get("id") for message in messages if message.get("type") == "cancel"]
        asked = [message.get("id") for message in messages if message.get("type") == "save"]
        asked = [number for number in asked if number not in cancelled]
        if not asked:
            return
        for number in asked:
            self._channel.send({"type": "begun", "id": number})
        # The agent must hear of it now, since the save may take long.
        self._channel.exchange()
        answer = self._answer()
        for number in asked:
            self._channel.send({"type": "result", "id": number, **answer})

    def _answer(self) -> Message:
        try:
            return {"file": self._save()}
        except SaveFailed as error:
            return {"status": error.status, "message": error.message}
        except Exception as error:
            return {"status": 500, "message": f"The scene was not saved: {error!r}."}
