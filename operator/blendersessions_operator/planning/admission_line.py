"""The line of one class, kept in order, so that an arrival or a departure costs little however long the line is."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from dataclasses import replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeAlias

from blendersessions.model.session_class import Limits
from blendersessions.model.status import EXACT_POSITIONS
from blendersessions_operator.planning.admission import boundaries, rounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from blendersessions_operator.planning.admission import AdmissionRequest

Turn: TypeAlias = "tuple[datetime, str]"
"""Where a session stands in the line: the time of its request, and its UID."""


class AdmissionLine:
    """The sessions of a class that have a desktop or want one.

    A session that has a desktop keeps it, even if a limit was lowered below the number of running sessions. The others
    are admitted in the order of their requests. A session whose owner is at the owner's limit is passed over, and keeps
    its queue position. So no session waits for ever, and no capacity stays unused that another session could take.

    Each list is sorted. A search takes O(log n); an insertion also moves the pointers behind it, 80 kB of 10,000.
    """

    def __init__(self) -> None:
        self._limits = Limits()
        self._requests: dict[str, AdmissionRequest] = {}
        self._running: Counter[str] = Counter()
        """The number of desktops of each owner."""
        self._count = 0
        """The number of all desktops."""
        self._waiting: list[Turn] = []
        self._of_owner: defaultdict[str, list[Turn]] = defaultdict(list)
        self._heads: list[Turn] = []
        """The first session in the line of each owner who is below the owner's limit."""
        self._head_of: dict[str, Turn] = {}
        self._offers: list[Turn] | None = []
        """The sessions that may run and were not admitted yet; None if they must be found again."""
        self._offered: Counter[str] = Counter()
        """The number of offers of each owner."""
        self._told: dict[str, int | None] = {}
        """What each session was told of its queue position."""
        self._shifts = 0
        """By how many places a session may have moved since positions were last compared."""

    @property
    def limits(self) -> Limits:
        """The limits of the class."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        if limits == self._limits:
            return
        self._limits = limits
        self._offers, self._shifts = None, len(self._waiting)
        for owner in list(self._of_owner):
            self._update_head(owner)

    def put(self, request: AdmissionRequest) -> None:
        """Add a session, or replace what is known of it."""
        former = self._requests.get(request.uid)
        if former is not None and (former == request or _runs_on(former, request)):
            return
        told = self._told.get(request.uid)
        self.discard(request.uid)
        self._requests[request.uid] = request
        if request.has_desktop:
            self._count_desktop(request.owner, 1)
            self._find_offers_again()
        else:
            if told is not None:
                self._told[request.uid] = told
            self._enter(request)
        self._update_head(request.owner)

    def discard(self, uid: str) -> None:
        """Remove a session, if it is in the line."""
        request = self._requests.get(uid)
        if request is None:
            return
        if request.has_desktop:
            self._count_desktop(request.owner, -1)
            self._find_offers_again()
        elif self._has_offer(_turn(request)):
            self._leave(request)
            self._find_offers_again()
        else:
            # Who may run does not depend on those who are passed over.
            self._leave(request)
            self._shifts += 1
        del self._requests[uid]
        self._told.pop(uid, None)
        self._update_head(request.owner)

    def may_run(self, uid: str) -> bool:
        """Return whether a session has a desktop, or may have one now."""
        request = self._requests.get(uid)
        if request is None:
            return False
        return request.has_desktop or self._has_offer(_turn(request))

    def admit(self, uid: str) -> None:
        """Give a session that may run its capacity."""
        request = self._requests[uid]
        if request.has_desktop:
            return
        offers, turn = self._found_offers(), _turn(request)
        del offers[bisect_left(offers, turn)]
        self._offered[request.owner] -= 1
        self._leave(request)
        self._told.pop(uid, None)
        self._requests[uid] = replace(request, has_desktop=True)
        self._count_desktop(request.owner, 1)
        self._update_head(request.owner)

    def position(self, uid: str) -> int | None:
        """Return the queue position of a session, counted from 1; None if it may run."""
        request = self._requests.get(uid)
        if request is None or request.has_desktop or self._has_offer(_turn(request)):
            return None
        turn = _turn(request)
        return bisect_left(self._waiting, turn) - bisect_left(self._found_offers(), turn) + 1

    def tell(self, uid: str) -> int | None:
        """Return the rounded queue position of a session, and remember that it was told."""
        position = self.position(uid)
        told = None if position is None else rounded(position)
        if uid in self._requests:
            self._told[uid] = told
        return told

    def outdated(self) -> list[str]:
        """Return the sessions that were told a position that has changed since the last call: few of any line."""
        offers = self._found_offers()
        found = [uid for _, uid in offers if self._told.get(uid) is not None]
        if not self._shifts:
            return found
        length = len(self._waiting) - len(offers)
        before = [bisect_left(self._waiting, turn) - number for number, turn in enumerate(offers)]
        for position in _near_boundaries(length, self._shifts):
            # Sessions with an offer stand in the list too, and have no position.
            _, uid = self._waiting[position - 1 + bisect_right(before, position - 1)]
            if self._told.get(uid, rounded(position)) != rounded(position):
                found.append(uid)
        self._shifts = 0
        return found

    def _enter(self, request: AdmissionRequest) -> None:
        turn = _turn(request)
        is_last = not self._waiting or turn > self._waiting[-1]
        insort(self._waiting, turn)
        insort(self._of_owner[request.owner], turn)
        if not is_last or self._offers is None:
            self._shifts += 1
            self._find_offers_again()
        elif len(self._offers) < self._free() and self._has_room(request.owner, self._offered[request.owner]):
            self._offers.append(turn)
            self._offered[request.owner] += 1

    def _leave(self, request: AdmissionRequest) -> None:
        turn, own = _turn(request), self._of_owner[request.owner]
        del self._waiting[bisect_left(self._waiting, turn)]
        del own[bisect_left(own, turn)]

    def _free(self) -> int:
        """Return how many more desktops the class allows."""
        most = self._limits.sessions
        return len(self._waiting) if most is None else most - self._count

    def _count_desktop(self, owner: str, change: int) -> None:
        self._count += change
        self._running[owner] += change
        if not self._running[owner]:
            del self._running[owner]

    def _has_room(self, owner: str, more: int = 0) -> bool:
        most = self._limits.sessions_per_owner
        return most is None or self._running[owner] + more < most

    def _update_head(self, owner: str) -> None:
        former, own = self._head_of.pop(owner, None), self._of_owner[owner]
        if former is not None:
            del self._heads[bisect_left(self._heads, former)]
        if not own:
            del self._of_owner[owner]
        elif self._has_room(owner):
            self._head_of[owner] = own[0]
            insort(self._heads, own[0])

    def _has_offer(self, turn: Turn) -> bool:
        offers = self._found_offers()
        place = bisect_left(offers, turn)
        return place < len(offers) and offers[place] == turn

    def _find_offers_again(self) -> None:
        if self._offers:
            # Those that have an offer now may get a position again.
            self._shifts += len(self._offers)
        self._offers = None

    def _found_offers(self) -> list[Turn]:
        if self._offers is None:
            self._offers = list(self._find_offers())
            self._offered = Counter(self._requests[uid].owner for _, uid in self._offers)
            self._shifts += len(self._offers)
        return self._offers

    def _find_offers(self) -> Iterator[Turn]:
        """Go through the line in order, but only over those who may run: the heads, and then the owner's next ones."""
        free = self._free()
        next_ones: list[tuple[Turn, str, int]] = []
        heads = iter(self._heads)
        head = next(heads, None)
        while free > 0 and (head is not None or next_ones):
            if head is not None and (not next_ones or head < next_ones[0][0]):
                turn, owner, number = head, self._requests[head[1]].owner, 0
                head = next(heads, None)
            else:
                turn, owner, number = heappop(next_ones)
            yield turn
            free -= 1
            own = self._of_owner[owner]
            if number + 1 < len(own) and self._has_room(owner, number + 1):
                heappush(next_ones, (own[number + 1], owner, number + 1))


def _turn(request: AdmissionRequest) -> Turn:
    return request.requested_at, request.uid


def _runs_on(former: AdmissionRequest, request: AdmissionRequest) -> bool:
    """Return whether a session had a desktop and has one; when it was requested does not matter any more."""
    return former.has_desktop and request.has_desktop and former.owner == request.owner


def _near_boundaries(length: int, shifts: int) -> Iterator[int]:
    """Iterate over the positions whose rounded value may have changed after this number of moves by one place."""
    done = 0
    for boundary in boundaries(length):
        first = 1 if boundary == EXACT_POSITIONS else boundary - shifts + 1
        last = min(length, boundary + shifts)
        yield from range(max(done + 1, first), last + 1)
        done = max(done, last)
