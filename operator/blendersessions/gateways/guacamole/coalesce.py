"""One request for many askers: a list that serves all who waited for it, and a batch that takes all along."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from blendersessions.model.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """A question whose answer serves everybody who asked before it was put.

    An answer that was on its way before somebody asked is too old for that one, who waits for the next.
    """

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._lock = asyncio.Lock()
        self._begun = 0
        self._answers: dict[int, Answer] = {}

    async def get(self) -> Answer:
        """Return an answer that is no older than this call."""
        asked = self._begun
        async with self._lock:
            for number, answer in self._answers.items():
                if number > asked:
                    return answer
            self._begun += 1
            number = self._begun
            answer = await self._ask()
            self._answers = {number: answer}
            return answer


@dataclass
class _Batch:
    keys: list[str] = field(default_factory=list)
    sent: bool = False
    error: DomainError | None = None


class Batched:
    """A change that takes many keys at once: what comes while one request runs goes out together with the next."""

    def __init__(self, send: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        self._send = send
        self._lock = asyncio.Lock()
        self._open = _Batch()

    async def add(self, key: str) -> None:
        """Have the key sent, and wait until it was; raises what the whole batch failed with."""
        batch = self._open
        batch.keys.append(key)
        async with self._lock:
            if not batch.sent:
                self._open = _Batch()
                batch.sent = True
                try:
                    await self._send(batch.keys)
                except DomainError as error:
                    batch.error = error
                except asyncio.CancelledError:
                    # The others of the batch must not take a request that was cut off for done.
                    batch.error = DomainError("The operator is ending; the request is sent again by the next one.")
                    raise
        if batch.error is not None:
            raise type(batch.error)(str(batch.error), batch.error.system)
