"""Connections from one network namespace to another, made with the namespaces' own sockets, many at a time."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import selectors
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from waiting import until
from who_reaches_whom import PORTS, Port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET: Final = 0x40000000
_BACKLOG: Final = 512
_KINDS: Final = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
# Recursion desired, one question: the A record of kubernetes.default.svc.cluster.local (RFC 1035, section 4).
_QUESTION: Final = b"".join(
    (
        bytes.fromhex("6e77 0100 0001 0000 0000 0000"),
        *(bytes([len(part)]) + part for part in (b"kubernetes", b"default", b"svc", b"cluster", b"local")),
        bytes.fromhex("00 0001 0001"),
    )
)


@dataclass(frozen=True)
class Endpoint:
    """Somebody on the network: a network namespace, and an address in it."""

    namespace: Path
    address: str


@dataclass(frozen=True)
class Target:
    """Where a connection goes; `name` is what a test calls the receiver."""

    name: str
    address: str
    port: Port


def _call(code: int) -> None:
    if code:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def entered(namespace: Path) -> Iterator[None]:
    """Let this thread's new sockets be in a network namespace while the block runs."""
    with Path("/proc/thread-self/ns/net").open() as own, namespace.open() as other:
        _call(_LIBC.setns(other.fileno(), _CLONE_NEWNET))
        try:
            yield
        finally:
            _call(_LIBC.setns(own.fileno(), _CLONE_NEWNET))


@contextlib.contextmanager
def new_namespace() -> Iterator[Path]:
    """Make a network namespace, which ends with the block, or with this process."""
    held: list[int] = []

    def leave() -> None:
        _call(_LIBC.unshare(_CLONE_NEWNET))
        held.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    (descriptor,) = held
    try:
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    finally:
        os.close(descriptor)


class Listeners:
    """Answers on every port of the tables at many endpoints, where nobody does yet: a refusal is then a policy's."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._selector = selectors.DefaultSelector()
        for endpoint in endpoints:
            with entered(endpoint.namespace):
                for port in PORTS:
                    self._listen(endpoint.address, port)

    def _listen(self, address: str, port: Port) -> None:
        made = socket.socket(type=_KINDS[port.protocol])
        made.setblocking(False)
        try:
            made.bind((address, port.number))
        except OSError as error:
            made.close()
            if error.errno != errno.EADDRINUSE:
                raise
            return
        if port.protocol == "TCP":
            made.listen(_BACKLOG)
        self._selector.register(made, selectors.EVENT_READ)

    def answer(self) -> None:
        """Accept and close what was connected, and send back what was sent, as far as it is here by now."""
        for key, _ in self._selector.select(0):
            made = key.fileobj
            assert isinstance(made, socket.socket)
            with contextlib.suppress(BlockingIOError):
                if made.type == socket.SOCK_DGRAM:
                    made.sendto(*made.recvfrom(len(_QUESTION)))
                else:
                    made.accept()[0].close()

    def close(self) -> None:
        """Stop listening."""
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


def open_to(sender: Endpoint, targets: Iterable[Target], listeners: Listeners) -> set[Target]:
    """Connect to all targets at once, and return those that answered. Each of the others must have been refused."""
    found: set[Target] = set()
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as waiting:
        with entered(sender.namespace):
            for target in targets:
                made = stack.enter_context(socket.socket(type=_KINDS[target.port.protocol]))
                made.setblocking(False)
                made.bind((sender.address, 0))
                code = made.connect_ex((target.address, target.port.number))
                if code not in {0, errno.EINPROGRESS}:
                    raise OSError(code, f"{os.strerror(code)}: {target}")
                if target.port.protocol == "UDP":
                    made.send(_QUESTION)
                events = selectors.EVENT_READ if target.port.protocol == "UDP" else selectors.EVENT_WRITE
                waiting.register(made, events, target)

        def all_decided() -> bool:
            listeners.answer()
            for key, _ in waiting.select(0):
                assert isinstance(key.fileobj, socket.socket)
                waiting.unregister(key.fileobj)
                if _answered(key.fileobj):
                    found.add(key.data)
            return not waiting.get_map()

        until(lambda: f"an answer or a refusal of {[key.data for key in waiting.get_map().values()][:3]}", all_decided)
    return found


def _answered(made: socket.socket) -> bool:
    """Return whether a connection was accepted or a packet answered, rather than refused."""
    if made.type == socket.SOCK_DGRAM:
        try:
            return bool(made.recv(len(_QUESTION)))
        except ConnectionRefusedError:
            return False
    code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code not in {0, errno.ECONNREFUSED}:
        raise OSError(code, os.strerror(code))
    return code == 0
