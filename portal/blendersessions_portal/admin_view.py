"""All sessions in words, for administrators: searched, in pages, and what waits and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from blendersessions.model.conditions import ConditionType
from blendersessions.model.session import DEFAULT_CLASS
from blendersessions_portal import admin_wording, lifetime_words, wording
from blendersessions_portal.progress import State, describe, is_queued

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from blendersessions.model.session_class import SessionClass
    from blendersessions_portal.progress import Progress
    from blendersessions_portal.session_view import SessionView

PAGE_SIZE: Final = 100
_WAITING: Final = {State.QUEUED, State.WORKING, State.AWAITING, State.SUSPENDING, State.FAILED}
_MAX_QUERY_CHARACTERS: Final = 256
"""Longer than any name of an owner, a session or a class."""


@dataclass(frozen=True)
class AdminRow:
    """Somebody's session in words. What the operator does not report is empty."""

    name: str
    uid: str
    owner: str
    class_name: str
    state: State
    state_words: str
    headline: str
    created: str
    age: str
    users: str
    idle_since: str
    idle: str
    until: str
    can_suspend: bool
    can_resume: bool
    can_tell: bool
    suspending: str
    stopping: str
    loses_files: bool


@dataclass(frozen=True)
class Found:
    """One page of the sessions that a search found.

    Attributes:
        total: the number of sessions on all pages.
        everything: the number of sessions without a search.
        page: the number of this page, from 1.
        previous: the query of the address of the page before; empty if there is none.
        following: the query of the address of the next page; empty if there is none.
    """

    rows: tuple[AdminRow, ...]
    query: str
    total: int
    everything: int
    page: int
    pages: int
    previous: str
    following: str


@dataclass(frozen=True)
class WaitingRow:
    """Somebody's session that is not ready, and why.

    Attributes:
        place: the place in the line of its class; empty if it is in none.
        message: the same in the operator's words, as far as they name nothing of the cluster.
    """

    name: str
    owner: str
    class_name: str
    place: str
    headline: str
    message: str
    since: str


@dataclass(frozen=True)
class ClassRow:
    """A class in words, with its sessions and its pool. Numbers that nothing tells are empty.

    Attributes:
        running: the sessions whose desktop is there.
        queued: the sessions in the line of the class.
        places: how many sessions may run at a time.
        ready: desktops in the pool that a session can take.
        starting: desktops in the pool that are being started.
        wanted: how many the pool shall have.
        reason: how the pool is, or that there is none.
    """

    name: str
    sessions: int
    running: int
    queued: int
    places: str
    ready: str
    starting: str
    wanted: str
    reason: str


def class_rows(classes: Sequence[SessionClass], sessions: Sequence[SessionView]) -> list[ClassRow]:
    """Return the classes by name, also one that sessions name and that does not exist."""
    known = {each.name: each for each in classes}
    names = sorted(known.keys() | {session.class_name for session in sessions})
    return [_class_row(name, known.get(name), [each for each in sessions if each.class_name == name]) for name in names]


def _class_row(name: str, of: SessionClass | None, sessions: Sequence[SessionView]) -> ClassRow:
    pool, places = of.pool_status if of is not None else None, of.spec.limits.sessions if of is not None else None
    return ClassRow(
        name=name,
        sessions=len(sessions),
        running=sum(bool(session.status.replicas) for session in sessions),
        queued=sum(is_queued(session) for session in sessions),
        places=str(places) if places is not None else "",
        ready=str(pool.ready) if pool is not None else "",
        starting=str(pool.starting) if pool is not None else "",
        wanted=str(pool.wanted) if pool is not None else "",
        reason=_pool_words(name, of),
    )


def _pool_words(name: str, of: SessionClass | None) -> str:
    if of is None:
        return admin_wording.BUILT_IN if name == DEFAULT_CLASS else admin_wording.NO_SUCH_CLASS
    if of.spec_error:
        return admin_wording.POOLS["PoolClassInvalid"]
    if of.pool_status is None:
        return admin_wording.POOL_NOT_REPORTED if of.spec.warm_pool is not None else admin_wording.NO_POOL
    reason = of.pool_status.reason
    return admin_wording.POOLS.get(reason) or wording.REASON_ALONE.format(reason=reason or "nothing")


