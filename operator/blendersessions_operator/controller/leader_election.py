"""Leader election by a Lease, as client-go does it: of several operators one leads, and the others stand by.

The leader renews its Lease each retry period. A standby takes the Lease when it has not seen it change for the lease
duration, by its own clock: clocks of two machines are never compared. The leader stops before that, when the renew
deadline has passed since it sent the last renewal that succeeded. See docs/decisions/0013-one-operator-leads.md.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from blendersessions.clients.write_guard import WriteGuard
from blendersessions.model.errors import Conflict, DomainError, NotFound, System, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from blendersessions.model.manifest import Manifest, Ref

logger = logging.getLogger(__name__)


def boot_seconds() -> float:
    """Return the seconds since the machine was booted. `time.monotonic` would leave out those that it was asleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class LeaseTimes:
    """The durations of an election, in seconds. They have client-go's names, and the proportions are fixed."""

    duration: float
    """A standby takes a Lease that it has not seen change for this time."""

    @property
    def renew_deadline(self) -> float:
        """A leader whose last renewal is older stops."""
        return 0.6 * self.duration

    @property
    def retry_period(self) -> float:
        """Pause between two attempts to take or to renew the Lease."""
        return 0.2 * self.duration

    @property
    def delivery(self) -> float:
        """What was sent before the renew deadline must arrive within this time, or never."""
        return 0.3 * self.duration


class Leadership:
    """Whether this process leads, and so may write.

    Args:
        times: the durations.
        on_lost: called with the reason when the process led and may not write any more. It ends the process.
        clock: seconds on a clock that goes on while the process is stopped or the machine sleeps.
    """

    def __init__(
        self, times: LeaseTimes, on_lost: Callable[[str], None], clock: Callable[[], float] = boot_seconds
    ) -> None:
        self._times = times
        self._on_lost = on_lost
        self._clock = clock
        self._renewed_at: float | None = None
        self.guard = WriteGuard(self.check, times.delivery)
        """What the clients ask before they send."""

    @property
    def seconds_left(self) -> float:
        """For how long this process may write without another renewal; 0 or less if it may not."""
        if self._renewed_at is None:
            return 0.0
        return self._renewed_at + self._times.renew_deadline - self._clock()

    def renewed(self, sent_at: float) -> None:
        """Note that a renewal succeeded that was sent at this time of the clock."""
        self._renewed_at = sent_at

    def end(self) -> None:
        """Note that this process does not lead any more and has nothing left to write."""
        self._renewed_at = None

    def check(self) -> None:
        """Raise `Unavailable` if this process may not write; one that led is ended."""
        if self.seconds_left > 0:
            return
        if self._renewed_at is not None:
            self.lost("The Lease was not renewed in time, and another operator may lead now.")
        raise Unavailable("Another operator leads, so this one writes nothing.", System.OWN)

    def lost(self, reason: str) -> None:
        """End the process, since another operator leads now or may do so soon."""
        self._on_lost(reason)


class LeaseApi(Protocol):
    """The verbs of the Kubernetes client that an election needs."""

    async def get(self, ref: Ref) -> Manifest:
        """Read one object."""

    async def create(self, manifest: Manifest) -> Manifest:
        """Create an object."""

    async def replace(self, manifest: Manifest) -> Manifest:
        """Replace an object; raises `Conflict` if its version is not the manifest's any more."""


@dataclass
class _Seen:
    """The Lease as it was read last, and since when it has not changed."""

    lease: Manifest
    since: float

    @property
    def spec(self) -> Manifest:
        return dict(self.lease.get("spec") or {})

    @property
    def holder(self) -> str:
        return str(self.spec.get("holderIdentity") or "")

    @property
    def version(self) -> tuple[str, str]:
        metadata = self.lease["metadata"]
        return str(metadata.get("uid") or ""), str(metadata.get("resourceVersion") or "")


