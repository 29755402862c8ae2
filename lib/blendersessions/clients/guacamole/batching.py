"""One request for many askers: a list that serves all who waited for it, and a batch that takes all along."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from blendersessions.model.errors import Conflict, DomainError, Invalid, System

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

LIMIT = 100
"""Items in one request: a batch holds one transaction in Guacamole's database."""

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class SharedRequest(Generic[Answer]):
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
class _Batch(Generic[Item, Answer]):
    items: list[Item] = field(default_factory=list)
    answers: list[Answer | DomainError] = field(default_factory=list)
    sent: bool = False
    error: DomainError | None = None


class Batched(Generic[Item, Answer]):
    """A change that takes many items at once: what comes while one request runs goes out together with the next.

    Args:
        together: sends several items in one request, which is carried out for all of them or for none; the answers are
            in their order.
        alone: sends one item. What is refused together is sent one by one, so that each learns what is wrong with it.
            Left out when nothing can be wrong with an item.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        alone: Callable[[Item], Awaitable[Answer]] | None = None,
    ) -> None:
        self._together = together
        self._alone = alone
        self._lock = asyncio.Lock()
        self._open: _Batch[Item, Answer] = _Batch()

    async def add(self, item: Item) -> Answer:
        """Have the item sent, and return the answer to it; raises what the request failed with."""
        batch = self._open
        place = len(batch.items)
        batch.items.append(item)
        async with self._lock:
            if not batch.sent:
                self._open = _Batch()
                batch.sent = True
                try:
                    for start in range(0, len(batch.items), LIMIT):
                        batch.answers += await self._send(batch.items[start : start + LIMIT])
                except DomainError as error:
                    batch.error = error
                except asyncio.CancelledError:
                    # The others of the batch must not take a request that was cut off for done.
                    batch.error = DomainError(
                        "The operator is ending; the request is sent again by the next one.", System.GUACAMOLE
                    )
                    raise
                except Exception:
                    batch.error = DomainError("A request failed unexpectedly; it is sent again.", System.GUACAMOLE)
                    raise
        answer = batch.answers[place] if place < len(batch.answers) else batch.error
        if isinstance(answer, DomainError):
            raise type(answer)(str(answer), answer.system)
        return answer  # type: ignore[return-value]  # without an error there is an answer to each item

    async def _send(self, items: Sequence[Item]) -> Sequence[Answer | DomainError]:
        if self._alone is None:
            return await self._together(items)
        if len(items) > 1:
            try:
                return await self._together(items)
            except (Conflict, Invalid):
                pass  # One of them is refused, and so all are.
        outcomes: list[Answer | DomainError] = []
        for item in items:
            try:
                outcomes.append(await self._alone(item))
            except (Conflict, Invalid) as refused:
                outcomes.append(refused)
            except DomainError as error:
                # That is no fault of the item: the others would only fail after it, one time-out after the other.
                return outcomes + [error] * (len(items) - len(outcomes))
        return outcomes
