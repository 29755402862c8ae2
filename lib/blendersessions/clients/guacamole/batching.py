"""One request for many callers: a list that answers all of them, and a batch that holds all their changes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from blendersessions.model.errors import Conflict, DomainError, Invalid, System

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

MAX_ITEMS_PER_REQUEST = 100
"""Largest number of changes in one request, which is one transaction in Guacamole's database."""

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class SharedRequest(Generic[Answer]):
    """A read whose answer serves all callers that asked before it was sent.

    The answer is too old for a caller that asks while the request is on its way. That caller waits for the next one.

    Args:
        ask: sends the request.
    """

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._lock = asyncio.Lock()
        self._begun = 0
        self._answers: dict[int, Answer] = {}

    async def get(self) -> Answer:
        """Return an answer to a request that was sent after this call began."""
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
    """Changes that share requests: items that are added while one request runs are sent together in the next.

    Args:
        together: sends several items in one request, which is carried out for all of them or for none. It returns the
            answers in the order of the items.
        alone: sends one item. Items that are refused together are sent one by one, to find the one that is refused.
            None if no item can be refused.
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
        """Send an item with others, and return the answer to it.

        Raises:
            DomainError: the failure of the request, or of this item.
        """
        batch = self._open
        place = len(batch.items)
        batch.items.append(item)
        async with self._lock:
            if not batch.sent:
                self._open = _Batch()
                batch.sent = True
                try:
                    for start in range(0, len(batch.items), MAX_ITEMS_PER_REQUEST):
                        batch.answers += await self._send(batch.items[start : start + MAX_ITEMS_PER_REQUEST])
                except DomainError as error:
                    batch.error = error
                except asyncio.CancelledError:
                    # The other callers of the batch must not mistake a cancelled request for a success.
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
                pass  # One of them is refused, so none was carried out.
        outcomes: list[Answer | DomainError] = []
        for item in items:
            try:
                outcomes.append(await self._alone(item))
            except (Conflict, Invalid) as refused:
                outcomes.append(refused)
            except DomainError as error:
                # The item is not the cause. The others would fail too, each after its own time-out.
                return outcomes + [error] * (len(items) - len(outcomes))
        return outcomes