@dataclass
class LeaderElector:
    """Takes a Lease, renews it and gives it back."""

    api: LeaseApi
    """A client of its own, so that a renewal never waits for other requests."""
    lock: Ref
    """Where the Lease is."""
    identity: str
    """Who holds it: unique for each process."""
    times: LeaseTimes
    leadership: Leadership
    clock: Callable[[], float] = boot_seconds
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _seen: _Seen | None = field(default=None, init=False)
    _failure: str = field(default="", init=False)
    """The last failure, which is logged once."""

    async def acquire(self) -> bool:
        """Wait until this process leads; return whether another one led at first."""
        told = ""
        while not await self._attempt(self.times.renew_deadline):
            holder = self._seen.holder if self._seen is not None else ""
            if holder and holder != told:
                told = holder
                logger.info(
                    "Standing by: the operator %s leads, because it holds the %s. This one takes over when that one "
                    "ends. If it belongs to another release, only one of the two works: give this one another "
                    "operator.lease.name, if it serves no namespace that the other one serves.",
                    holder,
                    self.lock,
                )
            await self.sleep(self.times.retry_period)
        return bool(told)

    async def renew(self) -> None:
        """Renew the Lease until that fails for too long or somebody else has it; then this process is ended."""
        while True:
            await self.sleep(self.times.retry_period)
            left = self.leadership.seconds_left
            if left <= 0:
                self.leadership.lost("The Lease was not renewed in time, and another operator may lead soon.")
                return
            held = await self._attempt(min(2 * self.times.retry_period, left))
            if not held and self._seen is not None and self._seen.holder != self.identity:
                self.leadership.lost(f"The Lease is held by {self._seen.holder or 'nobody'} now.")
                return

    async def release(self) -> None:
        """Give the Lease back, so that another operator takes it at once. Nothing may be written after this."""
        leads = self.leadership.seconds_left > 0
        self.leadership.end()
        if not leads:
            return
        try:
            async with asyncio.timeout(self.times.renew_deadline):
                # A renewal that was broken off may have changed it.
                seen = await self._look()
                if seen is not None and seen.holder == self.identity:
                    spec = seen.spec | {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self.api.replace(seen.lease | {"kind": self.lock.kind, "spec": spec})
        except (TimeoutError, DomainError) as error:
            logger.debug("The Lease was not given back, so it ends by itself: %s", error)

    async def _attempt(self, seconds: float) -> bool:
        """Take or renew the Lease within a number of seconds; return whether this process holds it now."""
        sent_at = self.clock()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                held = await self._take_or_renew()
        except (TimeoutError, DomainError) as error:
            self._tell(str(error) or "The API server does not answer in time.")
            return False
        self._failure = ""
        if held:
            self.leadership.renewed(sent_at)
        return held

    def _tell(self, failure: str) -> None:
        if failure != self._failure:
            self._failure = failure
            logger.warning("The %s cannot be taken or renewed; the operator tries again. %s", self.lock, failure)

    async def _take_or_renew(self) -> bool:
        seen = self._seen
        if seen is None or seen.holder != self.identity:
            seen = await self._look()
        if seen is not None and not self._is_free(seen):
            return False
        if await self._write(seen):
            return True
        # Somebody else was faster or deleted it, or a renewal was carried out whose answer was lost. Then it is ours.
        seen = await self._look()
        return seen is not None and seen.holder == self.identity and await self._write(seen)

    async def _write(self, seen: _Seen | None) -> bool:
        """Write this process into the Lease; return False if it is not what was seen any more."""
        try:
            if seen is None:
                self._see(await self.api.create(self._written(None)))
            else:
                self._see(await self.api.replace(self._written(seen)))
        except (Conflict, NotFound):
            return False
        return True

    async def _look(self) -> _Seen | None:
        try:
            self._see(await self.api.get(self.lock))
        except NotFound:
            # Somebody deleted it. Its holder learns that only when it renews, so it counts until its time is over.
            if self._seen is not None and self._is_free(self._seen):
                self._seen = None
        return self._seen

    def _see(self, lease: Manifest) -> None:
        """Note the Lease; its age counts from when this process first saw it as it is."""
        new = _Seen(lease, self.clock())
        if self._seen is None or self._seen.version != new.version:
            self._seen = new

    def _is_free(self, seen: _Seen) -> bool:
        if seen.holder in ("", self.identity):
            return True
        # The holder counts on the duration that it wrote down.
        promised = float(seen.spec.get("leaseDurationSeconds") or 0.0)
        return self.clock() - seen.since > max(promised, self.times.duration)

    def _written(self, seen: _Seen | None) -> Manifest:
        """Return the Lease with this process as its holder."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        former = seen.spec if seen is not None else {}
        transitions = int(former.get("leaseTransitions") or 0)
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self.times.duration),
            "acquireTime": former.get("acquireTime"),
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        if seen is None or seen.holder != self.identity:
            spec |= {"acquireTime": now, "leaseTransitions": transitions + (seen is not None)}
        base: Manifest = seen.lease if seen is not None else {"metadata": {}}
        where = {"namespace": self.lock.namespace, "name": self.lock.name}
        return base | {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": self.lock.kind,
            "metadata": base["metadata"] | where,
            "spec": spec,
        }