def search(sessions: Sequence[SessionView], query: str, page: int, now: datetime) -> Found:
    """Return a page of the sessions of which the name, the owner or the class has each word of a query."""
    query = " ".join(query[:_MAX_QUERY_CHARACTERS].split())
    words = query.casefold().split()
    found = [session for session in sessions if all(word in _searched(session) for word in words)]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Found(
        rows=tuple(_row(session, now) for session in shown),
        query=query,
        total=len(found),
        everything=len(sessions),
        page=page,
        pages=pages,
        previous=address_query(query, page - 1) if page > 1 else "",
        following=address_query(query, page + 1) if page < pages else "",
    )


def address_query(query: str, page: int, told: str = "") -> str:
    """Return the query of the address of a page of a search, which says that a session was sent a message."""
    return urlencode({"q": query, "page": page} | ({"told": told} if told else {}))


def waiting(sessions: Sequence[SessionView], now: datetime) -> list[WaitingRow]:
    """Return the sessions that wait for something: each class's line in its order, and then the others by age."""
    rows = [(_order(session), _waiting_row(session, now)) for session in sessions]
    return [row for _, row in sorted(((order, row) for order, row in rows if row), key=lambda pair: pair[0])]


def _searched(session: SessionView) -> str:
    # No name has a line break, so no word is found across two of them.
    return f"{session.name}\n{session.owner}\n{session.class_name}".casefold()


def _row(session: SessionView, now: datetime) -> AdminRow:
    progress, activity = describe(session, now), session.activity
    runs = session.live and not session.suspended
    idle_since = activity.last_active_at if runs else None
    until = activity.expires_at if session.live and not session.suspend_requested else None
    return AdminRow(
        name=session.name,
        uid=session.uid,
        owner=session.owner,
        class_name=session.class_name,
        state=progress.state,
        state_words=admin_wording.STATES[progress.state],
        headline=progress.headline,
        created=session.created.isoformat(),
        age=lifetime_words.age(session.created, now),
        users=str(activity.users) if runs and activity.users is not None else "",
        idle_since=idle_since.isoformat() if idle_since else "",
        idle=lifetime_words.age(idle_since, now) if idle_since else "",
        until=f"{lifetime_words.until(until, now)} ({until:%H:%M} UTC)" if until else "",
        can_suspend=session.can_suspend,
        can_resume=session.can_resume,
        can_tell=session.has_files,
        suspending=admin_wording.SUSPEND[session.files],
        stopping=admin_wording.STOP[session.files],
        loses_files=session.files.name != "KEPT",
    )


def _waiting_row(session: SessionView, now: datetime) -> WaitingRow | None:
    progress, queue = describe(session, now), session.status.queue
    if progress.state not in _WAITING:
        return None
    in_line = progress.state is State.QUEUED and queue is not None and queue.position
    since = (queue.queued_at if in_line and queue else None) or session.changed or session.created
    return WaitingRow(
        name=session.name,
        owner=session.owner,
        class_name=session.class_name,
        place=str(queue.position) if in_line and queue else "",
        headline=progress.headline,
        message=_message(session, progress),
        since=lifetime_words.age(since, now),
    )


def _message(session: SessionView, progress: Progress) -> str:
    ready = session.status.condition(ConditionType.READY)
    if progress.state is State.QUEUED and ready is not None:
        return ready.message
    unfinished = [step for step in progress.steps if step.state is not State.READY]
    broken = next((step for step in unfinished if step.state is State.FAILED), unfinished[0] if unfinished else None)
    return (broken.details or broken.message) if broken is not None else progress.detail


def _order(session: SessionView) -> tuple[bool, str, int, str, str]:
    queue = session.status.queue
    position = queue.position if queue is not None and queue.position else 0
    return not position, session.class_name, position, session.created.isoformat(), session.name
