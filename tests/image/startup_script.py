"""Runs Python on Blender's main thread for the tests. Blender loads it from its folder of startup scripts.

A client connects to the Unix socket and sends one line, `{"code": TEXT}`. It gets one line when the code begins,
and one when it ends: `{"result": VALUE}` or `{"error": TEXT}`. VALUE is what the code's last expression gives; as
text, if JSON cannot hold it.
"""

import ast
import contextlib
import json
import queue
import socket
import threading
import traceback
from pathlib import Path

import bpy

SOCKET = Path("/run/blender-tests/socket")
_TICK_SECONDS = 0.05
_waiting: "queue.SimpleQueue[tuple[str, socket.socket]]" = queue.SimpleQueue()


def register() -> None:
    """Listen; called by Blender."""
    if bpy.app.background:
        return
    SOCKET.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(SOCKET))
    server.listen()
    threading.Thread(target=_accept, args=[server], name="tests", daemon=True).start()
    bpy.app.timers.register(_run_one, persistent=True)


def unregister() -> None:
    """Do nothing; Blender wants to call it."""


def _accept(server: socket.socket) -> None:
    while True:
        client, _ = server.accept()
        with client.makefile("r") as lines:
            _waiting.put((json.loads(lines.readline())["code"], client))


def _run_one() -> float:
    try:
        code, client = _waiting.get_nowait()
    except queue.Empty:
        return _TICK_SECONDS
    with client:
        _send(client, {"begun": True})
        try:
            answer = {"result": _run(code)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        _send(client, answer)
    return _TICK_SECONDS


def _run(code: str) -> object:
    """Run the code, and return what its last expression gives; None if the last statement is none."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    names: dict[str, object] = {"bpy": bpy}
    exec(compile(tree, "<test>", "exec"), names)  # noqa: S102 - it is what the tests send
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), names) if last else None  # noqa: S307


def _send(client: socket.socket, message: dict[str, object]) -> None:
    # Blender does not ignore SIGPIPE, and the client may be gone.
    with contextlib.suppress(BrokenPipeError):
        client.sendall(json.dumps(message, default=repr).encode() + b"\n", socket.MSG_NOSIGNAL)
