"""The agent's requests to the bridge that wait for their answers."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

Message = dict[str, object]


class Busy(Exception):  # noqa: N818 - the state of Blender
    """Blender did not do in time what it was asked for.

    Args:
        begun: whether it was begun. If not, it never will be.
    """

    def __init__(self, begun: bool) -> None:
        super().__init__("Blender is busy.")
        self.begun = begun


class BlenderEnded(Exception):  # noqa: N818 - named after what happened
    """Blender ended before it answered."""

    def __init__(self) -> None:
        super().__init__("Blender ended.")


@dataclass
class _Request:
    kind: str
    future: asyncio.Future[Message]
    is_begun: bool = False


@dataclass
class BridgeRequests:
    """Sends requests and gives each the answer that has its number.

    Args:
        send: sends a message to the bridge.
    """

    send: Callable[[Message], None]
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _waiting: dict[int, _Request] = field(default_factory=dict)

    async def ask(self, message: Message, seconds: float | None) -> Message:
        """Send a request and return its answer.

        Args:
            message: the request. Its type names what is asked for.
            seconds: how long to wait for the answer; None: until Blender ends.

        Raises:
            Busy: there was no answer in time.
            BlenderEnded: Blender ended before.
        """
        number = next(self._numbers)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        # Nobody may wait any more when the answer comes.
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._waiting[number] = _Request(str(message["type"]), future)
        self.send({**message, "id": number})
        return await self._answer(number, seconds)

    async def join(self, kind: str, seconds: float | None) -> Message | None:
        """Wait for a request of this type that was begun, and return its answer; None if there is none."""
        begun = (number for number, request in self._waiting.items() if request.kind == kind and request.is_begun)
        number = next(begun, None)
        return None if number is None else await self._answer(number, seconds)

    def receive_begun(self, number: int) -> None:
        """Note that Blender has begun with a request."""
        if number in self._waiting:
            self._waiting[number].is_begun = True

    def receive_answer(self, number: int, answer: Message) -> None:
        """Give a request its answer."""
        request = self._waiting.pop(number, None)
        if request is not None and not request.future.done():
            request.future.set_result(answer)

    def end(self) -> None:
        """End all requests, because Blender ended."""
        for request in self._waiting.values():
            if not request.future.done():
                request.future.set_exception(BlenderEnded())
        self._waiting.clear()

    async def _answer(self, number: int, seconds: float | None) -> Message:
        request = self._waiting[number]
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(request.future)
        except TimeoutError:
            if request.future.done():
                # It came at the last moment.
                return request.future.result()
            if request.is_begun:
                raise Busy(begun=True) from None
            self._waiting.pop(number, None)
            self.send({"type": "cancel", "id": number})
            raise Busy(begun=False) from None
